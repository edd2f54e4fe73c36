"""What is mostly waiting begins with the test run: the attacks are graded beside the other tests.

For a run by several workers (pytest-xdist). Without them, or where this one fails, the tests grade
the attacks themselves.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

_GRADE = """
import sys
from pathlib import Path
from tests.grading.sandbox.attacked import graded_once
graded_once(Path(sys.argv[1]), sys.argv[2])
"""
_LOOKS_AT = re.compile(r"/test_attacks\.py::\w+\[(system|package|in use)\b")
_begun = pytest.StashKey[dict[str, "subprocess.Popen[bytes]"]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_begun] = {}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """In the process that has the workers: each has told which tests there are."""
    begun = node.config.stash[_begun]
    shared = node.config._tmp_path_factory.getbasetemp()
    for name in {found[1] for test in ids if (found := _LOOKS_AT.search(test))} - set(begun):
        command = [sys.executable, "-c", _GRADE, str(shared), name]
        begun[name] = subprocess.Popen(command, cwd=node.config.rootpath, stderr=subprocess.DEVNULL)


def pytest_sessionfinish(session: pytest.Session) -> None:
    for process in session.config.stash[_begun].values():
        process.terminate()
        process.wait()
