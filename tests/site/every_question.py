"""Every question that the site practises, answered in a browser: does it say what Python says?

    make practice            # some minutes; `SITE=folder` takes a site that is built

The right answer and every known mistake are written into the page's editor and checked there.
Status, text and HTML of the verdict have to be CPython's. Then the unit is saved as a notebook, and
`course check` has to give all points for what is practised. Times are of this machine.
"""

import re
import statistics
import subprocess
import sys
import time

import pytest

from helpers.authoring.notebooks import find_units
from helpers.exercises import EXERCISES
from tests import COURSE
from tests.site.answers import answers_to
from tests.site.page import Question, watched

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.set_default_timeout(120_000)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("unit", [unit.name for unit in find_units(COURSE)])
def test_every_verdict_of_a_unit_is_pythons(unit, page, address, tmp_path):
    errors = watched(page)
    page.goto(f"{address}units/{unit}.html")
    practised = page.locator("section[data-question]").evaluate_all(
        "all => all.map(each => each.dataset.question)"
    )
    differ, seconds, hints = [], [], 0
    for name in practised:
        question = Question(page, name)
        # The right answer last: it stays, for later questions and for the notebook.
        for answer in reversed(answers_to(name)):
            question.write(answer.text)
            before = time.monotonic()
            seen = question.judged(answer.verdict.html())
            seconds.append(time.monotonic() - before)
            hints += bool(answer.verdict.hint)
            expected = (answer.verdict.status, answer.verdict.text(), seen["expected"])
            if (seen["status"], seen["text"], seen["html"]) != expected:
                differ.append(f"{name}, {answer.kind}: {seen['text']}")
    notebook = saved(page, tmp_path)
    print(
        f"\n{unit}: {len(practised)} questions, {len(seconds)} verdicts, {hints} with a hint; the "
        f"first after {seconds[0]:.1f} s, in the median {statistics.median(seconds):.2f} s"
    )
    assert differ == []
    assert errors == []
    missing = {each.name for each in EXERCISES.values() if each.unit == unit} - set(practised)
    assert not_right(notebook) == missing


def saved(page, folder):
    """The unit's notebook, as its reader saves it."""
    with page.expect_download() as download:
        page.locator("button[data-save]").click()
    download.value.save_as(folder / "saved.ipynb")
    return folder / "saved.ipynb"


def not_right(notebook):
    """The questions of a notebook that `course check` does not find right."""
    command = [sys.executable, "-m", "helpers.cli", "check", str(notebook)]
    said = subprocess.run(command, cwd=COURSE, capture_output=True, text=True)
    verdicts = dict(re.findall(r"^\[.*?\] (\w+): (.*)$", said.stdout, re.MULTILINE))
    assert verdicts, said.stdout + said.stderr
    return {name for name, said in verdicts.items() if name in EXERCISES and said != "right"}
