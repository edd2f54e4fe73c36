"""What Colab makes of a notebook between opening and downloading it.

    python tests/colab/round_trip.py release/homework/homework.ipynb OUT.ipynb --shape "all of it"

Colab writes format 4.0 as a rule, in which a cell has no `id` of its own; a notebook opened as 4.5
is saved as 4.5. Either way it keeps an id in each cell's metadata, beside metadata of its own on
the cell, its output and the notebook. Widgets' state stands without the key `state` that the
widgets' own format has (googlecolab/colabtools, issues 581 and 5402, and notebooks saved by it).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.authoring.demo_class import as_colab_saves

Notebook = dict[str, Any]
Cell = dict[str, Any]

_WIDGET = "602f2688e9224892b69b75e871753183"
_MODEL = {
    "model_module": "@jupyter-widgets/controls",
    "model_module_version": "2.0.0",
    "model_name": "HTMLModel",
    "state": {"_model_name": "HTMLModel", "layout": "IPY_MODEL_9f2c712b", "value": "A100"},
}


def saved_as_4_0(notebook: Notebook) -> Notebook:
    """Ids moved into the metadata, a badge on top, sources as lists."""
    from nbformat import from_dict

    shaped = json.loads(as_colab_saves(from_dict(notebook)))
    for cell in shaped["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)
    return shaped


def saved_as_4_5(notebook: Notebook) -> Notebook:
    """A cell keeps its id and has it in the metadata, too."""
    for cell in notebook["cells"]:
        cell["metadata"]["id"] = cell["id"]
    notebook["nbformat_minor"] = 5
    notebook["metadata"]["colab"] = {"provenance": [], "name": "roofline.ipynb"}
    return notebook


def metadata_added(notebook: Notebook) -> Notebook:
    """What Colab says of the machine, of each cell's last run and of the window."""
    notebook["metadata"] |= {
        "accelerator": "GPU",
        "colab": {
            "provenance": [{"file_id": "1a2B3c", "timestamp": 1732287745935}],
            "gpuType": "T4",
            "machine_shape": "hm",
            "toc_visible": True,
            "collapsed_sections": ["cell-004"],
            "include_colab_link": True,
        },
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"]["colab_type"] = "code" if cell["cell_type"] == "code" else "text"
        if cell["cell_type"] != "code":
            continue
        cell["metadata"] |= {
            "cellView": "form",
            "colab": {"base_uri": "https://localhost:8080/", "height": 300},
            "executionInfo": {
                "elapsed": 188,
                "status": "ok",
                "timestamp": 1732287745935 + number,
                "user": {"displayName": "Ada", "userId": "06366185027922693499"},
                "user_tz": -60,
            },
            "outputId": f"{number:08x}-7a56-49f1-fe37-d09bfadc02fb",
        }
    return notebook


def outputs_added(notebook: Notebook) -> Notebook:
    """Outputs of every kind, with the types that only Colab writes."""
    data = {
        "text/plain": ["'A100'"],
        "application/vnd.google.colaboratory.intrinsic+json": {"type": "string"},
    }
    button = {"action": "open_url", "actionText": "Open Examples", "url": "/notebooks/snippets/"}
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        cell["execution_count"] = number
        cell["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": ["312 TFLOP/s\n"]},
            {
                "output_type": "display_data",
                "data": {"text/plain": ["<Figure size 640x480>"], "image/png": "iVBORw0KGgo=\n"},
                "metadata": {"needs_background": "light", "tags": []},
            },
            {
                "output_type": "execute_result",
                "data": data,
                "metadata": {},
                "execution_count": number,
            },
            {
                "output_type": "error",
                "ename": "ModuleNotFoundError",
                "evalue": "No module named 'x'",
                "traceback": ["\u001b[0;31mModuleNotFoundError\u001b[0m"],
                "errorDetails": {"actions": [button]},
            },
        ]
    return notebook


def cells_added(notebook: Notebook) -> Notebook:
    """A student's own cells: on top, before and after every answer, and an empty one below."""
    cells: list[Cell] = [_code("top", "scratch = 1 + 1"), _text("words", "My notes on this sheet.")]
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if name:
            cells.append(_code(f"before-{name}", f"print('before {name}', scratch)"))
        cells.append(cell)
        if name:
            cells.append(_text(f"after-{name}", f"I tried {name} by hand first."))
    return notebook | {"cells": [*cells, _code("bottom", "")]}


