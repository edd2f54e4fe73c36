"""`check` says of a module that was imported whether it is there when the notebook is graded."""

import re
import subprocess
import sys
from importlib import import_module

import pytest

from helpers import missing_imports
from helpers.parts import PARTS
from tests import COURSE
from tests.test_install import EXTRAS, PROJECT, Requirement

SESSION = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(history_manager=None)
for cell in {cells!r}:
    shell.run_cell(cell, store_history=True)
"""
CHECK = "check('softmax_flops', lambda batch, n: batch * (45 * n - 1))"
WARNING = "is here, but not where your work is graded"


@pytest.fixture
def brought(tmp_path, monkeypatch):
    """A package that grading has not: the module `drawing`, brought by `more-drawing`."""
    (tmp_path / "drawing.py").write_text("")
    about = tmp_path / "more_drawing-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: more-drawing\nVersion: 1.0\n")
    (about / "top_level.txt").write_text("drawing\n")
    (tmp_path / "mine.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    missing_imports._packages.cache_clear()
    yield tmp_path
    missing_imports._packages.cache_clear()
    for name in ("drawing", "mine"):
        sys.modules.pop(name, None)


def test_a_module_that_grading_lacks_is_named(brought):
    import_module("drawing")

    assert missing_imports.lacking(["x = 1", "from drawing import line"]) == ["drawing"]
    assert missing_imports.lacking(["def f():\n    import drawing.lines as d"]) == ["drawing"]


def test_a_module_that_was_not_imported_is_left_alone(brought):
    assert (
        missing_imports.lacking(["try:\n    import drawing\nexcept ImportError:\n    pass"]) == []
    )


def test_a_file_of_the_students_own_is_left_alone(brought):
    import_module("mine")

    assert missing_imports.lacking(["import mine"]) == []


@pytest.mark.parametrize(
    "module", ["os", "helpers", "numpy", "pandas", "sklearn", "PIL", "IPython", "dateutil", "yaml"]
)
def test_what_grading_has_is_not_named(module):
    __import__(module)
    assert missing_imports.lacking([f"import {module}"]) == []


def test_cells_that_are_no_python_are_passed_over():
    assert missing_imports.lacking(["%%html\n<b>", "import (", "from . import x", "\0"]) == []


def test_every_package_that_notebooks_may_use_is_there():
    wanted = [*PROJECT["dependencies"], *EXTRAS["units"]]
    assert {Requirement(line).name for line in wanted} <= set(missing_imports.PACKAGES.split())


def test_check_warns_once_where_it_is_run(brought):
    cells = ["import drawing", "from helpers.check import check", CHECK, CHECK]
    session = [sys.executable, "-c", SESSION.format(cells=cells)]
    path = f"{brought}:{COURSE}"
    ran = subprocess.run(session, capture_output=True, text=True, env={"PYTHONPATH": path})
    assert ran.stdout.count("softmax_flops: right") == 2, ran.stderr
    assert ran.stdout.count(f"drawing {WARNING}") == 1


def test_check_says_nothing_where_nothing_is_lacking():
    cells = ["import pandas", "from helpers.check import check", CHECK]
    session = [sys.executable, "-c", SESSION.format(cells=cells)]
    ran = subprocess.run(session, capture_output=True, text=True, cwd=COURSE)
    assert "softmax_flops: right" in ran.stdout, ran.stderr
    assert "graded" not in ran.stdout


def hidden_from(parts):
    """The names of parts that students' code does not see, as an answer would import them."""
    return {f"helpers.{part.name}" for part in parts if not part.students}


def test_what_an_answer_cannot_see_when_graded_is_what_the_sandbox_does_not_show():
    known = set(missing_imports.OUT_OF_SIGHT)
    assert known <= hidden_from(PARTS)
    # Nothing else gives a number that a question asks for.
    assert {"helpers.reference", "helpers.meter", "helpers.roofline", "helpers.widgets"} <= known


def of_a_notebook(text, name="answer"):
    """A function as a cell defines it."""
    cells = {}
    exec(text, cells)
    return cells[name]


@pytest.mark.parametrize(
    "text",
    [
        "from helpers.meter import count\ndef answer(n):\n    return count(n)",
        "def answer(n):\n    from helpers.meter import count\n    return count(n)",
        "import helpers.meter as m\ndef answer(n):\n    return [m.count(i) for i in range(n)]",
        "from helpers.reference import linear_bytes as count\ndef answer(n):\n    return count(n)",
        # In a function that the answer calls, which a cell that is not graded may define.
        "from helpers.meter import count\ndef used(n):\n    return count(n)\n"
        "def answer(n):\n    return used(n)",
        "from helpers.roofline import bound_of as count\nanswer = lambda n: (lambda: count(n))()",
    ],
)
def test_an_answer_that_uses_what_grading_hides_is_told(text):
    line = missing_imports.out_of_sight(of_a_notebook(text))
    assert "not where your work is graded" in line
    assert re.match(r"(count|m|helpers\.meter)( and \w+)? (is|are) here to look at", line)


@pytest.mark.parametrize(
    "text",
    [
        "from helpers.conventions import PRICE\ndef answer(n):\n    return PRICE['add'] * n",
        "import torch, math\ndef answer(n):\n    return math.ceil(torch.ones(n).sum())",
        "def count(n):\n    return n\ndef answer(n):\n    return count(n)",
        "def answer(n):\n    return answer(n - 1) if n else 0",
        "from helpers.meter import count\ndef answer(text):\n    return text.count('a')",
        "answer = max",
    ],
)
def test_other_answers_are_not(text):
    assert missing_imports.out_of_sight(of_a_notebook(text)) == ""


def of_skipped(monkeypatch, cells, skipped):
    """What is said of `answer`, after these cells and those that grading leaves out."""
    space = {}
    for cell in cells:
        exec(cell, space)
    monkeypatch.setattr(missing_imports, "_cells", lambda: cells)
    monkeypatch.setattr(missing_imports, "_SKIPPED", {*map(missing_imports.digest, skipped)})
    return missing_imports.of_skipped_cells(space["answer"])


SHOWN = "from collections import Counter\ncounted = Counter('abb')\nscale = counted['b']\n"
ANSWER = "def answer(x):\n    return counted[x]"


def test_a_name_from_a_cell_that_grading_leaves_out_is_told(monkeypatch):
    line = of_skipped(monkeypatch, [SHOWN, ANSWER], [SHOWN])
    assert line.startswith("counted is from a cell that is left out when your work is graded")
    through = "def answer(x):\n    return scaled(x)\ndef scaled(x):\n    return scale * x"
    assert of_skipped(monkeypatch, [SHOWN, through], [SHOWN]).startswith("scale is from a cell")


@pytest.mark.parametrize(
    "cells",
    [
        [SHOWN, "from collections import Counter\ncounted = Counter('aab')\n" + ANSWER],
        # Imports, functions and constants are there when graded, too.
        [SHOWN, "def answer(x):\n    return Counter(x)"],
        [SHOWN, "def answer(x):\n    return x.scale"],
        [SHOWN, "def answer(x):\n    scale = 3\n    return scale * x"],
    ],
)
def test_a_name_that_is_given_elsewhere_or_is_no_name_is_left_alone(monkeypatch, cells):
    assert of_skipped(monkeypatch, cells, [SHOWN]) == ""
