"""A site without outputs, built once for all who test it, and a browser."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.grading.commands import doctor
from tests import COURSE, environment
from tests.executed import once, shared_folder
from tests.site.page import FLAGS, served

PRACTICE = COURSE / "docs/site/practice"


def module_of(name, *folders):
    """A module of docs/site, which is no package: its files find each other in its folder."""
    sys.path[:0] = map(str, folders)
    try:
        return importlib.import_module(name)
    finally:
        del sys.path[: len(folders)]


@pytest.fixture(scope="session")
def kernel():
    """The Python of the pages, docs/site/practice/kernel.py."""
    return module_of("kernel", PRACTICE)


@pytest.fixture(scope="session")
def build():
    """What builds the site, docs/site/build.py."""
    return module_of("build", COURSE / "docs/site")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The folder of a site: SITE in the environment, or one built from notebooks as committed."""
    if "SITE" in os.environ:
        return Path(os.environ["SITE"]).resolve()
    return once(shared_folder(tmp_path_factory) / "site", built_site)


def built_site(folder):
    command = [sys.executable, "docs/site/build.py", "--unrun"]
    command += ["--to", str(folder / "site"), "--work", str(folder / "work")]
    built = subprocess.run(command, cwd=COURSE, env=environment(), capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder / "site"


@pytest.fixture(scope="session")
def address(site):
    """Where the site is served."""
    with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=doctor.chromium(), args=FLAGS)
        yield browser
        browser.close()
