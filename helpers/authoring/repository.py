"""What publishing asks of git: a commit made beside the working tree, and refs set together."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from urllib.parse import urlsplit

#: Seconds that a question to another host may take.
PATIENCE = 20
_NONE: Mapping[str, str] = MappingProxyType({})
_FORGES = ("github.", "gitlab.", "codeberg.org", "bitbucket.org")


@dataclass(frozen=True)
class Repository:
    """The git repository whose top folder is `folder`."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Repository:
        """ValueError where the folder is no repository's top, or nothing is committed."""
        repository = cls(folder.resolve())
        if not (folder / ".git").exists():
            raise ValueError(f"{folder} is not the top folder of a git repository")
        if not repository.commit_of("HEAD"):
            raise ValueError(f"nothing is committed in {folder} yet: git add --all && git commit")
        return repository

    def git(self, *arguments: str, given: str = "", under: Mapping[str, str] = _NONE) -> str:
        """What a git command prints. ValueError, in one line, where it fails."""
        ran = self._run(*arguments, given=given, under=under)
        if ran.returncode:
            said = [line for line in ran.stderr.splitlines() if line.strip()] or ["it failed"]
            raise ValueError(f"git {' '.join(arguments[:2])}: {said[-1]}")
        return ran.stdout.strip("\n")

    def _run(
        self,
        *arguments: str,
        given: str = "",
        under: Mapping[str, str] = _NONE,
        timeout: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **under}
        return subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            input=given,
            capture_output=True,
            encoding="utf-8",
            env=environment,
            timeout=timeout,
        )

    def commit_of(self, ref: str) -> str:
        """The commit that a ref stands for; "" where there is no such ref."""
        return self._run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").stdout.strip()

    def branch(self) -> str:
        """The branch that is checked out. ValueError where there is none."""
        name = self._run("symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
        if not name:
            raise ValueError("no branch is checked out: git switch main")
        return name

    def changes(self) -> list[str]:
        """The files that are not as they were committed, new ones among them."""
        return [line[3:] for line in self.git("status", "--porcelain").splitlines()]

    def files(self, *folders: str) -> list[str]:
        """The paths of the committed files in these folders."""
        listed = self.git("ls-tree", "-r", "-z", "--name-only", "HEAD", "--", *folders)
        return [path for path in listed.split("\0") if path]

    def origin(self) -> str:
        """The address of the remote `origin`; "" without one."""
        return self._run("remote", "get-url", "origin").stdout.strip()

    def shares_history(self, one: str, other: str) -> bool:
        return self._run("merge-base", one, other).returncode == 0

    def stranger_finds(self, address: str, tag: str) -> bool | None:
        """Whether an address has a tag, asked without a password; None if it does not answer."""
        without_password = {"GIT_ASKPASS": "true"}
        asked = ["-c", "credential.helper=", "ls-remote", "--exit-code", address]
        try:
            ran = self._run(*asked, f"refs/tags/{tag}", timeout=PATIENCE, under=without_password)
        except subprocess.TimeoutExpired:
            return None
        return {0: True, 2: False}.get(ran.returncode)

    def commit(
        self, files: Mapping[str, str], message: str, onto: str = "", parents: Sequence[str] = ()
    ) -> str:
        """Makes a commit of these files, by path, and gives its name; no branch knows it yet.

        Args:
            files: texts, by path.
            message: its one line.
            onto: the commit whose other files stay; without one there are no others.
            parents: its parents.
        """
        with TemporaryDirectory() as scratch:
            for path, text in files.items():
                file = Path(scratch, "tree", path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode())
            elsewhere = {
                "GIT_DIR": self.git("rev-parse", "--absolute-git-dir"),
                "GIT_INDEX_FILE": str(Path(scratch, "index")),
                "GIT_WORK_TREE": str(Path(scratch, "tree")),
            }
            if onto:
                self.git("read-tree", onto, under=elsewhere)
            as_it_is = ("-c", "core.autocrlf=false", "-C", elsewhere["GIT_WORK_TREE"])
            self.git(*as_it_is, "add", "--force", "--ignore-removal", ".", under=elsewhere)
            tree = self.git("write-tree", under=elsewhere)
        described = [option for parent in parents for option in ("-p", parent)]
        return self.git("commit-tree", tree, *described, "-m", message)

    def move_to(self, commit: str, refs: Mapping[str, str]) -> None:
        """Brings the branch and its files to a commit that follows it, and sets refs; or neither.

        ValueError where a ref was changed meanwhile or a file is in the way.
        """
        before = {ref: self.commit_of(ref) for ref in refs}
        self._set({ref: (new, before[ref]) for ref, new in refs.items()})
        try:
            self.git("merge", "--quiet", "--ff-only", commit)
        except ValueError:
            self._set({ref: (before[ref], new) for ref, new in refs.items()})
            raise

    def _set(self, refs: Mapping[str, tuple[str, str]]) -> None:
        """Sets each ref to its first commit, where it stands at its second ("": none); or none."""
        none = "0" * len(self.commit_of("HEAD"))
        lines = [f"update {ref} {new or none} {old or none}" for ref, (new, old) in refs.items()]
        self.git("update-ref", "--stdin", given="\n".join([*lines, ""]))


def web_address(remote: str) -> str:
    """The address of a repository as a browser opens it, from any that git takes.

    `git@github.com:uni/course.git` is https://github.com/uni/course; a name and a password are left
    out. ValueError where it is on no host that students reach.
    """
    over_ssh = re.fullmatch(r"(?:[\w.-]+@)?([\w-]+(?:\.[\w-]+)+):(?!/)(.+)", remote)
    if over_ssh:
        remote = f"ssh://{over_ssh[1]}/{over_ssh[2]}"
    parts = urlsplit(remote)
    host, path = parts.hostname or "", parts.path.rstrip("/")
    over_web = parts.scheme in ("http", "https")
    if not over_web or host.startswith(_FORGES):
        path = path.removesuffix(".git")
    address = f"{parts.scheme if over_web else 'https'}://{host}"
    address += f":{parts.port}{path}" if over_web and parts.port else path
    known = over_web or parts.scheme in ("ssh", "git", "git+ssh")
    if not known or not re.fullmatch(r"https?://[\w.:-]+(/[\w.~%+-]+)+", address):
        raise ValueError(
            f"{remote} is no address that students reach: give --address https://github.com/…"
        )
    return address
