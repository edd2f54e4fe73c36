"""Blackboard: its "download assignment files".

File names (Blackboard's help, "Download assignments"): the assignment's title, the user name,
`attempt`, the time of the attempt on the server's clock, and the file's name
(`Homework 1_ada01_attempt_2026-11-20-12-00-00_homework.ipynb`); beside them a text about each
attempt, which ends with the time. A title and a user name can hold underscores.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from helpers.grading.lms.platform import Claim, Platform

# The first attempt counts: what comes later can be of the student's own making.
_NAME = re.compile(
    r"(?P<before>.+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)\Z", re.S
)


class Blackboard(Platform):
    name = "blackboard"
    logins = ("blackboard_login",)

    def claims(self, path: PurePosixPath, sidecar: bytes) -> Sequence[Claim]:
        found = _NAME.match(path.name)
        if found is None or len(path.parts) > 1:
            return []
        try:
            time = datetime.strptime(found["time"], "%Y-%m-%d-%H-%M-%S").astimezone()
        except (ValueError, OverflowError):
            return []
        _, *words = found["before"].split("_")
        return [
            Claim(self.name, login="_".join(words[at:]), file=found["file"] or "", handed_in=time)
            for at in reversed(range(len(words)))
        ]
