"""The first cell in a place like Colab, with the course at a git server: it installs, or it says in
one line why it cannot, and the notebook stops there."""

import socket

import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.authoring.first_cell import PLACEHOLDER, Origin


def notebook():
    return new_notebook(
        cells=[new_markdown_cell("# A unit"), new_code_cell(), new_code_cell("1 + 1")]
    )


def stopped(place, origin):
    """What a reader sees of a first cell that fails; nothing below it has run."""
    ran = notebook()
    with pytest.raises(CellExecutionError):
        place.run(ran, origin)
    first, below = ran.cells[1:]
    assert below.execution_count is None
    (output,) = first.outputs
    assert output.output_type == "error"
    (line,) = "\n".join(output.traceback).splitlines()
    return line


@pytest.fixture
def nobody():
    """An address of this machine where nothing answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/uni/course.git"


def test_a_course_that_nobody_has_published(colab):
    assert stopped(colab, Origin(PLACEHOLDER, "0.1.0")) == (
        "The course cannot be installed: where it comes from is not set. Ask your instructor."
    )


def test_a_version_that_is_not_there(colab, published):
    assert stopped(colab, Origin(published.address, "9.9.9")) == (
        f"The course cannot be installed: {published.address} has no version v9.9.9. "
        "Ask your instructor."
    )


@pytest.mark.parametrize("name", ["uni/none.git", "private/course.git"])
def test_a_repository_that_is_not_there_or_not_public(colab, forge, name):
    address = f"{forge.address}/{name}"
    assert stopped(colab, Origin(address, "1.2.3")) == (
        f"The course cannot be installed: {address} does not exist or is not public. "
        "Ask your instructor."
    )


def test_no_network(colab, nobody):
    assert stopped(colab, Origin(nobody, "1.2.3")) == (
        f"The course cannot be installed: {nobody} does not answer. Is there a network? "
        "Run this cell again."
    )


def test_a_package_that_pip_cannot_install(colab, forge):
    project = '[build-system]\nrequires = ["no-such-backend"]\nbuild-backend = "no_such"\n'
    address = forge.publish("uni/broken.git", {"pyproject.toml": project}, "v1.0.0")
    line = stopped(colab, Origin(address, "1.0.0"))
    assert line.startswith("The course cannot be installed: ERROR: ")
    assert line.endswith("Run this cell again, or show this line to your instructor.")


def test_a_published_course_is_installed_in_its_version(colab, published):
    ran = notebook()
    ran.cells.append(new_code_cell("import helpers.check\nhelpers.__path__[0]"))
    colab.run(ran, published)
    assert ran.cells[1].outputs == []
    assert ran.cells[3].outputs[0].data["text/plain"] == repr(str(colab.packages / "helpers"))
