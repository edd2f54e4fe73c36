"""docs/instructor.md: its example question works as it stands, and its commands exist."""

import json
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
from typer.main import get_command

from helpers.authoring.notebooks import Unit, build_unit
from helpers.check import judge
from helpers.cli import app
from helpers.conventions import PRICE
from helpers.exercises import EXERCISES, Exercise, Misconception, grading_cases
from helpers.ledger import Ledger, Term
from tests import COURSE, environment

PAGE = (COURSE / "docs" / "instructor.md").read_text(encoding="utf-8")
ENTRY, IMPORTS, CELLS = (
    textwrap.dedent(block) for block in re.findall(r" {3}```python\n(.*?) {3}```", PAGE, re.DOTALL)
)
(ENTRYS_FILE,) = re.findall(r"at the end of `(helpers/exercises/\S+\.py)`", PAGE)
TEXT, BEFORE = re.search(r"in `(source/\S+\.py)` before the cell with `(\S+)`", PAGE).groups()


@pytest.fixture(scope="module")
def exercise():
    names = {"Exercise": Exercise, "Misconception": Misconception, "Ledger": Ledger, "Term": Term}
    names["PRICE"] = PRICE
    exec(ENTRY, names)
    ((name, entry),) = [pair for pair in names.items() if isinstance(pair[1], Exercise)]
    return replace(entry, name=name.lower())


def test_the_name_of_the_example_is_free(exercise):
    assert exercise.name not in EXERCISES
    assert f'answer="{exercise.name}"' in CELLS
    assert f'check="{exercise.name}"' in CELLS


def test_the_examples_file_has_room_for_it_and_what_it_uses():
    text = (COURSE / ENTRYS_FILE).read_text(encoding="utf-8")
    # What tests/test_architecture.py allows, and two empty lines.
    assert len(text.splitlines()) + 2 + len(ENTRY.splitlines()) <= 400
    assert {"Exercise", "Misconception", "Ledger", "Term"} <= set(re.findall(r"\w+", text))


def test_the_examples_solution_is_right(exercise):
    names = {"check": lambda name, answer: None}
    exec(CELLS, names)
    verdict = judge(exercise, names[exercise.name], grading_cases(exercise, b"seed"))
    assert verdict.fraction == 1


def test_the_examples_misconception_gets_its_hint(exercise):
    (known,) = exercise.misconceptions
    verdict = judge(exercise, known.gives, grading_cases(exercise, b"seed"))
    assert (verdict.fraction, verdict.hint) == (0, known.hint)


