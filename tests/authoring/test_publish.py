"""`course publish` on a small course in a repository of its own: all of a version or nothing."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.authoring.build import build_units, out_of_date
from helpers.authoring.first_cell import Origin, first_cell, read_origin
from helpers.authoring.notebooks import find_units
from helpers.authoring.publish import publish, set_origin
from helpers.authoring.trial import Trial
from helpers.cli import main
from helpers.files import write_text
from tests import COURSE
from tests.colab.forge import serve

TEXT = """\
# %% [markdown]
# # Small: a number

# %%
from helpers.reference import linear_bytes

print(linear_bytes(1, 2, 3).total)


# %% answer="two"
def two():
    \"\"\"Two.\"\"\"
    ### BEGIN SOLUTION
    return (1 + 1) * 1
    ### END SOLUTION
"""
STUDENTS = "https://github.com/uni/students"


def git(course, *arguments):
    command = ["git", "-C", str(course), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip("\n")


def state(course):
    """Where every ref stands, what is checked out, and every file."""
    files = {
        path: path.read_bytes()
        for path in course.rglob("*")
        if path.is_file() and ".git" not in path.parts and "__pycache__" not in path.parts
    }
    head = (course / ".git" / "HEAD").read_text()
    return head, git(course, "for-each-ref", "--format=%(refname) %(objectname)"), files


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """The small course, built and committed. Its package has no units of its own."""
    course = tmp_path_factory.mktemp("ready")
    for name in ("pyproject.toml", "LICENSE", "LICENSE-TEXT", "README.md", ".gitignore"):
        shutil.copy(COURSE / name, course / name)
    (course / "docs").mkdir()
    shutil.copy(COURSE / "docs" / "student.md", course / "docs")
    ignored = shutil.ignore_patterns("__pycache__", "grading", "unit_[0-9]*", "homework", "project")
    shutil.copytree(COURSE / "helpers", course / "helpers", ignore=ignored)
    write_text(course / "source" / "99_small" / "small.py", TEXT)
    build(course)
    write_text(course / "release" / "99_small" / "data.txt", "1 2")
    git(course, "init", "--quiet", "--initial-branch", "main")
    git(course, "config", "user.name", "Ada")
    git(course, "config", "user.email", "ada@uni.example")
    git(course, "remote", "add", "origin", "git@github.com:uni/course.git")
    commit_all(course)
    return course


@pytest.fixture
def course(ready, tmp_path, monkeypatch):
    """A copy of it; nothing outside of this machine is asked."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    copy = tmp_path / "course"
    shutil.copytree(ready, copy)
    return copy


@pytest.fixture
def untried(monkeypatch):
    """Notebooks are taken to run."""
    monkeypatch.setattr(
        "helpers.authoring.publish.try_units",
        lambda units, texts, note: [(unit, {"release": Trial({}, {})}) for unit in units],
    )


def build(course):
    for path, text in build_units(find_units(course)).items():
        write_text(path, text)


def commit_all(course):
    git(course, "add", "--all")
    git(course, "commit", "--quiet", "--message", "work")


@pytest.mark.usefixtures("untried")
def test_a_version_is_one_commit_and_its_tag(course):
    before = git(course, "rev-parse", "HEAD")
    said = "\n".join(publish(course))
    origin = Origin("https://github.com/uni/course", "0.1.0")
    assert read_origin(course) == origin
    released = nbformat.read(course / "release/99_small/small.ipynb", as_version=4)
    assert released.cells[1].source == first_cell(origin)
    assert git(course, "rev-parse", "v0.1.0") == git(course, "rev-parse", "main")
    assert git(course, "rev-parse", "main^") == before
    assert git(course, "status", "--porcelain") == ""
    assert out_of_date(build_units(find_units(course))) == []
    assert "  git push origin main v0.1.0\n" in said
    assert "has to be public" in said
    assert "holds all solutions" in said
    assert "--without-solutions" in said


@pytest.mark.usefixtures("untried")
def test_what_is_to_be_pushed_goes_to_the_address(course):
    said = publish(course, "https://github.com/other/course", dry_run=True)
    assert "  git push https://github.com/other/course main v0.1.0" in said
    git(course, "branch", "--move", "main", "master")
    assert "  git push origin master:main v0.1.0" in publish(course, dry_run=True)


@pytest.mark.usefixtures("untried")
def test_the_next_version_is_the_next_patch_unless_it_is_given(course):
    for tag in ("v0.1.0", "v0.1.1"):
        git(course, "tag", tag)
    assert publish(course, dry_run=True)[0].startswith("version v0.1.2 of")
    assert publish(course, version="0.2.0", dry_run=True)[0].startswith("version v0.2.0 of")


@pytest.mark.usefixtures("untried")
def test_where_nothing_is_to_be_changed_the_commit_that_is_there_gets_the_tag(course):
    publish(course)
    git(course, "tag", "--delete", "v0.1.0")
    before = git(course, "rev-parse", "HEAD")
    publish(course)
    assert git(course, "rev-parse", "v0.1.0") == git(course, "rev-parse", "HEAD") == before


@pytest.mark.usefixtures("untried")
@pytest.mark.parametrize("without_solutions", [False, True])
def test_a_dry_run_changes_nothing(course, without_solutions):
    before = state(course)
    said = publish(course, STUDENTS, without_solutions=without_solutions, dry_run=True)
    assert said[0].startswith(f"version v0.1.0 of {STUDENTS} would be made")
    assert state(course) == before


def dirty(course):
    (course / "notes.txt").write_text("mine")


def stale(course):
    text = course / "source/99_small/small.py"
    text.write_text(text.read_text().replace("a number", "1 number"))
    commit_all(course)


