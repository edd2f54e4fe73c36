"""The page's server: on this machine only, for whoever has its address.

It listens on 127.0.0.1; a random token stands in the address. What comes under another host's name
(DNS rebinding) or from another site's page (request forgery) is refused. The page may run its own
scripts alone and fetch from nowhere else, whatever an answer holds.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import math
import secrets
import socket
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from helpers.grading.manual_grading.marks import Reading
from helpers.grading.manual_grading.reader import Reader, RefusedError, Wanted

HOST = "127.0.0.1"
#: Of one request; and of one comment, in characters.
MAX_BYTES, MAX_COMMENT = 4_000_000, 20_000
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


class _Door(RequestHandler):
    """Lets in who knows the token and comes from this server's own page."""

    def initialize(self, reader: Reader, token: str, host: str) -> None:
        self._reader, self._token, self._host = reader, token, host

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        asked = self.request.headers
        own = f"http://{self._host}"
        same_origin = asked.get("Origin", own) == own
        if self.request.method == "POST":
            same_origin &= "Origin" in asked and asked.get("Content-Type") == "application/json"
        same_host = asked.get_list("Host") == [self._host]
        known = hmac.compare_digest((self.path_args[0] or "").encode(), self._token.encode())
        if not (same_host and same_origin and known):
            self.send_error(403)

    def write_error(self, status_code: int, **about: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("Refused: open the address that `course read` printed.\n")


class _File(_Door):
    """The page and what belongs to it."""

    def get(self, token: str, name: str = "") -> None:
        found = _FILES.get(name or "page.html")
        if found is None:
            self.send_error(404)
            return
        kind, data = found
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.finish(data)


class _Call(_Door):
    """What the page asks for; JSON both ways. A refusal is one line."""

    def get(self, token: str, name: str) -> None:
        if name in _POSTS:
            self._refuse_method("POST")
        else:
            self._answer({"state": self._reader.state, "names": self._reader.names}[name])

    def post(self, token: str, name: str) -> None:
        if name in _POSTS:
            self._answer(lambda: _POSTS[name](self._reader, json.loads(self.request.body)))
        else:
            self._refuse_method("GET")

    def _refuse_method(self, allowed: str) -> None:
        self.set_header("Allow", allowed)
        self._refuse(405, f"This is asked for with {allowed}")

    def _answer(self, work: Callable[[], Any]) -> None:
        try:
            self.finish({"said": work()})
        except (RefusedError, _MalformedError) as problem:
            self._refuse(409, str(problem))
        except (ValueError, OSError) as problem:
            self._refuse(503, f"Not saved: {problem}")
        except Exception:
            logging.getLogger("course").exception("course read: %s", self.request.path[-20:])
            self._refuse(500, "Not saved: something went wrong; the terminal says what")

    def _refuse(self, status: int, line: str) -> None:
        self.set_status(status)
        self.finish({"line": " ".join(line.split())})


class _MalformedError(ValueError):
    """What came is nothing that the page sends."""


def _save(reader: Reader, sent: Any) -> Any:
    if not isinstance(sent, list):
        raise _MalformedError("marks come as a list")
    return reader.save([_wanted(each) for each in sent])


def _add(reader: Reader, sent: Any) -> None:
    reader.add_item(_points(sent), _text(sent, "comment"))


def _change(reader: Reader, sent: Any) -> int:
    return reader.change_item(_number(sent), _points(sent), _text(sent, "comment"))


def _remove(reader: Reader, sent: Any) -> None:
    reader.remove_item(_number(sent))


_POSTS = {"marks": _save, "add": _add, "change": _change, "remove": _remove}


def _wanted(sent: Any) -> Wanted:
    items = sent.get("items") if isinstance(sent, dict) else None
    if not isinstance(items, list) or not all(type(item) is int for item in items):
        raise _MalformedError("a mark has a list of items")
    points = None if sent.get("points") is None else _points(sent)
    reading = Reading(tuple(dict.fromkeys(items)), points, _text(sent, "note"))
    return Wanted(_text(sent, "id"), _text(sent, "version"), reading)


def _points(sent: Any) -> float:
    points: Any = sent.get("points") if isinstance(sent, dict) else None
    number = isinstance(points, (int, float)) and not isinstance(points, bool)
    if not number or not math.isfinite(points) or abs(points) > 1e6:
        raise _MalformedError("points are a number")
    return float(points)


def _text(sent: dict[str, Any], name: str) -> str:
    text = sent.get(name)
    if not isinstance(text, str) or len(text) > MAX_COMMENT:
        raise _MalformedError(f"{name} is a text of at most {MAX_COMMENT:,} characters")
    # A lone surrogate is no text that a database takes.
    return text.encode("utf-8", "replace").decode().strip()


def _number(sent: Any) -> int:
    number = sent.get("id") if isinstance(sent, dict) else None
    if not isinstance(number, int):
        raise _MalformedError("an item has a number")
    return number


def _read_files() -> dict[str, tuple[str, bytes]]:
    folder = files("helpers.grading.manual_grading") / "page"
    return {
        each.name: (_KINDS[f".{each.name.rpartition('.')[2]}"], each.read_bytes())
        for each in folder.iterdir()
    }


_FILES = _read_files()


class Server:
    """A reader's page, with its address. Made and run in one thread."""

    def __init__(self, reader: Reader, port: int = 0) -> None:
        """`port`: a free one by default. ValueError where it is taken."""
        try:
            self._sockets = bind_sockets(port, HOST, family=socket.AF_INET)
        except OSError:
            raise ValueError(f"port {port} is taken: name another, or none") from None
        host = f"{HOST}:{self._sockets[0].getsockname()[1]}"
        token = secrets.token_urlsafe(24)
        self.address = f"http://{host}/{token}/"
        known = {"reader": reader, "token": token, "host": host}
        names = "|".join(_POSTS)
        self._application = Application(
            [
                (rf"/([\w-]+)/(state|names|{names})", _Call, known),
                (r"/([\w-]+)/([\w.]*)", _File, known),
                (r"/(.*)", _File, known),
            ],
            log_function=lambda handler: None,
        )

    async def run(self, ends: asyncio.Event | None = None) -> None:
        """Serves until `ends` is set, or for ever."""
        server = HTTPServer(self._application, max_buffer_size=MAX_BYTES)
        server.add_sockets(self._sockets)
        await (ends or asyncio.Event()).wait()
        server.stop()
        await server.close_all_connections()