def test_a_term_left_out_is_explained_without_an_entry(exercise):
    verdict = judge(exercise, lambda n: n + (n - 1), grading_cases(exercise, b"seed"))
    assert verdict.hint == "you left out: square root"


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A copy of the course in which the page's two files were changed as it says, and built."""
    course = tmp_path_factory.mktemp("course")
    unit = Path(TEXT).parent.name
    for folder in ("helpers", "docs", f"source/{unit}"):
        shutil.copytree(
            COURSE / folder, course / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("pyproject.toml", "nbgrader_config.py", "README.md"):
        shutil.copy(COURSE / name, course)

    entries = course / ENTRYS_FILE
    text = entries.read_text(encoding="utf-8")
    first = text.index("from helpers.")
    entries.write_text(f"{text[:first]}{IMPORTS}{text[first:]}\n\n{ENTRY}", encoding="utf-8")

    text = (course / TEXT).read_text(encoding="utf-8")
    before, after = text.split(f"# %%\n{BEFORE}")
    (course / TEXT).write_text(f"{before}{CELLS}\n# %%\n{BEFORE}{after}", encoding="utf-8")
    ran = course_command(course, "build")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return course


def course_command(course, *words):
    """Runs the command line of a copy of the course."""
    return subprocess.run(
        [sys.executable, "-m", "helpers.cli", *words],
        cwd=course,
        env=environment(course),
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_who_follows_the_page_has_a_question_in_the_notebook_with_its_points(followed, exercise):
    notebook = followed / "release" / Path(TEXT).parent.name / f"{Path(TEXT).stem}.ipynb"
    cells = {cell["id"]: cell for cell in json.loads(notebook.read_text())["cells"]}
    assert "YOUR CODE HERE" in "".join(cells[exercise.name]["source"])
    assert cells[f"check_{exercise.name}"]["metadata"]["nbgrader"]["points"] == exercise.points


def test_who_follows_the_page_has_a_question_in_the_tables(followed, exercise):
    row = f"| `{exercise.name}` | {exercise.topic} | {exercise.points} |"
    assert row in (followed / "docs" / "units.md").read_text(encoding="utf-8")


def test_the_pages_one_command_shows_the_question_right(followed, exercise):
    built, checked = re.search(r"course (build) && course (check \S+)", PAGE).groups()
    assert built == "build"
    ran = course_command(followed, *checked.split(), "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    scores = {score["grade_id"]: score for score in json.loads(ran.stdout)["scores"]}
    assert scores[f"check_{exercise.name}"]["score"] == exercise.points


def test_a_wrong_answer_in_a_copy_of_what_is_released_gets_the_entrys_hint(followed, exercise):
    released, copy = re.search(r"cp (release/\S+) (\S+)\n", PAGE).groups()
    wrong = re.search(r"Here `(return .*?)` gets the hint", PAGE).group(1)
    notebook = json.loads((followed / released).read_text(encoding="utf-8"))
    (cell,) = [cell for cell in notebook["cells"] if cell["id"] == exercise.name]
    cell["source"] = "".join(cell["source"]).replace("raise NotImplementedError()", wrong)
    (followed / copy).write_text(json.dumps(notebook), encoding="utf-8")
    ran = course_command(followed, "check", copy)
    assert f"course check {copy}" in PAGE
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert exercise.misconceptions[0].hint in ran.stdout


def changed(course, path, old, new):
    """What a command says in a copy of the course where a file was changed; it is put back."""
    text = (course / path).read_text(encoding="utf-8")
    assert old in text
    (course / path).write_text(text.replace(old, new), encoding="utf-8")
    ran = course_command(course, "build", Path(TEXT).parent.name)
    (course / path).write_text(text, encoding="utf-8")
    assert ran.returncode == 2, ran.stdout
    assert ran.stderr.count("\n") == 1
    return ran.stderr


def test_the_slips_that_the_page_names_are_refused_in_one_line(followed, exercise):
    variable = exercise.name.upper()
    twice = changed(
        followed, ENTRYS_FILE, ENTRY, f"{ENTRY}\n\n{variable}{ENTRY.split(variable)[1]}"
    )
    assert re.search(rf"gives the name {variable} in line \d+ and again in line \d+", twice)
    other = changed(followed, TEXT, f"def {exercise.name}(n)", f"def {exercise.name}(m)")
    assert f"defines {exercise.name}(m), and the reference says {exercise.name}(n)" in other
    case = changed(followed, ENTRYS_FILE, "[(2,), (100,)]", "[(2,), (100, 3)]")
    assert f"{exercise.name}: an example, (100, 3), has 2 arguments" in case


def test_a_new_unit_is_three_files(followed, exercise):
    assert "**A new unit** is three files" in PAGE
    name = "norm_of_a_row"  # another question than the one that was added already
    entry = ENTRY.replace(exercise.name.upper(), name.upper())
    title = "# %% [markdown]\n# # Unit 99: norms\n\n# %%\nfrom helpers.check import check\n"
    for path, text in {
        "helpers/exercises/unit_99_norms/__init__.py": '"""Unit 99: norms."""\n',
        "helpers/exercises/unit_99_norms/entries.py": f"{IMPORTS}\n{entry}",
        "source/99_norms/norms.py": title + CELLS.replace(exercise.name, name),
    }.items():
        (followed / path).parent.mkdir(exist_ok=True, parents=True)
        (followed / path).write_text(text, encoding="utf-8")
    ran = course_command(followed, "build", "99_norms")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    cells = json.loads((followed / "release/99_norms/norms.ipynb").read_text())["cells"]
    (check,) = [cell for cell in cells if cell["id"] == f"check_{name}"]
    assert check["metadata"]["nbgrader"]["points"] == exercise.points


def test_the_pages_test_of_ones_own_is_built_and_passes_on_its_solution(tmp_path):
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    shutil.copy(COURSE / "pyproject.toml", tmp_path)
    text = tmp_path / "source" / "00_own" / "own.py"
    text.parent.mkdir(parents=True)
    text.write_text(f"# %% [markdown]\n# # Own tests\n\n{example}", encoding="utf-8")
    notebooks = [json.loads(built) for built in build_unit(Unit.of_text(text)).values()]
    source, release, _ = (
        {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"]}
        for notebook in notebooks
    )
    names = {}
    exec(source["median"] + "\n" + source["test_median"], names)
    assert f"`{list(source)[-1]}` in the gradebook" in PAGE
    assert release["test_median"].splitlines() == source["test_median"].splitlines()[:1]


def test_every_command_and_option_of_the_page_exists():
    commands = get_command(app).commands
    lines = re.findall(r"(?:^|`)course (\w+)([^`\n]*)", PAGE, re.MULTILINE)
    assert {name for name, _ in lines} >= {"collect", "grade", "feedback", "report", "export"}
    for name, rest in lines:
        options = {
            option for each in commands[name].params for option in each.opts + each.secondary_opts
        }
        assert set(re.findall(r"--[a-z-]+", rest.split("#")[0])) <= options, name