def no_name(course):
    git(course, "config", "user.name", "")
    git(course, "config", "user.useConfigOnly", "true")


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (dirty, [], "not committed yet: notes.txt: commit or remove it first"),
        (stale, [], "out of date: source/99_small/small.ipynb, release/99_small/small.ipynb"),
        (
            lambda course: git(course, "tag", "v0.1.0"),
            ["--version", "0.1.0"],
            "the tag v0.1.0 is there already: give another --version",
        ),
        (None, ["--version", "0.0.9"], "version 0.0.9 is below 0.1.0"),
        (None, ["--version", "1.0"], "version 1.0: write it as 1.2.0"),
        (lambda c: git(c, "remote", "remove", "origin"), [], "no remote origin: give --address"),
        (
            lambda course: git(course, "remote", "set-url", "origin", "/srv/course.git"),
            [],
            "/srv/course.git is no address that students reach: give --address",
        ),
        (None, ["--address", "https://github.com/network-costs/course"], "stands for no course"),
        (
            lambda course: git(course, "checkout", "--quiet", "--detach"),
            [],
            "no branch is checked out: git switch main",
        ),
        (None, ["--without-solutions"], "a public repository of their own"),
        (
            None,
            ["--without-solutions", "--address", "https://github.com/uni/course.git"],
            "a public repository of their own",
        ),
        (
            lambda course: git(course, "branch", "students"),
            ["--without-solutions", "--address", STUDENTS],
            "the branch students shares history, and so solutions, with this one",
        ),
        (no_name, [], "git commit-tree"),
    ],
)
@pytest.mark.usefixtures("untried")
def test_one_line_exit_2_and_nothing_changed(course, monkeypatch, capsys, change, arguments, said):
    if change:
        change(course)
    before = state(course)
    monkeypatch.chdir(course)
    monkeypatch.setattr(sys, "argv", ["course", "publish", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
    assert state(course) == before


def test_a_tag_that_the_forge_has_already_is_not_given_again(course, tmp_path):
    with serve(tmp_path / "forge") as forge:
        address = forge.publish("uni/course.git", {"a.txt": "1"}, "v0.1.0")
        with pytest.raises(ValueError, match=f"{address} has a version v0.1.0 already"):
            publish(course, address)


def test_what_fails_while_notebooks_are_tried_changes_nothing(course, monkeypatch):
    def fails(units, texts, note):
        raise ValueError("release/99_small/small.ipynb fails")

    monkeypatch.setattr("helpers.authoring.publish.try_units", fails)
    before = state(course)
    with suppress(ValueError):
        publish(course, STUDENTS, without_solutions=True)
    assert state(course) == before


@pytest.mark.usefixtures("untried")
def test_a_branch_for_students_holds_no_solutions_and_no_history_of_them(course):
    said = publish(course, "git@github.com:uni/students.git", without_solutions=True)
    assert read_origin(course) == Origin(STUDENTS, "0.1.0")
    assert git(course, "rev-list", "--count", "students") == "1"
    names = git(course, "ls-tree", "-r", "--name-only", "students").splitlines()
    assert {"release/99_small/small.ipynb", "release/99_small/data.txt"} <= set(names)
    assert not {name for name in names if name.split("/")[0] in ("source", "solution", "tests")}
    # Every object that a push would take along.
    listed = git(course, "rev-list", "--objects", "--no-object-names", "students")
    objects = subprocess.run(
        ["git", "-C", course, "cat-file", "--batch"], input=listed.encode(), capture_output=True
    ).stdout
    assert b"return (1 + 1) * 1" not in objects
    assert b"def linear_bytes" not in objects
    assert b"reference=" not in objects
    shown = git(course, "show", "students:release/99_small/small.ipynb")
    assert shown == git(course, "show", "main:release/99_small/small.ipynb")
    assert re.search(rf'"{STUDENTS}\\", \\"v0.1.0\\"', shown)
    push = "git push git@github.com:uni/students.git students:refs/heads/main"
    assert f"  {push} students:refs/tags/v0.1.0" in said


@pytest.mark.usefixtures("untried")
def test_the_next_version_for_students_follows_the_one_before(course):
    publish(course, STUDENTS, without_solutions=True)
    first = git(course, "rev-parse", "students")
    publish(course, without_solutions=True)
    assert git(course, "rev-parse", "students^") == first
    assert git(course, "rev-list", "--count", "students") == "2"
    assert read_origin(course) == Origin(STUDENTS, "0.1.1")


def test_students_notebooks_run_with_the_students_package(course, tmp_path):
    """What a released cell asks of `helpers.reference` was noted as it was tried."""
    publish(course, STUDENTS, without_solutions=True)
    students = tmp_path / "students"
    git(course, "worktree", "add", "--quiet", str(students), "students")
    notebook = nbformat.read(students / "release/99_small/small.ipynb", as_version=4)
    notebook.cells[3].source = "import helpers; print(helpers.__path__[0])"
    client = NotebookClient(notebook, resources={"metadata": {"path": tmp_path}})
    client.execute(env={**os.environ, "PYTHONPATH": str(students)})
    printed = [cell.outputs[0].text.strip() for cell in notebook.cells[2:]]
    assert printed == ["56", str(students / "helpers")]


def test_address_and_version_stand_in_one_line_each():
    project = (COURSE / "pyproject.toml").read_text()
    changed = set_origin(project, Origin("https://a.b/c", "3.2.1"))
    differing = [
        new
        for old, new in zip(project.splitlines(), changed.splitlines(), strict=True)
        if old != new
    ]
    assert differing == ['version = "3.2.1"', 'Repository = "https://a.b/c"']
    with pytest.raises(ValueError, match="needs one line version"):
        set_origin(project + 'version = "1"\n', Origin("https://a.b/c", "3.2.1"))
