"""What students of a graded course get: the same verdicts, and no answers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from helpers.authoring.build import build_units
from helpers.authoring.first_cell import Origin
from helpers.authoring.notebooks import find_units
from helpers.authoring.student_branch import ALSO, recorded_questions, students_files
from helpers.check import judge
from helpers.diagnosis import General
from helpers.diagnosis.dependence import probes
from helpers.diagnosis.variants import FORGETTABLE, correct_for, variants
from helpers.exercises import EXERCISES
from helpers.ledger import Ledger
from helpers.parts import PARTS
from helpers.recorded_calls import call_of, dumps
from helpers.verdict import Status
from tests import COURSE
from tests.exercises.questions import plain

ORIGIN = Origin("https://github.com/uni/students", "1.2.3")
UNITS = find_units(COURSE)

#: Judges recorded answers where only the students' package is there.
JUDGE = """
import json, sys
from helpers.check import judge
from helpers.exercises import EXERCISES
from helpers.recorded_calls import loads

def replayed(values):
    values = iter(values)
    def answer(*args):
        kind, value = next(values)
        if kind == "raises":
            raise {"none yet": NotImplementedError(), "fails": ZeroDivisionError(value)}[value]
        return value
    return answer

verdicts = []
for name, values in loads(sys.stdin.read()):
    answer = replayed(values) if isinstance(values, list) else values
    verdict = judge(EXERCISES[name], answer, EXERCISES[name].public_cases())
    verdicts.append([verdict.text(), verdict.html(), verdict.to_data()])
print(json.dumps(verdicts))
"""


@pytest.fixture(scope="module")
def files():
    built = build_units(UNITS, ORIGIN)
    texts = {path.relative_to(COURSE).as_posix(): text for path, text in built.items()}
    return students_files(COURSE, texts, ORIGIN, {})


@pytest.fixture(scope="module")
def package(files, tmp_path_factory):
    """The folder of a checkout."""
    folder = tmp_path_factory.mktemp("students")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def python(package, code, given=""):
    """What a program prints that has the students' package and no other."""
    environment = {**os.environ, "PYTHONPATH": str(package)}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=package,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def answered(exercise, value):
    """What a student's function returns to mean this value: a picture where one is asked for."""
    if exercise.read is None or not isinstance(value, dict):
        return value
    curve = {"x": value.get("batch sizes", [1, 2]), "y": value.get("intensity", [1, 2])}
    lines = [curve, *([{"x": [0, 1], "y": [value["limit"]] * 2}] if "limit" in value else [])]
    return {"axes": [{"lines": lines, "xlabel": "batch", "ylabel": "FLOP/B"}]}


