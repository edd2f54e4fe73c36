"""An answer stands among other cells: what it uses of them is there when it is graded, and what it
calls that is wrong is said, as a notebook says it."""

from __future__ import annotations

import json
from typing import Any

from helpers.exercises import EXERCISES
from helpers.grading.engine.grade_submission import Graded, Unit, grade_submission
from helpers.grading.engine.verdict_outputs import verdicts_of
from helpers.verdict import Verdict
from tests.grading import sample
from tests.grading.in_process_backend import FakeProcess

FOLDED = """\
import math
import no_such_package
WIDTH = 4
def number_of(x):
    return math.prod(x.shape)
class Twice:
    factor = 2
counted = sum(range(4))
raise SystemExit"""

RIGHT = {
    "element_positions": (
        "def element_positions(shape, strides, offset):\n"
        "    at = [offset]\n"
        "    for size, stride in zip(shape, strides):\n"
        "        at = [each + stride * i for each in at for i in range(size)]\n"
        "    return at"
    ),
    "tensor_map": (
        "def tensor_map(name, storage, shape, strides, offset):\n"
        "    f = {'neg': lambda x: -x, 'square': lambda x: x * x, 'relu': lambda x: max(0, x)}\n"
        "    return [f[name](storage[at]) for at in element_positions(shape, strides, offset)]"
    ),
}


def cell(source: str, name: str, tags: tuple[str, ...] = (), **marks: Any) -> dict[str, Any]:
    made = sample._cell("code", source, name, **marks)
    made["metadata"]["tags"] = list(tags)
    return made


def graded(answers: dict[str, str], folded: str = "", unit: str = "sample") -> Graded:
    """A notebook of these answers below a cell that grading leaves out."""
    solution = "### BEGIN SOLUTION\n### END SOLUTION"
    cells = [cell("x = 1", "setup"), cell(folded, "folded", ("skip-grading",))]
    for name in answers:
        cells.append(cell(f"def {name}(*_): ...\n{solution}", name, solution=True))
        test = f"check({name!r}, {name})"
        cells.append(cell(test, f"check_{name}", grade=True, points=EXERCISES[name].points))
    source = sample._notebook(cells)
    made = Unit.read(unit, unit, json.dumps(source).encode(), b"secret")
    source["metadata"]["course"]["unit"] = unit
    for each in source["cells"]:
        each["source"] = answers.get(each["id"], each["source"])
    return grade_submission(made, "ada", json.dumps(source).encode(), FakeProcess)


def verdict_of(result: Graded, name: str) -> Verdict:
    found = {each.exercise: each for c in result.notebook["cells"] for each in verdicts_of(c)}
    return found[name]


FLOPS = "def softmax_flops(batch, n):\n    return {}"
PRICE = "batch * (45 * n - 1)"


def test_what_a_left_out_cell_imports_and_defines_is_there_where_an_answer_uses_it():
    class Sized:
        shape = (2, 3)

    by_folded = f"{PRICE} * (number_of(Sized) == 6) * (WIDTH == 4) * (Twice.factor == 2)"
    answer = "class Sized:\n    shape = (2, 3)\n" + FLOPS.format(by_folded)
    assert verdict_of(graded({"softmax_flops": answer}, FOLDED), "softmax_flops").status == "right"


def test_what_it_computes_is_not():
    answer = FLOPS.format(f"{PRICE} * (counted == 6)")
    verdict = verdict_of(graded({"softmax_flops": answer}, FOLDED), "softmax_flops")
    assert (verdict.status, "NameError" in verdict.hint) == ("error", True)


def test_a_left_out_cell_takes_nothing_that_a_cell_of_the_students_gave():
    answer = "WIDTH = 1\n" + FLOPS.format(f"{PRICE} * WIDTH")
    assert verdict_of(graded({"softmax_flops": answer}, FOLDED), "softmax_flops").status == "right"


def test_nothing_of_a_left_out_cell_is_shown():
    answer = FLOPS.format(f"{PRICE} * (WIDTH == 4)")
    result = graded({"softmax_flops": answer}, "import no_such_package\nWIDTH = 4")
    (folded,) = (each for each in result.notebook["cells"] if each["id"] == "folded")
    assert not folded["outputs"]


def test_an_answer_that_calls_one_that_is_wrong_is_told_so_first():
    wrong = RIGHT | {"element_positions": "def element_positions(*_):\n    return []"}
    verdict = verdict_of(graded(wrong), "tensor_map")
    assert verdict.hint.startswith("it calls element_positions, not right yet")
    assert not verdict.misconceptions


def test_also_through_a_function_beside_it():
    wrong = {
        "element_positions": "def element_positions(*_):\n    return []",
        "tensor_map": "def places(*at):\n    return element_positions(*at)\n"
        + RIGHT["tensor_map"].replace(" element_positions(", " places("),
    }
    assert "it calls element_positions" in verdict_of(graded(wrong), "tensor_map").hint


def test_an_answer_that_calls_no_other_is_told_of_itself():
    wrong = {
        "element_positions": "def element_positions(*_):\n    return []",
        "tensor_map": "def tensor_map(*_):\n    return 1",
    }
    assert "it calls" not in verdict_of(graded(wrong), "tensor_map").hint
