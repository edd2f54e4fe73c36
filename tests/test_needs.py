"""A test that wants something of the system says so: skipped and named without it, failed in CI."""

import os
import subprocess
import sys

import pytest

from tests import COURSE
from tests.conftest import need

TESTS = """
import pytest

@pytest.mark.needs("chromium")
@pytest.mark.parametrize("number", [1, 2])
def test_a_page(number):
    raise AssertionError("it was run")

def test_without_a_page():
    pass
"""
CLOSING = "Not tested here: 2 tests of chromium (apt install chromium)"


def run(folder, **environment):
    """Runs two tests of pages, and one of none, where there is no Chromium."""
    (folder / "test_pages.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", str(folder)]
    environment = {**os.environ, "PATH": str(folder), **environment}
    return subprocess.run(command, cwd=COURSE, capture_output=True, text=True, env=environment)


def test_without_it_the_run_passes_and_a_closing_line_says_what_was_not_tested(tmp_path):
    ran = run(tmp_path, COURSE_TESTS="")
    assert ran.returncode == 0, ran.stdout
    assert "1 passed, 2 skipped" in ran.stdout
    assert ran.stdout.count(CLOSING) == 1


def test_in_ci_it_fails(tmp_path):
    ran = run(tmp_path, COURSE_TESTS="all")
    assert ran.returncode == 1
    assert "1 passed, 2 errors" in ran.stdout
    assert "chromium is not here: apt install chromium" in ran.stdout


def test_a_need_that_nobody_knows_is_refused():
    with pytest.raises(LookupError, match="unicorn"):
        need("unicorn")
