"""Builds the web site: the pages of docs/ and every unit's answers, run on this machine's CPU.

    python docs/site/build.py             # writes site/
    python docs/site/build.py --unrun     # the same without running the notebooks

Pages and notebooks are first laid out in build/site/pages, where Sphinx reads them by the rules of
`conf.py`. A notebook that has run is kept under build/site/run and runs again only when its text,
`helpers/` or what `in_kernel.py` does has changed.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import re
import shutil
import tempfile
import time
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path

import nbformat
from bundle import NoPackages, add_practice
from guesses import put_guesses
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from questions import Practice, number_of, practices, put_questions
from rich.console import Console
from sphinx.cmd.build import build_main

from helpers.authoring.notebooks import (
    Unit,
    find_units,
    solution_notebook,
    source_notebook,
)
from helpers.files import write_text
from helpers.notebook_names import computes_nothing, python_of

HERE = Path(__file__).parent
COURSE = HERE.parents[1]

#: The address of a unit in Colab, as its first cell links it.
COLAB = r"\[Open in Colab\]\(([^)]*)\)"

#: Among the pages: what each picture of a notebook shows, for those who do not see it.
PICTURES = "pictures.json"

#: Lines of imports, and of what is measured and drawn, up to which a page shows a cell's code.
MOST_IMPORTS, MOST_DONE = 4, 9
#: Statements beside imports with which a cell is still one of imports.
MOST_BESIDE_IMPORTS = 2

#: Parts of the package that no notebook imports: a change of theirs changes no output.
UNSEEN = ("grading", "cli.py", "authoring")

#: A page of the reference for each of these parts, with one line for the list of them.
REFERENCE = {
    "conventions": "units, widths, the price of each operation",
    "ledger": "a cost as named terms, each count × price",
    "hardware": "devices with their sources; this machine's own ceilings",
    "reference": "by-hand formulas; each returns a ledger",
    "meter": "counts any PyTorch model: FLOP, MAC, traffic, memory of a step",
    "roofline": "what bounds a layer on a device, and how long it takes at best",
    "figures": "figures read as data",
    "plots": "pictures",
    "widgets": "pictures with sliders",
    "simulator": "runs CUDA kernels without a GPU",
    "exercises.exercise": "what a question is",
    "diagnosis": "says why a wrong number is wrong",
    "check": "what a notebook calls",
    "tried": "what a notebook's own cells do with an answer",
    "authoring.notebooks": "a unit's text → its notebooks",
}


def main() -> int:
    """Lays the pages out and hands them to Sphinx. A warning of Sphinx is an error."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--unrun", action="store_true", help="show the notebooks without outputs")
    parser.add_argument(
        "--to", type=Path, default=COURSE / "site", help="where the site is written"
    )
    parser.add_argument("--work", type=Path, default=COURSE / "build" / "site", help="what is kept")
    options = parser.parse_args()
    pages = options.work / "pages"
    try:
        every = practices(find_units(COURSE))
        lay_out(pages, None if options.unrun else options.work / "run", every)
    except CellExecutionError as error:
        Console(stderr=True).print(
            f"a notebook failed, the site is as it was: {error}", markup=False
        )
        return 1
    # MyST-NB puts pictures beside the folder that Sphinx writes; the site gets those it shows.
    built = options.work / "html"
    for old in (built, options.work / "jupyter_execute"):
        shutil.rmtree(old, ignore_errors=True)
    quiet = ["--quiet", "--fail-on-warning", "--keep-going", "--fresh-env"]
    folders = ["--conf-dir", str(HERE), "--doctree-dir", str(options.work / "doctrees")]
    failed = build_main([*quiet, *folders, str(pages), str(built)])
    if not failed:
        try:
            add_practice(built, options.work / "npm", every)
        except NoPackages as problem:
            Console(stderr=True).print(f"{problem}; the site is as it was", markup=False)
            return 1
        shutil.rmtree(options.to, ignore_errors=True)
        shutil.move(built, options.to)
        serve = f"python3 -m http.server --directory {options.to}"
        Console().print(f"the site is in {options.to}: {serve}", soft_wrap=True, markup=False)
    return failed


def lay_out(pages: Path, run: Path | None, every: Sequence[Practice]) -> None:
    """Writes what Sphinx reads; the notebooks with their outputs where `run` keeps those."""
    shutil.rmtree(pages, ignore_errors=True)
    for folder in (HERE, COURSE / "docs"):
        for path in folder.glob("*.md"):
            write_text(pages / path.name, path.read_text("utf-8"))
        for path in [*folder.glob("*.svg"), *folder.glob("*.png")]:
            shutil.copy(path, pages)
    write_text(pages / "CHANGELOG.md", (COURSE / "CHANGELOG.md").read_text("utf-8"))
    for part in REFERENCE:
        write_text(pages / "reference" / f"{part}.md", reference_page(part))
    index = pages / "reference.md"
    lines = [f"- [`helpers.{p}`](reference/{p}.md): {line}" for p, line in REFERENCE.items()]
    tree = ["```{toctree}", ":hidden:", *(f"reference/{part}" for part in REFERENCE), "```"]
    write_text(index, index.read_text("utf-8") + "\n".join(["", *lines, "", *tree, ""]))
    texts: dict[str, str] = {}
    for practice in every:
        unit = practice.unit
        notebook = folded(source_notebook(unit))
        first = notebook.cells[0]
        if number := number_of(unit):
            first.source = first.source.replace("# ", f"# {number} ", 1)
        if run is not None:
            texts |= copy_outputs(executed(unit, run), notebook)
        put_guesses(notebook, unit.name)
        put_questions(notebook, practice, "".join(re.findall(COLAB, first.source)))
        write_text(pages / "units" / f"{unit.name}.ipynb", nbformat.writes(notebook))
    write_text(pages / PICTURES, json.dumps(texts))


