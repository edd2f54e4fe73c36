"""Reads one question of a class in Chromium, and writes benchmarks/results/reading.md.

    python benchmarks/reading.py --students 300

Every answer is marked by one item of a rubric, by mouse, on the page that `course read` serves:
once with similar answers grouped, once with equal ones, once with none. After each the gradebook is
compared, row by row, with one that nbgrader's own formgrader wrote (its handlers, the same marks).
A click is a click of the browser's mouse on the page; the rubric is there before the first.

The class is drawn: of each three answers one is copied word for word from four that a class would
write, one is such an answer with other words around it, and one is of its own. What a real class
gets together depends on the question.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from helpers.files import write_text  # noqa: E402
from helpers.grading.commands import doctor  # noqa: E402
from helpers.grading.manual_grading.reader import Reader  # noqa: E402
from helpers.grading.manual_grading.server import Server  # noqa: E402
from tests.grading.manual_grading import classroom  # noqa: E402
from tests.grading.manual_grading.classroom import QUESTION, UNIT  # noqa: E402

#: Words of an answer; the points and the comment of the item that it is marked by.
RULES = (
    ("read once", 2.0, "Right."),
    ("more arithmetic", 1.5, "Which arithmetic?"),
    ("GPU is faster", 0.0, "Faster than what?"),
    ("do not know", 0.0, "Look at the table again."),
    ("My own answer", 1.25, "An idea of its own."),
)
MODES = ("similar", "equal", "none")


@dataclass(frozen=True)
class Run:
    """What reading a class took.

    Attributes:
        groups: on the page.
        clicks: until nothing waited.
        saves: seconds from each click to the answer of the server.
        different: rows of the gradebook that are not as formgrader wrote them.
    """

    mode: str
    groups: int
    clicks: int
    seconds: float
    saves: list[float]
    different: int


def rule_of(text: str) -> int:
    """The place of the one rule that fits."""
    (place,) = (place for place, rule in enumerate(RULES) if rule[0] in text)
    return place


@contextmanager
def served(course: Path) -> Iterator[str]:
    """The page's address, while it is served from a thread."""
    started, about = threading.Event(), {}

    async def main() -> None:
        with Reader(course, UNIT, QUESTION) as reader:
            if not reader.state()["rubric"]:
                for _, points, comment in RULES:
                    reader.add_item(points, comment)
            server = Server(reader)
            about.update(address=server.address, end=asyncio.Event())
            about["loop"] = asyncio.get_running_loop()
            started.set()
            await server.run(about["end"])

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    started.wait()
    yield about["address"]
    about["loop"].call_soon_threadsafe(about["end"].set)
    thread.join()


def read(page: Any, course: Path, expected: list[tuple[Any, ...]], mode: str) -> Run:
    """Read everything with the mouse."""
    with served(course) as address:
        page.goto(address)
        page.wait_for_selector(".bundle")
        for _ in range(MODES.index(mode)):
            page.locator("#grouping").click()
        groups, clicks, saves = page.locator(".bundle").count(), 0, []
        begin = time.monotonic()
        for place in range(groups):
            bundle = page.locator(".bundle").nth(place)
            item = rule_of(bundle.locator(".text").first.text_content())
            start = time.monotonic()
            with page.expect_response("**/marks"):
                bundle.locator(".bar.group .item").nth(item).click()
            saves.append(time.monotonic() - start)
            clicks += 1
        seconds = time.monotonic() - begin
        page.wait_for_function("document.querySelectorAll('.card.waits').length === 0")
        if "SCREENSHOTS" in os.environ:
            page.screenshot(path=f"{os.environ['SCREENSHOTS']}/read-{mode}.png")
    rows = classroom.rows(course)
    different = sum(one != other for one, other in zip(rows, expected, strict=True))
    return Run(mode, groups, clicks, seconds, saves, different)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/reading.md")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    texts = classroom.explanations(given.students)
    answers = {f"s{number:04}": text for number, text in enumerate(texts)}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        course = classroom.make(Path(folder) / "course", answers)
        other = Path(shutil.copytree(course, Path(folder) / "formgrader"))
        for student, text in answers.items():
            _, points, comment = RULES[rule_of(text)]
            classroom.formgrader(other, student, {"manual_score": points}, comment)
        expected = classroom.rows(other)
        browser = playwright.chromium.launch(
            executable_path=doctor.chromium(), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        runs = []
        for mode in MODES:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(120_000)
            copy = Path(shutil.copytree(course, Path(folder) / mode))
            runs.append(read(page, copy, expected, mode))
            page.close()
        browser.close()
    write_text(given.output, report(given.students, runs, len(expected)))


def report(students: int, runs: list[Run], rows: int) -> str:
    """The page of results."""
    table = [
        [
            run.mode,
            run.groups,
            run.clicks,
            f"{run.seconds:.0f}",
            f"{statistics.median(run.saves):.2f}",
            f"{max(run.saves):.2f}",
            f"{run.different} of {rows}",
        ]
        for run in runs
    ]
    head = ["groups of", "groups", "clicks", "s by machine", "s a click", "longest s"]
    head += ["rows unlike formgrader's"]
    lines = [
        "# Reading a question",
        "",
        f"{students} answers to one question, read to the end in Chromium, {date.today()}; written "
        "by `benchmarks/reading.py`, which says how the class is drawn and what is counted.",
        "",
        f"Load of the machine when this was written: {os.getloadavg()[1]:.1f} (5 minutes), "
        f"{os.cpu_count()} cores.",
        "",
        *("| " + " | ".join(map(str, line)) + " |" for line in [head, ["---"] * len(head), *table]),
        "",
        "- By keys it is two for each group: a digit and Enter.",
        "- The seconds are the browser's and the server's, and no person's who reads.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
