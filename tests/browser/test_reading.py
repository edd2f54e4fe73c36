"""`course read` in a real browser: a class's explanations read to the end, by keys and by mouse."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from contextlib import contextmanager

import pytest

from helpers.grading.commands.history import read_history
from helpers.grading.manual_grading.reader import Reader
from helpers.grading.manual_grading.server import Server
from tests import COURSE
from tests.grading.manual_grading import classroom
from tests.grading.manual_grading.classroom import QUESTION, UNIT, formgrader, rows

pytestmark = pytest.mark.needs("chromium")

ATTACKS = tomllib.loads((COURSE / "tests/attacks/markup.toml").read_text())

#: What a reader does with an answer that holds these words: an item's key, or points and a comment.
RULES = {
    "read once": ("1", {"manual_score": 2}, "Right."),
    "more arithmetic": ("2", {"manual_score": 1.5}, "Which arithmetic?"),
    "GPU is faster": ("3", {"manual_score": 0}, "Faster than what?"),
    "do not know": ("z", {"manual_score": 0}, None),
    "My own answer": ("p", {"manual_score": 1.25}, "An idea of your own."),
}


def rule_of(text):
    (rule,) = (rule for words, rule in RULES.items() if words in text)
    return rule


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Thirty explanations that wait to be read."""
    texts = classroom.explanations(30)
    answers = {f"student{number:02}": text for number, text in enumerate(texts)}
    return classroom.make(tmp_path_factory.mktemp("reading") / "course", answers), answers


@pytest.fixture
def course(graded, tmp_path):
    return shutil.copytree(graded[0], tmp_path / "course")


@pytest.fixture
def serve_page():
    """Serves a course's page from a thread, and gives its address."""
    ends = []

    def start(course):
        started, about = threading.Event(), {}

        async def main():
            with Reader(course, UNIT, QUESTION) as reader:
                server, end = Server(reader), asyncio.Event()
                about["address"] = server.address
                loop = asyncio.get_running_loop()
                ends.append(
                    (threading.current_thread(), lambda: loop.call_soon_threadsafe(end.set))
                )
                started.set()
                await server.run(end)

        threading.Thread(target=lambda: asyncio.run(main())).start()
        started.wait()
        return about["address"]

    yield start
    for thread, end in ends:
        end()
        thread.join()


@pytest.fixture
def terminal():
    """Starts `course read` as a person does; gives the address that it prints, and its process."""
    running = []

    def start(course):
        command = [sys.executable, "-m", "helpers.cli", "read", UNIT, QUESTION, "--no-browser"]
        command += ["--course", str(course)]
        environment = {**os.environ, "PYTHONPATH": str(COURSE)}
        # Tests may run where a closed terminal is ignored, and what is ignored is inherited.
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )
        running.append(process)
        process.stdout.readline()
        return process.stdout.readline().split(" at ")[1].split(" ")[0], process

    yield start
    for process in running:
        process.kill()
        process.wait(30)


def opened(page, address):
    # Of what is in a bundle, tests read the text content: the browser draws no bundle that is out
    # of sight, and what is not drawn has no inner text.
    page.goto(address)
    page.wait_for_selector(".bundle")
    return page


@contextmanager
def saved(page):
    """The next save has come back, and the page shows it."""
    with page.expect_response("**/marks"):
        yield
    page.locator("body:not([aria-busy])").wait_for()


def add_items(page):
    for points, comment in (
        ("2", "Right."),
        ("1.5", "Which arithmetic?"),
        ("0", "Faster than what?"),
    ):
        page.keyboard.press("r")
        page.keyboard.type(comment)
        page.keyboard.press("Tab")
        page.keyboard.type(points)
        with page.expect_response("**/state"):
            page.keyboard.press("Enter")
        page.locator("#rubric li", has_text=comment).wait_for()


def mark_selected(page):
    """What a reader does with the group in front; returns how many keys it took."""
    key, mark, comment = rule_of(page.locator(".bundle.selected .card .text").first.text_content())
    if key != "p":
        with saved(page):
            page.keyboard.press(key)
        return 1
    points = str(mark["manual_score"])
    page.keyboard.press("p")
    page.keyboard.type(points)
    with saved(page):
        page.keyboard.press("Tab")
    page.keyboard.type(comment)
    with saved(page):
        page.keyboard.press("Control+Enter")
    return 1 + len(points) + 1 + len(comment) + 1


def test_a_class_is_read_to_the_end_by_keys_as_formgrader_would_have_written(
    graded, course, serve_page, page, shot, tmp_path
):
    expected = shutil.copytree(course, tmp_path / "expected")
    for student, text in graded[1].items():
        _, mark, comment = rule_of(text)
        formgrader(expected, student, mark, comment)
    opened(page, serve_page(course))
    add_items(page)
    groups = page.locator(".bundle").count()
    assert groups < 25
    for number in range(groups):
        mark_selected(page)
        page.keyboard.press("Enter")
        assert page.locator(".bundle.selected").count() == 1, number
    assert page.locator("#progress").inner_text().startswith("30 of 30 answers read")
    shot(page, "reading")
    assert rows(course) == rows(expected)
    changes = read_history(course, UNIT, "student00")
    assert [each.why for each in changes if each.cell == QUESTION and each.after is not None] == [
        "by hand"
    ]


