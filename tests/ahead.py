"""What is mostly waiting, or long and asked by many tests, begins with the test run, beside them.

For a run by several workers (pytest-xdist). What looks at it comes last. Without workers, or where
one of these fails, the tests do it themselves.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

#: By which tests are to be run: the module with `graded_once`, and what it is given.
_GRADED = {
    re.compile(
        r"/test_attacks\.py::\w+\[(system|package|in use)\b"
    ): "tests.grading.sandbox.attacked",
    re.compile(r"/test_attacks_inside\.py::()"): "tests.grading.sandbox.attacked_inside",
    re.compile(r"/test_patterns\.py::()"): "tests.grading.graded_patterns",
}
_GRADE = """
import sys
from importlib import import_module
from pathlib import Path
import_module(sys.argv[1]).graded_once(Path(sys.argv[2]), sys.argv[3])
"""
_Key = tuple[str, str]
_begun = pytest.StashKey[dict[_Key, "subprocess.Popen[bytes]"]]()


def _looked_at(test: str) -> _Key | None:
    """What a test looks at, by the module that makes it and its name."""
    for pattern, module in _GRADED.items():
        if found := pattern.search(test):
            return module, found[1]
    return None


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_begun] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _looked_at(item.nodeid) is not None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: list[str]) -> None:
    """In the process that has the workers: each has told which tests there are."""
    begun = node.config.stash[_begun]
    shared = node.config._tmp_path_factory.getbasetemp()
    for module, name in {found for test in ids if (found := _looked_at(test))} - set(begun):
        command = [sys.executable, "-c", _GRADE, module, str(shared), name]
        begun[module, name] = subprocess.Popen(
            command, cwd=node.config.rootpath, stderr=subprocess.DEVNULL
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    for process in session.config.stash[_begun].values():
        process.terminate()
        process.wait()
