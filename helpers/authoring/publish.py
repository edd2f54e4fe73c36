"""`course publish`: a version that students can open, made whole or not at all, and not yet pushed.

The notebooks install the course from an address, at a tag. Here both are set, everything is built
and tried, and the result is one commit and its tag. With `without_solutions`, a branch is made
beside it for a public repository of the students' own (see `students`); the course stays private.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.authoring.build import build_units, out_of_date
from helpers.authoring.first_cell import Origin, read_origin
from helpers.authoring.notebooks import Unit, find_units
from helpers.authoring.repository import Repository, web_address
from helpers.authoring.student_branch import students_files
from helpers.authoring.trial import try_units
from helpers.recorded_calls import merged

#: The branch that holds no solutions.
STUDENTS = "students"
_STUDENTS_REF = f"refs/heads/{STUDENTS}"

Progress = Callable[..., Iterable[Any]]


@dataclass(frozen=True)
class Release:
    """What is to be published.

    Attributes:
        origin: where students install it from.
        push_to: what git calls that place.
        without_solutions: whether students get a branch of their own.
        units: all units of the course.
    """

    origin: Origin
    push_to: str
    without_solutions: bool
    units: Sequence[Unit]


def publish(
    course: Path,
    address: str | None = None,
    version: str | None = None,
    without_solutions: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda each, **_: each,
) -> list[str]:
    """Makes a version and gives the lines that say what to push.

    Args:
        course: the top folder of its repository.
        address: where students install it from; the remote `origin` if not given, or, for a
            branch without solutions, the address of the version before.
        version: such as "1.2.0"; if not given, that of pyproject.toml or, with its tag there, the
            next patch.
        without_solutions: whether a branch without solutions is made for students.
        dry_run: whether everything is only tried.
        progress: shows how far it is, as `rich.progress.track`.

    Raises ValueError, with everything left as it was, where something is not ready.
    """
    repository = Repository.at(course)
    release = _prepare(repository, course, address, version, without_solutions)
    texts = _texts(course, release)
    trials = try_units(release.units, texts, note=without_solutions)
    shown = progress(trials, description="Trying every notebook", total=len(release.units))
    asked = [by_kind["release"].reference for _, by_kind in shown]
    files = {path.relative_to(course).as_posix(): text for path, text in texts.items()}
    commit, message = repository.commit_of("HEAD"), f"Version {release.origin.version}"
    stale = [path.relative_to(course).as_posix() for path in out_of_date(texts)]
    if stale:
        changed = {path: files[path] for path in stale}
        commit = repository.commit(changed, message, onto=commit, parents=[commit])
    refs = {f"refs/tags/{release.origin.tag}": commit}
    if without_solutions:
        released = _other_releases(repository, files) | files
        students = students_files(course, released, release.origin, merged(asked))
        before = repository.commit_of(_STUDENTS_REF)
        parents = [before] if before else []
        refs[_STUDENTS_REF] = repository.commit(students, message, parents=parents)
    if not dry_run:
        repository.move_to(commit, refs)
    return _what_to_push(repository, release, dry_run)


def _prepare(
    repository: Repository,
    course: Path,
    address: str | None,
    version: str | None,
    without_solutions: bool,
) -> Release:
    """Settles address and version. ValueError where the course is not ready to be published."""
    units = find_units(course)
    repository.branch()
    if changes := repository.changes():
        raise ValueError(f"not committed yet: {_few(changes)}: commit or remove it first")
    if stale := out_of_date(build_units(units)):
        names = [str(path.relative_to(course)) for path in stale]
        raise ValueError(f"out of date: {_few(names)}: run `course build` and commit it first")
    before = read_origin(course)
    push_to = _address(repository, before, address, without_solutions)
    origin = Origin(web_address(push_to), _version(repository, before.version, version))
    if not origin.is_set:
        raise ValueError(f"{origin.address} stands for no course: give --address of your own")
    if repository.stranger_finds(origin.address, origin.tag):
        raise ValueError(f"{origin.address} has a version {origin.tag} already: give --version")
    if repository.commit_of(_STUDENTS_REF) and repository.shares_history(_STUDENTS_REF, "HEAD"):
        raise ValueError(
            f"the branch {STUDENTS} shares history, and so solutions, with this one: rename it"
        )
    return Release(origin, push_to, without_solutions, units)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _address(
    repository: Repository, before: Origin, given: str | None, without_solutions: bool
) -> str:
    """The address to publish at, as git takes it."""
    origin = repository.origin()
    if not without_solutions:
        found = given or origin or (before.address if before.is_set else "")
        if not found:
            raise ValueError("this repository has no remote origin: give --address https://…")
        return found
    found = given or (before.address if before.is_set else "")
    if not found or _same(found, origin):
        raise ValueError(
            "students need a public repository of their own, which holds no solutions: give its "
            "--address"
        )
    return found


def _same(one: str, other: str) -> bool:
    try:
        return web_address(one).removesuffix(".git") == web_address(other).removesuffix(".git")
    except ValueError:
        return one == other


def _version(repository: Repository, now: str, given: str | None) -> str:
    """The version to publish: one that has no tag here and is not below the one before."""
    wanted = given or now
    if not re.fullmatch(r"\d+\.\d+\.\d+", wanted):
        raise ValueError(f"version {wanted}: write it as 1.2.0")
    if given is None:
        while repository.commit_of(f"refs/tags/v{wanted}"):
            first, second, patch = _numbers(wanted)
            wanted = f"{first}.{second}.{patch + 1}"
    if repository.commit_of(f"refs/tags/v{wanted}"):
        raise ValueError(f"the tag v{wanted} is there already: give another --version")
    if _numbers(wanted) < _numbers(now):
        raise ValueError(f"version {wanted} is below {now}, which pyproject.toml names")
    return wanted


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _texts(course: Path, release: Release) -> dict[Path, str]:
    """Everything that is built for this version, and pyproject.toml, by path."""
    project = course / "pyproject.toml"
    text = set_origin(project.read_text("utf-8"), release.origin)
    return {project: text, **build_units(release.units, release.origin)}


def set_origin(project: str, origin: Origin) -> str:
    """The text of a pyproject.toml with this address and version. ValueError where it has none."""
    for key, value in (("version", origin.version), ("Repository", origin.address)):
        project, found = re.subn(
            rf'^{key} = "[^"\n]*"$', f'{key} = "{value}"', project, flags=re.MULTILINE
        )
        if found != 1:
            raise ValueError(f'pyproject.toml needs one line {key} = "…"')
    tomllib.loads(project)
    return project


def _other_releases(repository: Repository, built: Iterable[str]) -> dict[str, str]:
    """What lies in release/ beside the notebooks: data and modules of a unit."""
    others = set(repository.files("release")) - set(built)
    return {path: (repository.folder / path).read_text("utf-8") for path in sorted(others)}


def _what_to_push(repository: Repository, release: Release, dry_run: bool) -> list[str]:
    tag, address, branch = release.origin.tag, release.origin.address, repository.branch()
    remote = "origin" if _same(release.push_to, repository.origin()) else release.push_to
    done = "would be made" if dry_run else "is made, and not pushed yet"
    source = branch if branch == "main" else f"{branch}:main"
    lines = [f"version {tag} of {address} {done}. To release it:", ""]
    if not release.without_solutions:
        return [
            *lines,
            f"  git push {remote} {source} {tag}",
            "",
            f"{address} has to be public: badges and pip open it without a password.",
            "It holds all solutions. For a graded course: course publish --without-solutions",
        ]
    return [
        *lines,
        f"  git push {release.push_to} {STUDENTS}:refs/heads/main {STUDENTS}:refs/tags/{tag}",
        "",
        f"{address} has to be public: badges and pip open it without a password.",
        f"It gets the branch {STUDENTS}, which holds no solutions: push no other branch there.",
        *(
            [f"This one is for you alone: git push origin {branch} {tag}"]
            * bool(remote == "origin")
        ),
    ]
