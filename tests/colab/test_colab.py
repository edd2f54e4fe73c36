"""Released notebooks run from top to bottom in a place like Colab, with their own first cell.

Two units here, for time: the homework uses most of what is installed (timm, flopco-pytorch, the
meter), unit 04 has the sliders. `make colab` runs all.
"""

import nbformat
import pytest

from helpers.authoring.first_cell import Origin
from helpers.authoring.notebooks import find_unit
from tests import COURSE
from tests.colab.place import Place

WHERE = """
import os
import sys

import helpers

print(helpers.__path__[0], os.getcwd(), "google.colab" in sys.modules)"""


def verdicts(notebook):
    """First line of what each check shows, by cell."""
    return {
        cell.id: "".join(output.data["text/plain"]).splitlines()[0]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if cell.source.startswith("check(") and "text/html" in output.get("data", {})
    }


def runs_to_its_end(place: Place, origin: Origin, name: str) -> None:
    notebook = nbformat.read(find_unit(COURSE, name).path("release"), as_version=4)
    checks = sum(cell.source.startswith("check(") for cell in notebook.cells)
    notebook.cells.append(nbformat.v4.new_code_cell(WHERE))
    place.run(notebook, origin)
    said = verdicts(notebook)
    assert len(said) == checks
    assert all(line.endswith(": no answer yet") for line in said.values())
    where = notebook.cells[-1].outputs[0].text.split()
    assert where == [str(place.packages / "helpers"), str(place.content), "True"]


def test_nothing_of_the_course_is_there_at_first(colab):
    assert {"torch", "matplotlib", "timm", "ipywidgets"} <= set(colab.brought)
    ours = {"network-costs", "flopco-pytorch", "nbgrader", "typer", "nbclient"}
    assert not ours & set(colab.brought)


@pytest.mark.parametrize("name", ["homework", "04_roofline"])
def test_a_released_notebook_runs_to_its_end(colab, published, name):
    runs_to_its_end(colab, published, name)
    installed = colab.installed()
    assert set(installed) - set(colab.brought) == {"network-costs", "flopco-pytorch"}
    # Torch and the rest are where they were: nothing is installed over them.
    assert {package: installed[package] for package in colab.brought} == colab.brought
