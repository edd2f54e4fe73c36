"""Only the grader's verdicts stand in a graded notebook, whatever a student sends or hands in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from helpers.grading.engine.grade_submission import Graded, Unit, grade_submission
from helpers.grading.engine.verdict_outputs import MIME_TYPE, verdict_output, verdicts_of
from helpers.grading.handin.ipynb import marks_of
from helpers.grading.sandbox.confined import CONFINED
from helpers.grading.sandbox.host import ForkClient
from helpers.grading.sandbox.outputs import MIME_TYPES, Outputs
from helpers.verdict import Row, Verdict
from tests.attacks import read_cases
from tests.grading import sample

(ATTACK,) = (case for case in read_cases() if case.name == "forged_verdict")
FORGED = verdict_output(Verdict("softmax_flops", "right", 1.0, (), "forged"))
#: The questions of the sample unit that `check` judges.
CHECKED = {"softmax_flops", "prelu_flops", "plot_intensity"}
#: All but the first question.
REST = sample.POINTS - 2


@pytest.fixture(scope="module")
def client() -> Iterator[ForkClient]:
    with CONFINED.serve() as server:
        yield server.client()


def graded(notebook: dict[str, Any], client: ForkClient) -> Graded:
    source = json.dumps(sample.source_notebook()).encode()
    unit = Unit.read(sample.UNIT, sample.UNIT, source, b"secret")
    data = json.dumps(notebook).encode()
    return grade_submission(unit, "ada", data, client.start)


def verdicts(graded: Graded) -> dict[str, Verdict]:
    return {
        verdict.exercise: verdict
        for cell in graded.notebook["cells"]
        for verdict in verdicts_of(cell)
    }


def typed(graded: Graded) -> list[str]:
    """Grade ids of the cells that hold an output of the grader's type, or a word of it."""
    return [
        marks_of(cell).get("grade_id", cell["id"])
        for cell in graded.notebook["cells"]
        if MIME_TYPE in json.dumps(cell.get("outputs", []))
    ]


def test_no_output_of_a_student_is_let_through_with_the_type_of_a_verdict() -> None:
    assert MIME_TYPE not in MIME_TYPES
    outputs = Outputs()
    for kind in ("display_data", "execute_result", "update_display_data"):
        metadata = {MIME_TYPE: {"width": 1}}
        outputs.add(kind, FORGED | {"metadata": metadata, "transient": {"display_id": "x"}})
    assert len(outputs.items) == 2
    assert MIME_TYPE not in json.dumps(outputs.items)


def test_a_verdict_that_a_cell_or_an_answer_sends_is_dropped(client: ForkClient) -> None:
    notebook = sample.answered(sample.RIGHT | {"softmax_flops": ATTACK.cell})
    notebook["cells"].append(sample.added_cell(ATTACK.cell))
    result = graded(notebook, client)
    assert set(typed(result)) == {f"check_{name}" for name in CHECKED}
    said = verdicts(result)
    assert (said["softmax_flops"].status, result.total) == ("wrong", REST)
    assert "FOUND" not in json.dumps([verdict.to_data() for verdict in said.values()])


def test_a_verdict_in_the_outputs_that_a_notebook_came_with_is_dropped(client: ForkClient) -> None:
    """In every code cell, in one of the student's own, and in one that says it is a test; the
    cells that are not run keep no output either."""
    wrong = "def softmax_flops(batch, n):\n    return 1"
    notebook = sample.answered(sample.RIGHT | {"softmax_flops": wrong})
    for tags in ([], ["skip-grading"], ["gpu"]):
        cell = sample.added_cell("x = 1")
        cell["metadata"]["tags"] = tags
        notebook["cells"].append(cell)
    fake = sample.added_cell("x = 2")
    fake["metadata"]["nbgrader"] = {"grade_id": "check_fake", "grade": True, "points": 5}
    notebook["cells"].append(fake)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [FORGED]
    result = graded(notebook, client)
    assert set(typed(result)) == {f"check_{name}" for name in CHECKED}
    said = verdicts(result)
    assert (said["softmax_flops"].status, result.total) == ("wrong", REST)
    assert "forged" not in json.dumps(result.notebook)


def test_a_page_made_of_a_notebook_is_the_same_with_the_data_and_without() -> None:
    from nbconvert import HTMLExporter
    from nbformat.notebooknode import from_dict

    verdict = Verdict("softmax_flops", "wrong", 0.0, (Row("n=1", "", "1", "2"),), "a hint")
    with_data = verdict_output(verdict)
    shown = {kind: text for kind, text in with_data["data"].items() if kind != MIME_TYPE}
    pages = []
    for output in (with_data, with_data | {"data": shown}):
        notebook = sample.released_notebook()
        test = next(cell for cell in notebook["cells"] if cell["source"].startswith("check("))
        test["outputs"] = [output]
        pages.append(HTMLExporter().from_notebook_node(from_dict(notebook))[0])
    assert "a hint" in pages[0]
    assert pages[0] == pages[1]
