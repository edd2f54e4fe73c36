"""nbgrader's own pages on a class that this course's engine graded, as a person reads them."""

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.grading.class_run import Options, grade_class
from helpers.grading.manual_grading.marks import Reading
from helpers.grading.manual_grading.reader import Reader, Wanted
from tests.grading import sample

pytestmark = pytest.mark.needs("chromium")

WHY = "Because a larger batch reads the weights once for more samples."
WRONG = {"softmax_flops": "def softmax_flops(batch, n):\n    return batch * (6 * n - 1)"}
HINT = "priced as 1 where the price list says more: exponentials"
GRADEBOOK = f"formgrader/gradebook/{sample.UNIT}/{sample.UNIT}"


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """Two students, graded: ada is right, ben prices an exponential as 1 and loses two points."""
    made = sample.make_course(tmp_path_factory.mktemp("course"))
    sample.hand_in(made, "ada", sample.answered(sample.RIGHT | {"why": WHY}))
    sample.hand_in(made, "ben", sample.answered(sample.RIGHT | WRONG | {"why": WHY}))
    grade_class(made, sample.UNIT, Options(jobs=1))
    return made


@pytest.fixture(scope="module")
def address(course, serve):
    return serve(course)


def submissions(page, address):
    """Of each submission to be read: all points, those in words, and whether it waits. formgrader
    lists them without names, in the order of random numbers; here by their points."""
    page.goto(f"{address}{GRADEBOOK}")
    page.wait_for_selector("tbody td.written-score")
    return sorted(
        (
            line.locator("td.score").inner_text(),
            line.locator("td.written-score").inner_text(),
            line.locator("td.needs-manual-grade .glyphicon-ok").count() == 1,
        )
        for line in page.locator("tbody tr").all()
    )


def test_the_list_says_who_waits_to_be_read(address, page, shot):
    page.goto(f"{address}formgrader/manage_submissions/{sample.UNIT}")
    page.wait_for_selector("tbody td.student-id")
    lines = [
        [line.locator(f"td.{kind}").inner_text() for kind in ("student-id", "score", "status")]
        for line in page.locator("tbody tr").all()
    ]
    shot(page, "formgrader-list")
    assert lines == [
        ["ada", "11 / 13", "needs manual grading"],
        ["ben", "9 / 13", "needs manual grading"],
    ]


def test_a_person_gives_points_for_an_explanation_and_feedback_shows_them(
    course, address, page, shot
):
    assert submissions(page, address) == [("11 / 13", "0 / 2", True), ("9 / 13", "0 / 2", True)]

    page.locator("tbody tr", has_text="9 / 13").get_by_role("link").first.click()
    page.wait_for_selector("input#why.needs_manual_grade")
    shot(page, "formgrader-submission")
    text = page.inner_text("#notebook")
    assert f"Hint: {HINT}" in text
    assert "drawn when grading: 0 of 5 right" in text
    assert WHY in text
    assert page.locator("input#check_softmax_flops").get_attribute("placeholder") == "0"
    with page.expect_response("**/api/grade/*"):
        page.locator("input#why").fill("1.5")
        page.locator("input#why").press("Tab")
    with page.expect_response("**/api/comment/*"):
        page.locator("textarea#why-comment").fill("Say which weights.")
        page.locator("textarea#why-comment").press("Tab")

    assert submissions(page, address) == [
        ("10.5 / 13", "1.5 / 2", False),
        ("11 / 13", "0 / 2", True),
    ]

    command = [Path(sys.executable).parent / "course", "feedback", sample.UNIT]
    wrote = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert wrote.returncode == 0, wrote.stderr
    page.goto((course / f"feedback/ben/{sample.UNIT}/{sample.UNIT}.html").as_uri())
    shot(page, "feedback")
    text = page.inner_text("body")
    assert "Score: 10.5 / 13.0" in text
    assert "Say which weights." in text
    assert HINT in text
    assert "tangerine" not in page.content()  # from a hidden test


def test_what_was_read_on_our_page_is_in_formgrader(course, address, page):
    # Ben is read here already; ada still waits.
    with Reader(course, sample.UNIT, "why") as reader:
        reader.add_item(2, "Weights, indeed.")
        (item,) = reader.state()["rubric"]
        (ada,) = (answer for answer in reader.state()["answers"] if answer["waits"])
        reader.save([Wanted(ada["id"], ada["version"], Reading((item["id"],)))])
    assert ("13 / 13", "2 / 2", False) in submissions(page, address)
    page.locator("tbody tr", has_text="13 / 13").get_by_role("link").first.click()
    page.wait_for_selector("input#why")
    page.wait_for_function("document.querySelector('#why-comment').value !== ''")
    assert page.locator("textarea#why-comment").input_value() == "Weights, indeed."
    assert page.locator("input#why").input_value() == "2"
