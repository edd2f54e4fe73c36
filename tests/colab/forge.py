"""A stand-in for GitHub: repositories served by git's own smart HTTP server, on this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ada"), ("EMAIL", "ada@uni.example"))
}


def git(*arguments: object, cwd: Path) -> str:
    """What a git command prints."""
    command = ["git", *map(str, arguments)]
    ran = subprocess.run(
        command, cwd=cwd, env={**os.environ, **AUTHOR}, capture_output=True, text=True, check=True
    )
    return ran.stdout


@dataclass(frozen=True)
class Forge:
    """The server: repositories below `folder`, each at `address`/NAME. Those in private/ want a
    password that nobody has."""

    folder: Path
    address: str

    def new(self, name: str) -> str:
        """Makes an empty repository, to which everybody may push, and gives its address."""
        repository = self.folder / name
        repository.mkdir(parents=True)
        git("init", "--quiet", "--bare", "--initial-branch", "main", cwd=repository)
        git("config", "http.receivepack", "true", cwd=repository)
        return f"{self.address}/{name}"

    def publish(self, name: str, files: Mapping[str, str | Path], tag: str) -> str:
        """A repository with these files (texts, or files and folders to copy) and a tag."""
        address = self.new(name)
        work = self.folder / "work" / name
        work.mkdir(parents=True)
        git("init", "--quiet", "--initial-branch", "main", cwd=work)
        for path, source in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, str):
                (work / path).write_text(source, encoding="utf-8")
            else:
                subprocess.run(["cp", "-r", source, work / path], check=True)
        git("add", "--all", cwd=work)
        git("commit", "--quiet", "--message", "all of it", cwd=work)
        git("tag", tag, cwd=work)
        git("push", "--quiet", self.folder / name, "main", tag, cwd=work)
        return address


@contextmanager
def serve(folder: Path) -> Iterator[Forge]:
    """Serves what is in a folder until the block ends."""

    class Handler(_Handler):
        root = folder

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Forge(folder, f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to `git http-backend`, as a web server does (RFC 3875)."""

    root: Path

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path.startswith("/private/"):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="a forge"')
            self.end_headers()
            return
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": "127.0.0.1",
            # The repositories may belong to another user than the one who runs the tests.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        body = self._body()
        environment["CONTENT_LENGTH"] = str(len(body))
        ran = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True
        )
        head, _, content = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *args: object) -> None:
        """Nothing: what a test prints is its own."""
