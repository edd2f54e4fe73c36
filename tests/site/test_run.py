"""Running a unit for the site: once, with pictures that say what they show."""

import hashlib
import re
import shutil
from base64 import b64decode

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.authoring.notebooks import find_unit
from helpers.predict import MIME_TYPE, Prediction
from tests import COURSE

UNIT = """\
# %% [markdown]
# # A unit

# %%
import matplotlib.pyplot as plt

for title in ("rises", "falls"):
    plt.figure()
    plt.title(title)
plt.show()

# %% answer="two"
two = 2

# %% [markdown] read="why" points=1
# Because.

# %%
from helpers.widgets import convolution

convolution()
"""


@pytest.fixture
def unit(tmp_path):
    (tmp_path / "source" / "00_unit").mkdir(parents=True)
    (tmp_path / "source" / "00_unit" / "unit.py").write_text(UNIT)
    shutil.copy(COURSE / "pyproject.toml", tmp_path)
    return find_unit(tmp_path, "00_unit")


def test_a_unit_runs_once_and_each_picture_says_what_it_shows(build, unit, tmp_path, monkeypatch):
    kernels, made = [], build.KernelManager
    monkeypatch.setattr(
        build, "KernelManager", lambda **how: kernels.append(made(**how)) or kernels[-1]
    )
    ran = build.executed(unit, tmp_path / "run")
    # Left running, those of all units take 10 GB.
    assert [kernel.has_kernel for kernel in kernels] == [False]
    monkeypatch.setattr(build, "NotebookClient", None)  # whoever runs again fails
    again = build.executed(unit, tmp_path / "run")
    assert again == ran

    notebook = build.folded(build.source_notebook(unit))
    texts = build.copy_outputs(ran, notebook)
    assert list(texts.values()) == [
        "rises",
        "falls",
        "What convolution() shows, every slider where it starts",
    ]
    first = next(output for cell in notebook.cells for output in cell.get("outputs", []))
    assert hashlib.sha256(b64decode(first.data["image/png"])).hexdigest() == next(iter(texts))
    shown = {
        kind for cell in notebook.cells for out in cell.get("outputs", []) for kind in out.data
    }
    assert shown == {"image/png", "text/plain"}


def test_a_changed_unit_runs_again(build, unit, tmp_path, monkeypatch):
    monkeypatch.setattr(build.NotebookClient, "execute", lambda *_args, **_options: None)
    build.executed(unit, tmp_path / "run")
    unit.text.write_text(UNIT.replace("two = 2", "two = 1 + 1"))
    build.executed(unit, tmp_path / "run")
    (kept,) = (tmp_path / "run").iterdir()
    assert "1 + 1" in kept.read_text()


def test_answers_are_folded_and_the_badge_is_a_link(build, unit):
    notebook = build.folded(build.source_notebook(unit))
    folded = {cell.id: cell for cell in notebook.cells}
    assert folded["two"].metadata["tags"] == ["hide-input"]
    assert folded["why"].source.startswith('<details class="answer"><summary>Show the answer')
    assert "![" not in notebook.cells[0].source
    assert "[Open in Colab](https://colab.research.google.com/" in notebook.cells[0].source


def test_each_guess_has_a_field_and_results_are_covered(build):
    """Also where a cell asks for several, and makes their names; our own guesses are not shown."""
    results = {"width": 7.5, "depth of it": 0.25}
    shown = [new_output("stream", text="seen")]
    for name, result in results.items():
        data = {"text/plain": "7", MIME_TYPE: Prediction(name, 3.0, result).to_data()}
        shown.append(new_output("display_data", data))
    asked = new_code_cell(
        'predict("width", 3)\npredict("depth of it", 3)', metadata={"course": {"predict": "sizes"}}
    )
    made = new_code_cell("for name in names:\n    outcome(name, 1)", outputs=shown)
    later = new_code_cell('if guessed("width"):\n    print(1)')
    notebook = new_notebook(cells=[asked, made, later])
    build.put_guesses(notebook, "00_unit")
    asked, made, later = notebook.cells
    fields = asked.outputs[0].data["text/html"]
    assert re.findall(r'data-(?:predict|result)="([^"]*)"', fields) == [
        *("width", "7.5", "depth of it", "0.25")
    ]
    assert "3" not in fields
    assert asked.metadata["tags"] == ["remove-input"]
    assert made.metadata["tags"] == re.findall(r'data-covers="([^"]*)"', fields)
    assert made.metadata["tags"] == ["guess-width", "guess-depth-of-it"]
    assert later.metadata["tags"] == ["guess-width"]
    assert [output.output_type for output in made.outputs] == ["stream"]


def test_a_picture_right_below_a_result_is_covered_with_it_and_dots_are_not_spoken_of(build):
    seen = [new_output("stream", text="seen")]
    asked = new_code_cell('predict("width", 3)', metadata={"course": {"predict": "width"}})
    made = new_code_cell('outcome("width", 1)', outputs=seen)
    below, after = new_code_cell("bars()", outputs=seen), new_code_cell("bars()", outputs=seen)
    words = new_markdown_cell("Write a number in place of the three dots.")
    notebook = new_notebook(cells=[words, asked, made, below, new_markdown_cell("So."), after])
    build.put_guesses(notebook, "00_unit")
    assert words.source == "Write a number below."
    assert [cell.metadata.get("tags", []) for cell in (made, below, after)] == [
        ["guess-width"],
        ["guess-width"],
        [],
    ]


@pytest.mark.parametrize(
    ("lines", "is_plumbing"),
    [
        (["import torch"] * 5, True),
        (["import torch"] * 3, False),
        ([*["import torch"] * 5, "torch.set_num_threads(1)"], True),
        ([*["import torch"] * 5, 'MY_NAME = ""'], False),
        ([f"print({n})" for n in range(12)], True),
        (["print(1)", "print(2)"], False),
        (["def lesson():", *(f"    print({n})" for n in range(30))], False),
        (["class Lesson:", *(f"    n = {n}" for n in range(30)), "print(Lesson.n)"], False),
        (["for n in range(9):", *(f"    print({n})" for n in range(12))], True),
    ],
)
def test_long_code_that_measures_or_draws_is_folded_and_what_is_taught_is_not(
    build, lines, is_plumbing
):
    assert build.is_plumbing(new_code_cell("\n".join(lines))) == is_plumbing


def test_a_folded_cell_says_how_long_its_code_is(build):
    cell = new_code_cell("\n".join(f"print({n})" for n in range(12)))
    build.fold(cell)
    assert cell.metadata["tags"] == ["hide-input"]
    assert cell.metadata["mystnb"]["code_prompt_show"] == "Show the code, 12 lines"
