"""A unit's tests are trusted after they have marked its solution, and say where they are judged."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from helpers.grading.engine.grade_submission import Graded, Unit
from helpers.grading.engine.job import GradingJob, Task
from helpers.grading.engine.judging_places import has_own_tests
from helpers.grading.engine.validate_tests import settle
from tests.grading.in_process_backend import FakeBackend, FakeServer
from tests.grading.notebooks import code, notebook

#: A test's text, points and metadata, after an answer's solution.
Question = tuple[str, str, float, dict[str, Any]]


def question(answer: str, test: str, points: float = 2, **course: str) -> Question:
    return answer, test, points, course


def unit_of(*questions: Question, before: str = "") -> tuple[Unit, bytes]:
    """A unit with tests `t0`, `t1`, …, and its source notebook."""
    cells = [code(before)] if before else []
    for number, (answer, test, points, course) in enumerate(questions):
        solution = f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION"
        cells.append(code(solution, grade_id=f"a{number}", solution=True))
        cell = code(test, grade_id=f"t{number}", grade=True, points=points, locked=True)
        cell["metadata"] |= {"course": course} if course else {}
        cells.append(cell)
    data = json.dumps(notebook(cells)).encode()
    return Unit.read("unit", "unit", data, b""), data


def settled(*questions: Question, before: str = "") -> set[str]:
    """Which tests are judged inside. The student's process is one that lives here."""
    return settled_of(*unit_of(*questions, before=before))


def settled_of(unit: Unit, data: bytes) -> set[str]:
    def grade(tried: Unit, submission: bytes) -> Graded:
        job = GradingJob(tried, (), sandbox=FakeBackend())
        return Task("", submission).grade(job, FakeServer().start)

    return set(settle(unit, data, grade).inside)


DOUBLE = "def double(x):\n    return 2 * x"
PAIR = "class Pair:\n    def __init__(self):\n        self.left = 1"


def test_what_the_solution_passes_outside_is_judged_outside() -> None:
    assert settled(question(DOUBLE, "assert double(2) == 4")) == set()


def test_what_it_passes_in_its_own_process_only_is_judged_there() -> None:
    found = settled(
        question(DOUBLE, "assert double(2) == 4"), question(PAIR, "assert Pair().left == 1")
    )
    assert found == {"t1"}


def test_a_test_goes_inside_with_the_one_that_it_needs() -> None:
    found = settled(
        question(DOUBLE, "assert double(1) == 2"),
        question(DOUBLE, "kept = double(2)\nassert kept == 4"),
        question("four = 4", "assert kept == four"),
    )
    assert found == {"t1", "t2"}


READ_ONLY = """\
try:
    pair.left = 3
except AttributeError:
    pass
else:
    raise AssertionError"""


@pytest.mark.parametrize(
    ("answer", "test"),
    [
        ("from types import MappingProxyType as View\npair = View({})", READ_ONLY),
        ("class Dog:\n    kind = 'Dog'\npet = Dog()", "assert pet.kind == 'Dog'"),
        (PAIR, "assert not hasattr(Pair(), 'right')"),
        (
            PAIR,
            "try:\n    x = Pair.x\nexcept Exception:\n    x = 1\nassert x == 1 and Pair()",
        ),
    ],
    ids=["read only", "named as the type", "has not", "of a function"],
)
def test_a_test_that_passes_outside_for_what_cannot_be_seen_there_is_judged_inside(
    answer: str, test: str
) -> None:
    assert settled(question(answer, test)) == {"t0"}


LARGEST = "def largest(values):\n    return max(values)"


@pytest.mark.parametrize(
    "later",
    ["assert data == [3, 1, 2]", "assert largest([4]) == 4\nassert data == [3, 1, 2]"],
    ids=["alone", "beside a call"],
)
def test_what_an_answer_got_from_an_earlier_test_is_looked_at_inside(later: str) -> None:
    found = settled(
        question(LARGEST, "assert largest(data) == 3"),
        question("", later, untouched="passes"),
        before="data = [3, 1, 2]",
    )
    assert found == {"t1"}


def test_a_name_that_a_test_gives_a_value_of_its_own_is_another() -> None:
    again = "def same(data):\n    return data == 4\nassert same(largest([4]))"
    found = settled(
        question(LARGEST, "assert largest(data) == 3"),
        question("", again),
        before="data = [3, 1, 2]",
    )
    assert found == set()


def test_of_a_solution_that_ends_in_an_error_that_is_said() -> None:
    with pytest.raises(ValueError, match=r"\): the solution of a0 ends in ZeroDivisionError: div"):
        settled(question("words = []\n1 / 0\nwords = ['a']", "assert words[0] == 'a'"))


@pytest.mark.parametrize("place", ["inside", "outside"])
def test_metadata_fix_the_place(place: str) -> None:
    found = settled(question(DOUBLE, "assert double(2) == 4", place=place))
    assert found == ({"t0"} if place == "inside" else set())


