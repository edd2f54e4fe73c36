"""Where released notebooks get the course from: address, version, the cell that installs it.

Both stand in pyproject.toml only. A notebook's first code cell and its badge are written from them,
so that a fork's notebooks install the fork.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

#: The address in a course that nobody has published yet.
PLACEHOLDER = "https://github.com/network-costs/course"
NOT_SET = "the course's address is not set, so its notebooks install nothing: run `course publish`"


@dataclass(frozen=True)
class Origin:
    """Where a student's notebook installs the course from.

    Attributes:
        address: of the repository, as a browser opens it (http or https).
        version: of pyproject.toml; its tag is `v{version}`.
    """

    address: str
    version: str

    @property
    def is_set(self) -> bool:
        return self.address != PLACEHOLDER

    @property
    def tag(self) -> str:
        return f"v{self.version}"


def read_origin(course: Path) -> Origin:
    """What pyproject.toml says."""
    project = tomllib.loads((course / "pyproject.toml").read_text("utf-8"))["project"]
    return Origin(project["urls"]["Repository"], project["version"])


_OPENING = """\
# @title Run this cell first: in Colab it installs the course's helpers and leaves torch alone.
# Then answer where YOUR CODE HERE stands, and run the check(…) below each answer.
import re
import subprocess
import sys

if "google.colab" in sys.modules:

    class NotInstalled(Exception):
        def _render_traceback_(self):  # one line in place of a traceback
            return [f"The course cannot be installed: {self}"]
"""
_FAILING = """
    raise NotInstalled("where it comes from is not set. Ask your instructor.")
"""
_INSTALLING = """
    def run(*command):
        return subprocess.run(command, capture_output=True, text=True)

    address, version = "ADDRESS", "TAG"
    asked = run("git", "-c", "core.askPass=true", "ls-remote", "--exit-code", address, version)
    if asked.returncode == 2:
        raise NotInstalled(f"{address} has no version {version}. Ask your instructor.")
    if re.search("not found|Username|Authentication|error: 40[134]", asked.stderr):
        raise NotInstalled(f"{address} does not exist or is not public. Ask your instructor.")
    if asked.returncode:
        raise NotInstalled(f"{address} does not answer. Is there a network? Run this cell again.")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    done = run(*pip, f"network-costs @ git+{address}@{version}", "timm", "flopco-pytorch")
    if done.returncode:
        said = re.findall("ERROR: .*", done.stderr) or ["pip failed."]
        raise NotInstalled(f"{said[-1]} Run this cell again, or show this line to your instructor.")
"""
_CLOSING = """
import random

import numpy
import torch

random.seed(0)
numpy.random.seed(0)
torch.manual_seed(0);"""


def first_cell(origin: Origin) -> str:
    """The first code cell. In Colab it installs the course, or ends in one line that says why not.

    Elsewhere it installs nothing.
    """
    installing = _INSTALLING.replace("ADDRESS", origin.address).replace("TAG", origin.tag)
    return _OPENING + (installing if origin.is_set else _FAILING) + _CLOSING


def colab_badge(origin: Origin, path: str) -> str:
    """A badge that opens the notebook at `path` in the repository. Colab opens GitHub's alone."""
    on_github = origin.address.removeprefix("https://github.com/")
    if on_github == origin.address:
        return "In Colab: *File → Upload notebook*, with the file of this notebook."
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    colab = f"https://colab.research.google.com/github/{on_github}/blob/main/{quote(path)}"
    return f"[![Open in Colab]({image})]({colab})"