def widgets_as_colab_saves_them(notebook: Notebook) -> Notebook:
    """Models stand right below the type of the state."""
    notebook["metadata"]["widgets"] = {
        "application/vnd.jupyter.widget-state+json": {_WIDGET: _MODEL}
    }
    _first_code(notebook)["metadata"]["colab"] = {"referenced_widgets": [_WIDGET]}
    _first_code(notebook)["outputs"] = [_widget_view()]
    return notebook


def widgets_with_state(notebook: Notebook) -> Notebook:
    """As the widgets' own format has it: models below `state`."""
    state = {"state": {_WIDGET: _MODEL}, "version_major": 2, "version_minor": 0}
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": state}
    _first_code(notebook)["outputs"] = [_widget_view()]
    return notebook


def nbgrader_metadata_stripped(notebook: Notebook) -> Notebook:
    """Only ids are left of what the course put into a cell's metadata."""
    for cell in notebook["cells"]:
        for key in ("nbgrader", "deletable", "editable", "tags"):
            cell["metadata"].pop(key, None)
    return notebook


def ids_made_anew(notebook: Notebook) -> Notebook:
    """Every cell has an id of Colab's own, as after a copy of its content into a new notebook."""
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"]["id"] = f"nWq7cPBc{number:04d}"
        if "id" in cell:
            cell["id"] = cell["metadata"]["id"]
    return notebook


#: In each format, what may have come on top; the first thing done comes first.
EDITS: dict[str, tuple[Callable[[Notebook], Notebook], ...]] = {
    "opened and saved": (),
    "metadata added": (metadata_added,),
    "run": (metadata_added, outputs_added),
    "cells added": (cells_added, metadata_added),
    "widgets as Colab saves them": (widgets_as_colab_saves_them,),
    "widgets with state": (widgets_with_state,),
    "nbgrader's metadata stripped": (nbgrader_metadata_stripped,),
    "copied without its ids": (nbgrader_metadata_stripped, ids_made_anew),
    "all of it": (
        cells_added,
        metadata_added,
        outputs_added,
        widgets_as_colab_saves_them,
        nbgrader_metadata_stripped,
    ),
}
FORMATS = {"4.0": saved_as_4_0, "4.5": saved_as_4_5}


def as_colab_saves_it(notebook: Notebook, minor: str, edit: str) -> Notebook:
    """A notebook of format 4.5 after a visit to Colab; `minor` is "4.0" or "4.5"."""
    saved = FORMATS[minor](json.loads(json.dumps(notebook)))
    for change in EDITS[edit]:
        saved = change(saved)
    if minor == "4.0":
        for cell in saved["cells"]:
            cell.pop("id", None)
    return saved


def _code(identity: str, source: str) -> Cell:
    return _text(identity, source) | {"cell_type": "code", "execution_count": None, "outputs": []}


def _text(identity: str, source: str) -> Cell:
    lines = source.splitlines(keepends=True)
    return {
        "cell_type": "markdown",
        "id": identity,
        "metadata": {"id": identity},
        "source": lines,
    }


def _first_code(notebook: Notebook) -> Cell:
    return next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def _widget_view() -> dict[str, Any]:
    view = {"model_id": _WIDGET, "version_major": 2, "version_minor": 0}
    return {
        "output_type": "display_data",
        "data": {"text/plain": ["HTML()"], "application/vnd.jupyter.widget-view+json": view},
        "metadata": {},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a notebook as Colab would save it.")
    parser.add_argument("notebook", type=Path)
    parser.add_argument("saved", type=Path)
    parser.add_argument("--format", choices=list(FORMATS), default="4.0")
    parser.add_argument("--shape", choices=list(EDITS), default="all of it")
    given = parser.parse_args()
    notebook = json.loads(given.notebook.read_text(encoding="utf-8"))
    shaped = as_colab_saves_it(notebook, given.format, given.shape)
    given.saved.write_text(json.dumps(shaped, ensure_ascii=False, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