def reference_page(part: str) -> str:
    """A page of the docstrings of one part of the package."""
    # A package's names come from its files, and are shown as its own.
    members = [":members:"]
    if (COURSE / "helpers" / part / "__init__.py").exists():
        members.append(":imported-members:")
    options = "\n".join(f"   {option}" for option in members)
    module = f".. automodule:: helpers.{part}\n{options}"
    return f"# helpers.{part}\n\n```{{eval-rst}}\n{module}\n```\n"


def folded(source: NotebookNode) -> NotebookNode:
    """The solution notebook with each answer behind "Show the answer", long code that measures and
    draws folded as well, and without Colab's cell."""
    answers = [cell.metadata.get("nbgrader", {}).get("solution", False) for cell in source.cells]
    notebook = solution_notebook(source)
    for cell, answer in zip(notebook.cells, answers, strict=True):
        if answer and cell.cell_type == "code":
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
        elif answer:
            summary = "<summary>Show the answer</summary>"
            cell.source = f'<details class="answer">{summary}\n\n{cell.source}\n\n</details>'
    for cell, answer in zip(notebook.cells[2:], answers[2:], strict=True):
        if cell.cell_type == "code" and not answer and is_plumbing(cell):
            fold(cell)
    # The badge is an image of another host.
    badge = r"\[!\[Open in Colab\]\([^)]*\)\]"
    notebook.cells[0].source = re.sub(badge, "[Open in Colab]", notebook.cells[0].source)
    notebook.cells[1].metadata["tags"] = ["remove-cell"]
    return notebook


def is_plumbing(cell: NotebookNode) -> bool:
    """Whether a cell's code is not there to be read: it is tagged so, imports and does hardly more,
    or measures and draws in many lines. What defines a function, a class or a value is."""
    if "hide-input" in cell.metadata.get("tags", []):
        return True
    body = python_of(cell.source)
    lines = {each: (each.end_lineno or each.lineno) - each.lineno + 1 for each in body}
    imports = [each for each in body if isinstance(each, ast.Import | ast.ImportFrom)]
    done = [each for each in body if not computes_nothing(each)]
    only_imports = len(imports) + len(done) == len(body) and len(done) <= MOST_BESIDE_IMPORTS
    if only_imports and sum(lines[each] for each in imports) > MOST_IMPORTS:
        return True
    return sum(lines[each] for each in done) > MOST_DONE


def fold(cell: NotebookNode) -> None:
    """Puts a cell's code behind a line that says how long it is."""
    cell.metadata["tags"] = list(dict.fromkeys([*cell.metadata.get("tags", []), "hide-input"]))
    code = f"the code, {len(cell.source.splitlines())} lines"
    cell.metadata["mystnb"] = {
        "code_prompt_show": f"Show {code}",
        "code_prompt_hide": f"Hide {code}",
    }


def executed(unit: Unit, run: Path) -> NotebookNode:
    """The unit's solution notebook with outputs: from an earlier run, or run now."""
    notebook = solution_notebook(source_notebook(unit))
    preparation = (HERE / "in_kernel.py").read_text("utf-8")
    digest = hashlib.sha256((nbformat.writes(notebook) + preparation).encode())
    package = COURSE / "helpers"
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in UNSEEN:
            digest.update(path.read_bytes())
    kept = run / f"{unit.name}-{digest.hexdigest()[:16]}.ipynb"
    if not kept.exists():
        started = time.monotonic()
        with Console().status(f"running {unit.name}"), tempfile.TemporaryDirectory() as folder:
            notebook.cells.insert(0, new_code_cell(preparation))
            sockets = f"{folder}/kernel"
            kernel = KernelManager(kernel_name="python3", transport="ipc", ip=sockets)
            try:
                NotebookClient(notebook, kernel, timeout=1800).execute(cwd=folder)
            finally:
                # It is ours: the client leaves it running, with all that the unit made.
                kernel.shutdown_kernel(now=True)
            del notebook.cells[0]
        for old in run.glob(f"{unit.name}-*.ipynb"):
            old.unlink()
        write_text(kept, nbformat.writes(notebook))
        Console().print(f"ran {unit.name} in {time.monotonic() - started:.0f} s")
    return nbformat.read(kept, as_version=4)


def copy_outputs(ran: NotebookNode, notebook: NotebookNode) -> dict[str, str]:
    """Gives the cells their outputs; returns a text for each picture, by its SHA-256."""
    texts = {}
    for cell, run in zip(notebook.cells, ran.cells, strict=True):
        if cell.cell_type != "code":
            continue
        cell.outputs = run.outputs
        for output in cell.outputs:
            data = output.get("data", {})
            # A page runs no widgets: the picture that stands beside one is shown.
            widget = data.pop("application/vnd.jupyter.widget-view+json", None)
            if "image/png" in data:
                text = output.metadata.get("image/png", {}).get("alt", "")
                if widget:
                    called = cell.source.splitlines()[-1]
                    text = f"What {called} shows, every slider where it starts"
                texts[hashlib.sha256(b64decode(data["image/png"])).hexdigest()] = text
    return texts


if __name__ == "__main__":
    raise SystemExit(main())
