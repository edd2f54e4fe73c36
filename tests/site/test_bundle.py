"""What the pages load to practise."""

import importlib
import json
import subprocess
import zipfile

import pytest

from helpers.parts import PACKAGE
from tests import COURSE

PRACTICE = COURSE / "docs/site/practice"


@pytest.fixture(scope="module")
def bundle(build):
    return importlib.import_module("bundle")


def test_a_page_has_the_marked_parts_unchanged_and_no_other(bundle, tmp_path):
    bundle.pack_course(tmp_path / "course.zip")
    with zipfile.ZipFile(tmp_path / "course.zip") as archive:
        names = set(archive.namelist())
        assert archive.read("helpers/check.py") == (PACKAGE / "check.py").read_bytes()
    assert {"kernel.py", "helpers/__init__.py", "helpers/verdict.py"} <= names
    tops = {name.split("/")[1].removesuffix(".py") for name in names if "/" in name}
    assert tops.isdisjoint({"grading", "authoring", "meter", "plots", "simulator", "cli"})


def test_the_same_course_is_packed_the_same(bundle, tmp_path):
    for name in ("one.zip", "two.zip"):
        bundle.pack_course(tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_every_npm_package_is_pinned_by_its_hash_and_no_host_is_named():
    lock = json.loads((PRACTICE / "package-lock.json").read_text())
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert [name for name, each in packages.items() if not each.get("integrity")] == []
    assert [name for name, each in packages.items() if "resolved" in each] == []


def test_where_npm_fails_one_line_says_so(bundle, tmp_path, monkeypatch):
    def fails(*arguments, folder):
        raise subprocess.CalledProcessError(1, arguments)

    monkeypatch.setattr(bundle, "node", fails)
    with pytest.raises(bundle.NoPackages, match=r"npm packages .* cannot be had"):
        bundle.install(tmp_path / "npm")
    assert not (tmp_path / "npm" / "done").exists()
