"""Notebooks of the course as a real kernel runs them: each once, whatever number of tests looks."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from helpers.files import write_text

Run = Callable[[str, NotebookNode], NotebookNode]
Made = TypeVar("Made")


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


def once(store: Path, make: Callable[[Path], Made]) -> Made:
    """What `make(folder)` gives, made by whoever asks first: one of a test run's workers, or what
    begins ahead of them. Where it fails, the next one tries again."""
    folder, kept = store / "made", store / "kept.pickle"
    with locked(store / "lock"):
        if not kept.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            kept.write_bytes(pickle.dumps(make(folder)))
    made: Made = pickle.loads(kept.read_bytes())
    return made


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits until no other worker holds the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