def changed(value, change):
    """A value with every number in it changed."""
    if isinstance(value, dict):
        return {part: changed(each, change) for part, each in value.items()}
    if isinstance(value, list | tuple):
        return [changed(each, change) for each in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return change(value) if is_number else value


def total_without(ledger, name):
    return sum(term.amount for term in ledger.terms if term.name != name)


def without_terms(exercise, cases):
    """Answers that leave out one term of a ledger, and those that price all as 1."""
    rights = [exercise.correct(case) for case in cases]
    names = {
        (part, term.name)
        for part, right in rights[0].items()
        if isinstance(right, Ledger)
        for term in right.terms
    }
    for part, name in sorted(names):
        yield [{**plain(right), part: total_without(right[part], name)} for right in rights]
    yield [
        {
            part: sum(term.count for term in each.terms)
            if isinstance(each, Ledger)
            else plain(each)
            for part, each in right.items()
        }
        for right in rights
    ]


def completed(right, wrong):
    """A misconception's answer, with what it says nothing about right."""
    return {**right, **(wrong if isinstance(wrong, dict) else {"": wrong})}


def answers(exercise):
    """Of each kind of answer to a question, its value in each case shown: ("gives", value)."""
    cases = exercise.public_cases()
    rights = [plain(exercise.correct(case)) for case in cases]
    values = [rights, *without_terms(exercise, cases)]
    for known in exercise.misconceptions:
        wrongs = [plain(known.gives(*case.args)) for case in cases]
        values.append(wrongs)
        values.append(list(map(completed, rights, wrongs)))
    changes = (lambda x: 2 * x, lambda x: x / 2, lambda x: 3 * x, lambda x: 8 * x, lambda x: x + 1)
    values += [[changed(right, change) for right in rights] for change in (*changes, float)]
    for at, name in enumerate(exercise.parameters):
        if name in FORGETTABLE:
            as_one = [(*case.args[:at], 1, *case.args[at + 1 :]) for case in cases]
            values.append([plain(exercise.correct(exercise.case(args))) for args in as_one])
    values += [
        [strange] * len(cases) for strange in (None, "a word", True, [], {}, {"x": 1}, 1e400)
    ]
    for each in values:
        shaped = [v[""] if isinstance(v, dict) and set(v) == {""} else v for v in each]
        yield [("gives", answered(exercise, value)) for value in shaped]
    yield [("raises", "fails")] * len(cases)
    yield [("raises", "none yet")] * len(cases)
    yield [("gives", answered(exercise, plain(rights[0]))), *[("raises", "fails")] * len(cases)]
    yield 17  # no function at all


@pytest.fixture(scope="module")
def all_answers():
    return [[name, each] for name, e in EXERCISES.items() for each in answers(e)]


@pytest.fixture(scope="module")
def whole(all_answers):
    """The whole package's verdicts on all of them."""
    names = {}
    exec(JUDGE.partition("verdicts = []")[0], names)
    verdicts = []
    for name, values in all_answers:
        answer = names["replayed"](values) if isinstance(values, list) else values
        verdicts.append(judge(EXERCISES[name], answer, EXERCISES[name].public_cases()))
    return verdicts


def test_verdicts_are_those_of_the_whole_package_to_the_byte(package, all_answers, whole):
    students = json.loads(python(package, JUDGE, dumps(all_answers)))
    for verdict, (text, html, data) in zip(whole, students, strict=True):
        assert text == verdict.text()
        assert html == verdict.html()
        assert data == json.loads(json.dumps(verdict.to_data()))


def test_the_answers_that_are_compared_reach_every_status_and_a_hint_of_every_question(whole):
    """Else the test above would say little."""
    assert {verdict.status for verdict in whole} == set(get_args(Status))
    explained = {verdict.exercise for verdict in whole if verdict.misconceptions}
    assert explained == set(EXERCISES)
    general = {name for verdict in whole for name in verdict.misconceptions} & set(General)
    assert general >= {General.LEFT_OUT, General.MAC_FOR_FLOP, General.BATCH_FORGOTTEN}


def test_recorded_is_what_students_see_and_how_they_may_have_misread_it():
    for name, recorded in recorded_questions().items():
        exercise = EXERCISES[name]
        cases = exercise.public_cases()
        calls = {call_of(*case.args) for case in cases}
        misread = {
            call_of(*variant.args)
            for case in cases
            for variant in variants(exercise, case)
            if correct_for(exercise, variant) is not None
        }
        probed = {call_of(*probe.args) for probe in probes(exercise)}
        assert {call for call, _ in recorded.reference.calls} == calls | misread | probed
        for known in recorded.misconceptions:
            assert {call for call, _ in known.gives.calls} == calls


def test_no_case_is_drawn(package):
    said = python(
        package,
        "from helpers.exercises import EXERCISES\n"
        "from helpers.exercises.exercise import grading_cases\n"
        "print(sum(case.hidden for e in EXERCISES.values() for case in grading_cases(e, b'x')))",
    )
    assert said.strip() == "0"


def test_the_files_are_those_of_an_allow_list(files):
    tops = {name.split("/")[0] for name in files}
    assert tops == {
        "LICENSE",
        "LICENSE-TEXT",
        "README.md",
        "docs",
        "pyproject.toml",
        "helpers",
        "release",
    }
    inside = {Path(name).relative_to("helpers") for name in files if name.startswith("helpers/")}
    parts = [part for part in PARTS if part.students or part.name in ALSO]
    others = {path.as_posix() for path in inside if not any(part.holds(path) for part in parts)}
    assert others == {
        "__init__.py",
        "exercises/__init__.py",
        "exercises/exercise.py",
        "exercises/figure_questions.py",
        "exercises/plan_answer.py",
        "exercises/questions.json",
        "reference/__init__.py",
        "reference/costs.json",
    }
    assert [name for name in files if name.startswith("docs/")] == ["docs/student.md"]


def code_lines(name, text):
    """The lines of a text, of a notebook those of its cells, without their indent."""
    if name.endswith(".ipynb"):
        text = "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return [line.strip() for line in text.splitlines()]


def telling(lines):
    """What of some code no other code has by chance: a line that returns a computed value, and
    each line that computes together with its next."""
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if re.match(r"return .* [-+*/@]+ ", line) and len(line) > 18:
            yield (line,)
        if re.search(r" [-+*/@]+ |\(", line) and len(line) > 15 and len(after) > 1:
            yield line, after


@pytest.fixture(scope="module")
def published(files):
    """All that is telling in what students get, but notebooks: they have a test of their own."""
    return {
        each
        for name, text in files.items()
        if not name.startswith("release/")
        for each in telling(code_lines(name, text))
    }


def test_no_formula_is_in_any_file(files, published):
    for room in ("reference", "exercises"):
        for path in (COURSE / "helpers" / room).rglob("*.py"):
            name = path.relative_to(COURSE).as_posix()
            if name not in files:
                code = set(telling(code_lines(name, path.read_text("utf-8"))))
                assert code & published == set(), name


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_no_solution_is_in_any_file(published, unit):
    text = unit.text.read_text("utf-8")
    for solution in re.findall("### BEGIN SOLUTION\n(.*?)### END SOLUTION", text, re.DOTALL):
        assert set(telling(code_lines("", solution.rstrip()))) & published == set()


def test_every_module_of_the_package_can_be_imported(package, files):
    names = sorted(
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in files
        if name.endswith(".py")
    )
    python(
        package, f"from importlib import import_module\nfor name in {names!r}: import_module(name)"
    )


def test_a_cost_that_no_notebook_asks_for_is_not_there(package):
    said = python(
        package,
        "try:\n    from helpers.reference import softmax_flops\n"
        "except ImportError as error:\n    print(error)",
    )
    assert "cannot import name 'softmax_flops'" in said


def test_a_notebook_that_imports_from_inside_of_reference_is_refused():
    texts = {
        "release/x.ipynb": "from helpers.reference.linear import linear_flops",
        "README.md": "",
    }
    with pytest.raises(
        ValueError, match=r"release/x\.ipynb imports from helpers\.reference\.linear"
    ):
        students_files(COURSE, texts, ORIGIN, {})
