"""A unit's page in a browser: what its reader does, and what they see."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
#: What is shown of a verdict, beside how a browser writes the same HTML.
READ = """([place, html]) => {
    const same = document.createElement("div");
    same.innerHTML = html;
    return {status: place.dataset.status, text: place.dataset.text, html: place.innerHTML,
        expected: same.innerHTML};
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder as any static server does; gives its address."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def watched(page: Any) -> list[str]:
    """What goes wrong on a page from now on: errors, and requests that fail or ask another host."""
    seen: list[str] = []
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("console", lambda said: seen.append(said.text) if said.type == "error" else None)
    page.on("requestfailed", lambda request: seen.append(request.url))

    def ask(request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            seen.append(request.url)

    page.on("request", ask)
    return seen


class Question:
    """A question on a unit's page."""

    def __init__(self, page: Any, name: str) -> None:
        self.page = page
        self.section = page.locator(f'section[data-question="{name}"]')

    def write(self, text: str) -> None:
        """Writes an answer into the editor, in the place of what is there."""
        editor = self.section.locator(".cm-content")
        editor.focus()
        self.section.locator(".cm-editor").wait_for()
        self.section.locator(".cm-content").fill(text)

    def text(self) -> str:
        """What stands in the editor."""
        return self.section.locator(".cm-content").inner_text().replace("\n\n\n", "\n\n")

    def press(self, action: str) -> None:
        self.section.locator(f'button[data-action="{action}"]').click()

    def judged(self, html: str = "", action: str = "check", seconds: float = 120) -> dict[str, str]:
        """Presses Check; of the verdict status, text and HTML, and `html` as a browser has it."""
        self.press(action)
        place = self.section.locator("[data-verdict][data-status]")
        place.wait_for(timeout=1000 * seconds)
        return place.evaluate(f"place => ({READ})([place, {html!r}])")

    def output(self) -> str:
        return self.section.locator(".question-output").inner_text()
