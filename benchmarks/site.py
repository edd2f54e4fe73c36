"""How long a reader of the site waits for a verdict, and writes benchmarks/results/site.md.

    make site && python benchmarks/site.py

The site is served as over a 4G line: all connections share 9 Mbit/s, and each request waits 85 ms.
It is the server that waits, as Chromium's own emulation of a network does not reach a web worker.
A fresh browser opens a unit on a window of 390 px, writes a right answer and presses Check, as
somebody does who had the answer ready: a reader who types it waits for less.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from helpers.files import write_text  # noqa: E402
from helpers.grading.commands import doctor  # noqa: E402
from tests.site.answers import worked  # noqa: E402
from tests.site.page import FLAGS, Question  # noqa: E402

UNIT, NAME = "02_flops", "linear_cost"
#: Bytes and seconds.
PER_SECOND, LATENCY, PIECE = 9e6 / 8, 0.085, 16_384
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


class Line:
    """What all connections share: a piece is sent when those before it have gone."""

    def __init__(self) -> None:
        self._lock, self._free, self.sent = threading.Lock(), 0.0, 0

    def wait(self, size: int) -> None:
        with self._lock:
            begin = max(self._free, time.monotonic())
            self._free = begin + size / PER_SECOND
            self.sent += size
        time.sleep(max(0.0, self._free - time.monotonic()))


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    line: Line

    def do_GET(self) -> None:
        time.sleep(LATENCY)
        with suppress(ConnectionError):  # the browser left the page
            super().do_GET()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        while piece := source.read(PIECE):
            self.line.wait(len(piece))
            outputfile.write(piece)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path, line: Line) -> Iterator[str]:
    handler = type("_", (Handler,), {"line": line})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def waited(page: Any) -> float:
    """Seconds from Check to the verdict on a right answer that stands in the editor."""
    question = Question(page, NAME)
    begin = time.monotonic()
    assert question.judged()["status"] == "right"
    return time.monotonic() - begin


def visit(browser: Any, site: Path) -> dict[str, float]:
    """A reader who was never here."""
    line, answer = Line(), worked(UNIT)[NAME]
    with served(site, line) as address:
        context = browser.new_context(viewport={"width": 390, "height": 844})
        page = context.new_page()
        page.set_default_timeout(300_000)
        page.goto(f"{address}units/{UNIT}.html", wait_until="commit")
        page.locator(f'section[data-question="{NAME}"]').wait_for(state="attached")
        found = {"the page's text is painted": page.evaluate(PAINTED) / 1000}
        page.wait_for_load_state("load")
        found["kB of the page"] = line.sent / 1000
        begin = time.monotonic()
        field = page.locator(f'section[data-question="{NAME}"] .cm-content')
        field.focus()
        field.fill(answer)
        waited(page)
        found["first verdict, after the editor was touched"] = time.monotonic() - begin
        found["kB until then"] = line.sent / 1000
        found["the next verdict"] = statistics.median(waited(page) for _ in range(5))
        page.reload()
        begin = time.monotonic()
        page.locator(f'section[data-question="{NAME}"] .cm-content').focus()
        waited(page)
        found["first verdict on a second visit"] = time.monotonic() - begin
        context.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=ROOT / "site")
    parser.add_argument("--visits", type=int, default=3)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/site.md")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        visits = []
        for _ in range(given.visits):
            # A browser of its own: another keeps what it compiled.
            browser = playwright.chromium.launch(executable_path=doctor.chromium(), args=FLAGS)
            visits.append(visit(browser, given.site))
            browser.close()
    lines = [
        "# The site over a 4G line",
        "",
        f"{given.visits} visits, {date.today()}; written by `benchmarks/site.py`, which says what "
        "the line is and what a visit does.",
        "",
        "| s, but for sizes | least | median |",
        "| --- | --- | --- |",
    ]
    for name in visits[0]:
        each = [visit[name] for visit in visits]
        form = ",.0f" if "kB" in name else ".2f"
        lines.append(f"| {name} | {min(each):{form}} | {statistics.median(each):{form}} |")
    lines += [
        "",
        f"Load of the machine when this was written: {os.getloadavg()[1]:.1f} (5 minutes), "
        f"{os.cpu_count()} cores.",
        "",
    ]
    text = "\n".join(lines)
    print(text)
    write_text(given.output, text)


if __name__ == "__main__":
    main()
