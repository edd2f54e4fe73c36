"""A small class whose explanations wait to be read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.grading.manual_grading import classroom

ANSWERS = {
    "ada": "The weights are read once for the whole batch.",
    "ben": "the weights are  read once for the whole batch.",
    "cy": "I think the weights are read once for the whole batch.",
    "dan": "The weights are not read once for the whole batch.",
    "eva": "Warps hide latency.",
    "fay": "YOUR ANSWER HERE",
}


@pytest.fixture(scope="session")
def _class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classroom.make(tmp_path_factory.mktemp("read") / "course", ANSWERS)


@pytest.fixture
def course(_class: Path, tmp_path: Path) -> Path:
    """A copy for each test."""
    return Path(shutil.copytree(_class, tmp_path / "course"))