def test_an_empty_rubric_says_what_an_item_is(course, serve_page, page):
    opened(page, serve_page(course))
    assert "comment for the student with points" in page.locator("#no-rubric").inner_text()
    add_items(page)
    assert not page.locator("#no-rubric").is_visible()


def test_one_click_marks_a_group_and_another_takes_one_answer_out_of_it(course, serve_page, page):
    opened(page, serve_page(course))
    add_items(page)
    bundle = page.locator(".bundle").first
    with saved(page):
        bundle.locator(".bar.group .item").first.click()
    assert "to be read" not in bundle.locator("h2").text_content()
    with saved(page):
        bundle.locator(".card").nth(1).locator(".item").nth(1).click()
    scores = bundle.locator(".score").all_text_contents()
    assert scores[:2] == ["2", "2"]  # both items are more than there is
    assert bundle.locator(".card").nth(1).locator("[data-act=apart]").text_content() == "on its own"
    with saved(page):
        bundle.locator(".bar.group .item").first.click()
    assert bundle.locator(".score").all_text_contents()[:2] == ["to be read", "2"]
    with saved(page):
        page.locator("#undo").click()
    assert bundle.locator(".score").all_text_contents()[:2] == ["2", "2"]


def test_marks_are_there_after_a_reload_and_in_a_second_window(course, serve_page, page):
    address = serve_page(course)
    opened(page, address)
    second = opened(page.context.new_page(), address)
    with saved(page):
        page.keyboard.press("f")
    with saved(second):
        second.keyboard.press("z")
    second.locator("#line", has_text="changed elsewhere: look again").wait_for()
    for window in (second, page):
        window.reload()
        window.wait_for_selector(".bundle")
        assert window.locator(".bundle").first.locator(".score").first.text_content() == "2"


def test_a_grading_meanwhile_is_one_line_and_nothing_unseen_is_marked(
    graded, course, serve_page, page
):
    opened(page, serve_page(course))
    first = page.locator(".bundle.selected .card .text").first.text_content().strip()
    student = next(name for name, text in graded[1].items() if text == first)
    classroom.grade(course, {student: "Rewritten since, in words of its own."})
    with saved(page):
        page.keyboard.press("f")
    page.locator("#line", has_text="1 answers or their marks were changed elsewhere").wait_for()
    (row,) = (row for row in rows(course) if row[:2] == (student, QUESTION))
    assert (row[3], row[5]) == (None, 1)
    page.locator(".card", has_text="Rewritten since").wait_for()


def test_a_closed_terminal_is_said_and_what_was_marked_is_there(course, serve_page, terminal, page):
    address, process = terminal(course)
    opened(page, address)
    with saved(page):
        page.keyboard.press("f")
    done = [row for row in rows(course) if row[3] is not None]
    assert done
    process.send_signal(signal.SIGHUP)
    process.wait(30)
    page.keyboard.press("j")
    page.keyboard.press("f")
    page.locator("#line.bad", has_text="Not saved: `course read` has ended").wait_for()
    opened(page, serve_page(course))
    assert [row for row in rows(course) if row[3] is not None] == done
    assert page.locator("#progress").inner_text().startswith(f"{len(done)} of 30")


def test_no_name_is_shown_before_it_is_asked_for(course, serve_page, page):
    opened(page, serve_page(course))
    assert "student0" not in page.content()
    page.keyboard.press("n")
    page.locator(".names").first.wait_for()
    assert "student0" in page.content()
    page.keyboard.press("n")
    assert "student0" not in page.content()


def test_nothing_in_an_answer_runs_or_is_fetched(course, serve_page, page):
    attacks = dict(zip((f"student{n:02}" for n in range(30)), ATTACKS.values(), strict=False))
    classroom.grade(course, attacks)
    for student, text in attacks.items():
        # As plain nbgrader would have left it: not cleaned.
        path = course / "autograded" / student / UNIT / f"{UNIT}.ipynb"
        notebook = json.loads(path.read_text())
        for cell in notebook["cells"]:
            cell["source"] = text if cell["id"] == QUESTION else cell["source"]
        path.write_text(json.dumps(notebook))
    address = serve_page(course)
    asked, ran = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    opened(page, address)
    page.wait_for_timeout(300)
    assert ran == []
    assert all(each.startswith((address, "data:,")) for each in asked), asked
    page.evaluate("document.querySelector('.text').innerHTML = '<img src=x onerror=alert(1)>'")
    page.wait_for_timeout(200)
    assert ran == []
