"""For all tests: pictures are drawn without a screen, and what a test wants of the system.

`@pytest.mark.needs("chromium")`: without it the test is skipped, and the run's closing line says
so; where COURSE_TESTS is "all", as in CI, it fails. CI tries the lowest versions of packages with
COURSE_TESTS=lowest: what they cannot have is skipped and said.
"""

import gc
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import matplotlib
import pytest
from hypothesis import settings

from helpers.grading.commands import doctor
from helpers.grading.sandbox import bubblewrap
from tests import STUBS

matplotlib.use("agg")

# Several workers share the cores: a thread of PyTorch's that waits must not spin on one. Read when
# PyTorch is loaded, here and in every program that a test starts.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# Every program that a test starts leaves out what is imported slowly for nothing.
_found = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([str(STUBS), *_found]))

pytest_plugins = ["tests.ahead"]

# How long an example takes says more about what else the machine does. In CI the same each time.
settings.register_profile("course", deadline=None)
settings.register_profile("all", deadline=None, derandomize=True)
settings.load_profile("all" if os.environ.get("COURSE_TESTS") else "course")


@dataclass(frozen=True)
class Need:
    """What a test wants of the system: whether it is here, and how to have it."""

    here: bool
    remedy: str


@cache
def need(name: str) -> Need:
    """What `needs(name)` asks for."""
    match name:
        case "chromium":
            return Need(doctor.chromium() is not None, "apt install chromium")
        case "postgresql":
            return Need(doctor.postgresql() is not None, "apt install postgresql")
        case "bubblewrap":
            return Need(bubblewrap.systems() is not None, "apt install bubblewrap")
        case "AVX2" | "AVX512":
            from torch.backends.cpu import get_cpu_capability

            return Need(
                name in get_cpu_capability() or "AVX512" in get_cpu_capability(),
                "another processor",
            )
    raise LookupError(f"tests/conftest.py knows no need {name!r}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(name): what the test wants of the system")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("needs"):
            item.user_properties += [("needs", name) for name in mark.args]


def pytest_collection_finish() -> None:
    """What was imported and collected stays: else each full collection of garbage goes through it,
    for a second."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in _of(item.user_properties):
        if need(name).here:
            continue
        reason = f"{name} is not here: {need(name).remedy}"
        if os.environ.get("COURSE_TESTS") == "all":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line on all that was not tested for want of something."""
    skipped = terminalreporter.stats.get("skipped", [])
    lacking = Counter(
        name for report in skipped for name in _of(report.user_properties) if not need(name).here
    )
    if lacking:
        said = [f"{n} tests of {name} ({need(name).remedy})" for name, n in lacking.items()]
        terminalreporter.write_line(f"Not tested here: {', '.join(said)}", yellow=True)


def _of(properties: list[tuple[str, Any]]) -> list[str]:
    return [name for kind, name in properties if kind == "needs"]


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
