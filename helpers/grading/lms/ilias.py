"""ILIAS: the exercise's "download all submissions".

A folder for each person, the last name, first name, login and number of the user
(`Lovelace_Ada_ada01_4711/20261120120000_homework.ipynb`), inside a folder for the team where teams
hand in (`Team_7/Lovelace_Ada_ada01_4711/…` or `Team 7/…`). The time before the file's name is that
of the upload on the server's clock. Names and logins can hold underscores.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from helpers.grading.lms.platform import Claim, Platform

# Also without a word between two underscores: what a platform can write has to be readable as its.
_FOLDER = re.compile(r"(?P<words>[^_]*(?:_[^_]*){2,})_(?P<id>\d+)\Z")
_FILE = re.compile(r"(?P<time>\d{14})_(?P<file>.+)\Z", re.S)


class Ilias(Platform):
    name = "ilias"
    logins = ("ilias_login",)

    def claims(self, path: PurePosixPath, sidecar: bytes) -> Sequence[Claim]:
        *folders, _ = path.parts
        if folders and re.fullmatch(r"Team[_ ]\d+", folders[0]):
            folders = folders[1:]
        found = _FOLDER.match(folders[0]) if folders else None
        if found is None:
            return []
        file, time = path.name, None
        if stamped := _FILE.match(path.name):
            try:
                time = datetime.strptime(stamped["time"], "%Y%m%d%H%M%S").astimezone()
                file = stamped["file"]
            except (ValueError, OverflowError):
                pass
        words = found["words"].split("_")
        return [
            Claim(
                *(self.name, " ".join(words[:at]), found["id"], "_".join(words[at:])),
                file=file,
                handed_in=time,
            )
            for at in range(2, len(words))
        ]
