"""Only the page that `course read` opened gets in, from this machine."""

import asyncio
import contextlib
import http.client
import json
import threading
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from helpers.grading.manual_grading.reader import RefusedError
from helpers.grading.manual_grading.server import MAX_BYTES, Server


class Recorder:
    """In a reader's place: what it was asked for."""

    def __init__(self):
        self.saved = []

    def state(self):
        return {"answers": []}

    def names(self):
        return {}

    def save(self, wanted):
        if any(each.answer == "gone" for each in wanted):
            raise RefusedError("look\nagain")
        if any(each.answer == "a fault" for each in wanted):
            raise ZeroDivisionError
        if any(each.answer == "locked" for each in wanted):
            raise ValueError("the gradebook cannot be used")
        self.saved += wanted
        return {}

    def add_item(self, points, comment):
        self.saved.append((points, comment))


@pytest.fixture(scope="module")
def running():
    """A server in a thread, and what came through to its reader."""
    started, about = threading.Event(), SimpleNamespace()

    async def main():
        about.reader, about.ends, about.loop = (
            Recorder(),
            asyncio.Event(),
            asyncio.get_running_loop(),
        )
        server = Server(about.reader)
        about.address = urlsplit(server.address)
        started.set()
        await server.run(about.ends)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    started.wait()
    yield about
    about.loop.call_soon_threadsafe(about.ends.set)
    thread.join()


@pytest.fixture
def ask(running):
    """Sends a request as the page does, but for what is said otherwise."""
    running.reader.saved.clear()
    own = {"Origin": f"http://{running.address.netloc}", "Content-Type": "application/json"}

    def send(name, body=None, headers=None, path=None, method=None):
        connection = http.client.HTTPConnection("127.0.0.1", running.address.port, timeout=20)
        sent = {**(own if body is not None else {}), **(headers or {})}
        sent = {key: value for key, value in sent.items() if value is not None}
        data = None if body is None else body if isinstance(body, str) else json.dumps(body)
        method = method or ("GET" if body is None else "POST")
        connection.request(method, f"{path or running.address.path}{name}", data, sent)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response, text

    return send


MARK = {"id": "a", "version": "v", "items": [1], "points": None, "note": ""}


def test_the_page_and_its_parts_are_there(ask):
    for name in ("", "page.css", "main.js", "view.js", "server.js"):
        response, text = ask(name)
        assert response.status == 200, name
        assert text
    assert json.loads(ask("state")[1]) == {"said": {"answers": []}}


@pytest.mark.parametrize(
    ("name", "body", "allowed"),
    [("state", {}, "GET"), ("names", [], "GET"), ("marks", None, "POST"), ("add", None, "POST")],
)
def test_what_is_asked_for_the_wrong_way_says_which_is_right(ask, name, body, allowed):
    response, text = ask(name, body)
    assert (response.status, response.headers["Allow"]) == (405, allowed)
    assert allowed in json.loads(text)["line"]


def test_a_mark_gets_through(ask, running):
    response, _ = ask("marks", [MARK])
    assert response.status == 200
    (wanted,) = running.reader.saved
    assert (wanted.answer, wanted.reading.items) == ("a", (1,))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("body", [None, [MARK]], ids=["GET", "POST"])
def test_another_host_or_another_sites_page_is_refused(ask, running, headers, body):
    response, text = ask("state" if body is None else "marks", body, headers)
    assert response.status == 403
    assert text.startswith("Refused:")
    assert running.reader.saved == []


@pytest.mark.parametrize("missing", ["Origin", "Content-Type"])
def test_a_form_of_another_page_is_refused(ask, running, missing):
    headers = {missing: None if missing == "Origin" else "text/plain"}
    assert ask("marks", [MARK], headers)[0].status == 403
    assert running.reader.saved == []


@pytest.mark.parametrize("path", ["/", "/x/", "/%C3%A9/", "//"])
@pytest.mark.parametrize("name", ["", "state", "main.js"])
def test_without_the_token_there_is_nothing(ask, path, name):
    assert ask(name, path=path)[0].status == 403


@pytest.mark.parametrize("name", ["../server.py", "%2e%2e/server.py", "server.py", "page.html/.."])
def test_no_other_file_is_served(ask, name):
    assert ask(name)[0].status in (403, 404)


def test_the_page_may_run_its_own_scripts_only(ask):
    for name in ("", "state", "nothing.js"):
        headers = ask(name)[0].headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[[[",
        "null",
        '{"id": 1}',
        "[1]",
        [MARK | {"items": "1"}],
        [MARK | {"items": [True]}],
        [MARK | {"points": "2"}],
        [MARK | {"points": True}],
        json.dumps([MARK | {"points": float("nan")}]),
        json.dumps([MARK | {"points": float("inf")}]),
        [MARK | {"note": None}],
        [MARK | {"note": "x" * 20_001}],
        [{}],
    ],
    ids=lambda body: str(body)[:30],
)
def test_what_is_no_mark_is_refused_in_one_line(ask, running, body):
    response, text = ask("marks", body)
    assert response.status in (409, 503)
    assert "\n" not in json.loads(text)["line"]
    assert running.reader.saved == []


@pytest.mark.parametrize(
    ("answer", "status", "line"),
    [
        ("gone", 409, "look again"),
        ("locked", 503, "Not saved: the gradebook cannot be used"),
        ("a fault", 500, "Not saved: something went wrong; the terminal says what"),
    ],
)
def test_what_could_not_be_saved_is_said_in_one_line(ask, answer, status, line):
    response, text = ask("marks", [MARK | {"id": answer}])
    assert (response.status, json.loads(text)) == (status, {"line": line})


def test_too_long_a_request_is_not_read(ask, running):
    # The connection is closed, or there is time for an answer before.
    with contextlib.suppress(OSError):
        assert ask("marks", "x" * (MAX_BYTES + 1))[0].status == 400
    assert running.reader.saved == []


def test_two_servers_have_two_tokens():
    async def addresses():
        return [Server(Recorder()).address.rsplit("/", 2)[1] for _ in range(2)]

    one, other = asyncio.run(addresses())
    assert one != other
    assert len(one) >= 32


def test_a_port_that_is_taken_is_named(running):
    with pytest.raises(ValueError, match=f"port {running.address.port} is taken"):
        Server(Recorder(), running.address.port)
