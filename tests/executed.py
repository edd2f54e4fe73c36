"""Notebooks of the course as a real kernel runs them: each once, whatever number of tests looks."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from helpers.files import write_text

Run = Callable[[str, NotebookNode], NotebookNode]


def executed(notebook: NotebookNode) -> NotebookNode:
    """Runs a notebook from top to bottom, in place; CellExecutionError where a cell fails."""
    with TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        return NotebookClient(notebook, timeout=300, resources=resources).execute()


def kept_in(store: Path) -> Run:
    """`run(name, notebook)`: the notebook with its outputs; run by whoever asks first.

    The folder is shared by the workers of a test run. A notebook that fails is not kept, so that
    each test that wants it fails with the same error.
    """

    def run(name: str, notebook: NotebookNode) -> NotebookNode:
        kept = store / f"{name}.ipynb"
        with locked(store / f"{name}.lock"):
            if not kept.exists():
                write_text(kept, nbformat.writes(executed(notebook)))
        return nbformat.read(kept, as_version=4)

    return run


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """One folder of a test run for all its workers."""
    folder = factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits until no other worker holds the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