def test_a_place_that_the_solution_fails_in_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^unit: the test t0 .*solution 0 of 2 points \(Attr"):
        settled(question(PAIR, "assert Pair().left == 1", place="outside"))


@pytest.mark.parametrize("said", [{"place": "somewhere"}, {"untouched": "fails"}])
def test_metadata_that_say_nothing_known_are_refused(said: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"unit: the metadata of t0 say .*\"inside\" or"):
        settled(question(DOUBLE, "assert double(2) == 4", **said))


def test_a_test_that_the_solution_fails_is_refused_with_the_cell_and_the_reason() -> None:
    with pytest.raises(ValueError, match="t1") as refused:
        settled(
            question(DOUBLE, "assert double(2) == 4"),
            question("x = 1", f"x\n{HIDDEN}", place="outside"),
        )
    assert str(refused.value) == (
        "unit: the test t1 gives the unit's own solution 0 of 2 points (AssertionError: two, at "
        "`assert x == 2, 'two'`): mend the test or the solution"
    )


HIDDEN = "### BEGIN HIDDEN TESTS\nassert x == 2, 'two'\n### END HIDDEN TESTS"


def test_a_solution_that_earns_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match=r"1\.5 of 2 points \(its last line shows fewer\)"):
        settled(question("x = 1", "x + 0.5"))


def test_where_a_cell_before_it_fails_that_is_the_reason() -> None:
    with pytest.raises(
        ValueError, match=r"a cell before it ends in ModuleNotFoundError: .*install nosuch"
    ):
        settled(question("x = 1", "x + 0.5"), before="import nosuch")


@pytest.mark.parametrize("nothing", ["", "# to do", "raise NotImplementedError()", "pass"])
def test_an_answer_without_a_solution_is_named(nothing: str) -> None:
    with pytest.raises(ValueError, match=r"points \(.*\): the answer a0 has no solution in sou"):
        settled(question(nothing, "assert x == 1"))


def test_a_test_above_its_answer_is_told_so() -> None:
    with pytest.raises(ValueError, match=r"t0 .* stands above the answer a1, which it is about"):
        settled(question("y = 1", "assert x == y"), question("x = 1", "assert x == 1"))


def test_all_tests_that_are_refused_are_named() -> None:
    with pytest.raises(ValueError, match=r"the test t0 .*\(the same of t1\)$"):
        settled(question("x = 1", "assert x == 2"), question("y = 1", "assert y == 2"))


def test_a_test_that_nobody_has_to_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="t0 gives a notebook without answers 2 of 2 points"):
        settled(question("x = 1", "assert True"))
    assert settled(question("x = 1", "assert True", untouched="passes")) == {"t0"}


@pytest.mark.parametrize(
    "test",
    [
        "assert double.__doc__ is None",
        "import inspect\nassert len(inspect.signature(double).parameters) == 1",
        "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as said:\n"
        "    double(1)\nassert not said.getvalue()",
        "assert double(2) == 4 and 'helper' not in globals()",
        "values = [1]\nassert double(values) == [1, 1]\nassert values == [1]",
        "values = [1]\nassert double(values) is not values",
        "twice = double([1])\ntwice += [2]\nassert double([1]) == [1, 1]",
        "rows = {'a': [1]}\nassert double(rows['a']) == [1, 1]\nassert rows == {'a': [1]}",
        "rows = [[1]]\nassert [double(row) for row in rows] == [[1, 1]]\nassert rows == [[1]]",
        "rows = [[1]]\nassert list(map(double, rows)) == [[1, 1]]\nassert rows == [[1]]",
        "rows = [[1]]\nassert double(*rows) == [1, 1]\nassert rows == [[1]]",
    ],
)
def test_what_a_test_could_not_see_outside_is_judged_inside(test: str) -> None:
    assert settled(question(DOUBLE, test)) == {"t0"}


def test_a_test_without_points_stops_nobody() -> None:
    questions = question(DOUBLE, "assert double(2) == 5", points=0), question("x = 1", "assert x")
    assert "t1" not in settled(*questions)
    assert settled(question("x = 1", "assert True", points=0)) == {"t0"}


@pytest.mark.parametrize("line", ["### AUTOTEST double(1)", "### HASHED AUTOTEST double(1)"])
def test_a_test_that_nbgrader_would_have_to_write_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"^unit: the test t0 holds .*AUTOTEST.*: write asserts"):
        settled(question(DOUBLE, line))


def test_check_is_always_judged_outside() -> None:
    unit, _ = unit_of(question(DOUBLE, 'check("padding", double)'), before=_IMPORT)
    assert not has_own_tests(unit)
    unit, _ = unit_of(question("def check(x):\n    return x", "assert check(1) == 1"))
    assert has_own_tests(unit)


_IMPORT = "from helpers.check import check, progress"


def test_a_check_of_the_students_own_is_an_answer_like_any_other() -> None:
    assert settled(question("def check(x):\n    return x", "assert check(1) == 1")) == set()


def test_a_source_notebook_that_cannot_be_read_is_refused() -> None:
    unit, data = unit_of(question(DOUBLE, "assert double(2) == 4"))

    def grade(tried: Unit, submission: bytes) -> Graded:
        return Graded("unreadable", remarks=("the file is empty",))

    with pytest.raises(ValueError, match=r"^unit: its source notebook: the file is empty"):
        settle(replace(unit), data, grade)


def test_a_refused_test_of_one_of_several_notebooks_is_named_with_it() -> None:
    unit, data = unit_of(question("x = 1", "assert x == 2"))
    of_several = replace(unit, name="ps", notebook_name="part_a")
    with pytest.raises(ValueError, match=r"^ps/part_a: the test t0 gives the unit's own solution"):
        settled_of(of_several, data)
