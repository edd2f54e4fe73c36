"""What stands at each question of a unit's page: an editor, its buttons, and the worked answer.

A question is practised on the page where its worked answer is right there, without PyTorch: that is
tried, not written down anywhere. At any other question stands a link to Colab.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from helpers.authoring.notebooks import (
    Unit,
    notebook_text,
    release_notebook,
    solution_notebook,
    source_notebook,
)
from helpers.exercises import EXERCISES

KERNEL = Path(__file__).parent / "practice" / "kernel.py"


@dataclass(frozen=True)
class Practice:
    """A unit as its page practises it.

    Attributes:
        title: as its page has it.
        stubs: of each question with a test of ours, what is released.
        worked: the worked answers, by the names of their cells.
        released: the text of the released notebook.
        practised: the questions that can be answered on the page.
    """

    unit: Unit
    title: str
    stubs: Mapping[str, str]
    worked: Mapping[str, str]
    released: str
    practised: frozenset[str]


def practices(units: Iterable[Unit]) -> list[Practice]:
    """Every unit, with the questions that can be practised on its page."""
    found = []
    with subprocess.Popen(
        [sys.executable, str(KERNEL)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as kernel:
        for unit in units:
            found.append(_practice(unit, kernel))
    return found


def _practice(unit: Unit, kernel: subprocess.Popen[str]) -> Practice:
    source = source_notebook(unit)
    release, solution = release_notebook(source), solution_notebook(source)
    stubs, worked = {}, {}
    for mine, open_cell, cell in zip(source.cells, release.cells, solution.cells, strict=True):
        marks = mine.metadata.get("nbgrader", {})
        if marks.get("solution"):
            worked[marks["grade_id"]] = cell.source
            if marks["grade_id"] in EXERCISES:
                stubs[marks["grade_id"]] = open_cell.source
    released = notebook_text(release)
    asked: dict[str, Any] = {"unit": unit.name, "answers": worked}
    _ask(kernel, asked | {"do": "open", "notebook": released})
    verdicts = {name: _ask(kernel, asked | {"do": "check", "name": name}) for name in stubs}
    practised = {name for name, said in verdicts.items() if said["verdict"]["status"] == "right"}
    return Practice(unit, _title(unit, source), stubs, worked, released, frozenset(practised))


def _ask(kernel: subprocess.Popen[str], task: Mapping[str, Any]) -> Any:
    assert kernel.stdin is not None
    assert kernel.stdout is not None
    print(json.dumps(task), file=kernel.stdin, flush=True)
    return json.loads(kernel.stdout.readline())


def _title(unit: Unit, source: NotebookNode) -> str:
    (heading,) = re.findall(r"^# (.*)", source.cells[0].source)
    return f"{number} {heading}" if (number := number_of(unit)) else heading


def number_of(unit: Unit) -> str:
    """A unit's number, as its folder has it; empty where it has none."""
    number = unit.name.split("_")[0]
    return number if number.isdigit() else ""


def put_questions(notebook: NotebookNode, practice: Practice, colab: str) -> None:
    """Puts an editor in the place of each answer of a page's notebook that can be practised, a note
    in that of any other, and a field in that of each answer in words.

    `colab`: the address at which the unit opens in Colab; empty where there is none.
    """
    cells = []
    for cell in notebook.cells:
        name = cell.id.removeprefix("check_")
        if cell.id in practice.practised:
            cell = _showing(_section(cell.id, practice), cell.id)
        elif name != cell.id and name in practice.stubs:
            continue  # what our own answer got
        elif cell.cell_type == "code" and cell.source.startswith("progress("):
            cell = _showing(_progress(practice), cell.id)
        elif cell.id in practice.stubs:
            cells.append(_showing(_elsewhere(cell.id, colab), f"elsewhere_{cell.id}"))
        elif cell.id in practice.worked and cell.cell_type == "markdown":
            cell.source = f"{_words(cell.id, practice)}\n\n{cell.source}"
        cells.append(cell)
    notebook.cells = cells
    cells[0].source += "\n\n" + _bar(practice)


def _showing(html: str, identity: str) -> NotebookNode:
    """A cell of which a page shows this HTML; one without a text would be left out."""
    output = new_output("display_data", {"text/html": html})
    return new_code_cell("…", id=identity, outputs=[output], metadata={"tags": ["remove-input"]})


def _section(name: str, practice: Practice) -> str:
    unit, notebook = practice.unit.name, practice.unit.notebook
    buttons = "".join(
        f'<button type="button" data-action="{action}"{more}>{title}</button>'
        for action, title, more in (
            ("check", "Check", ""),
            ("run", "Run", ""),
            ("another", "Another case", ""),
            ("reset", "Reset", ""),
            ("stop", "Stop", " hidden"),
        )
    )
    return f"""\
<section class="question" id="question-{name}" data-question="{name}" data-unit="{unit}" \
data-notebook="{notebook}" data-stub="{escape(practice.stubs[name])}" \
aria-label="Question {name}">
<p class="question-head"><code>{name}</code></p>
<p class="again-note">Again, with fresh numbers. Your earlier answer is kept:
<a href="{unit}.html#question-{name}">back to it</a>.</p>
<div class="editor"><div class="cm-content" role="textbox" aria-multiline="true" tabindex="0" \
aria-label="Your answer to {name}" contenteditable="plaintext-only" spellcheck="false" \
autocapitalize="off" autocorrect="off">{escape(practice.stubs[name])}</div></div>
<p class="buttons">{buttons}<span role="status"></span></p>
<div class="question-output"></div>
<div data-verdict aria-live="polite"></div>
<details class="answer"><summary>Worked answer</summary>
<p>Check says what to look at, and costs nothing.</p>
<details><summary>Show it all the same</summary>{_code(practice.worked[name])}</details></details>
</section>"""


def _code(text: str) -> str:
    return highlight(text, PythonLexer(), HtmlFormatter())


def _elsewhere(name: str, colab: str) -> str:
    where = f'<a href="{escape(colab)}">open the unit in Colab</a>' if colab else "use the notebook"
    return (
        f'<p class="elsewhere" data-elsewhere="{name}">This question needs packages that a page '
        f"cannot have: to answer <code>{name}</code>, {where}.</p>"
    )


def _words(name: str, practice: Practice) -> str:
    return (
        f'<p class="words"><label>Your words:<br><textarea rows="5" data-words="{name}" '
        f'data-unit="{practice.unit.name}"></textarea></label></p>'
    )


def _progress(practice: Practice) -> str:
    return f'<div class="progress" data-progress="{practice.unit.name}"></div>'


def _bar(practice: Practice) -> str:
    unit, notebook = practice.unit.name, practice.unit.notebook
    count = len(practice.practised)
    questions = f"{count} of {len(practice.stubs)}" if count < len(practice.stubs) else f"{count}"
    return (
        f'<div class="practice-bar" data-unit="{unit}"><p>Answer {questions} questions on this '
        "page: nothing to install, nothing is sent.</p>"
        f'<p><button type="button" data-save data-unit="{unit}" data-notebook="{notebook}">'
        'Save as notebook</button> <a href="../practice.html">Your practice</a></p></div>'
        '<noscript><p>To answer here, allow scripts.</p></noscript><p class="practice-failed">'
        "Answering needs a web server: <code>python3 -m http.server --directory site</code>, then "
        "<code>http://localhost:8000</code>.</p>"
    )


def about(every: Iterable[Practice]) -> dict[str, Any]:
    """What every page knows of the units."""
    return {
        each.unit.name: {
            "title": each.title,
            "questions": [name for name in each.stubs if name in each.practised],
        }
        for each in every
    }
