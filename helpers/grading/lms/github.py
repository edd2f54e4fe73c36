"""GitHub Classroom: the repositories that `gh classroom clone student-repos` brings.

A folder for each repository, called after the assignment and the login
(`homework-submissions/homework-ada-l/homework.ipynb`); either may hold hyphens. Its roster
(`classroom_roster.csv`) has the columns identifier, github_username, github_id and name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from helpers.grading.lms.platform import Claim, Platform


class GitHubClassroom(Platform):
    name = "github"
    logins = ("github_username",)

    def claims(self, path: PurePosixPath, sidecar: bytes) -> Sequence[Claim]:
        *folders, file = path.parts
        if not folders or not folders[0].endswith("-submissions") or len(folders) < 2:
            return []
        assignment = folders[0].removesuffix("-submissions")
        if not folders[1].startswith(f"{assignment}-"):
            return []
        login = folders[1].removeprefix(f"{assignment}-")
        return [Claim(self.name, login=login, file=file)]

    def columns(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Mapping[int, str]:
        if "github username" not in header:
            return {}
        known = {"identifier": "id", "github username": "github_username"}
        return {at: known[name] for at, name in enumerate(header) if name in known}
