"""Google Classroom: the assignment's folder in Drive, downloaded.

Each file is called after its owner and the assignment (`Ada Lovelace - homework.ipynb`). What a
student uploaded keeps the student's own name for it: only the roster can say whose that is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from helpers.grading.lms.platform import Claim, Platform

_NAME = re.compile(r"(?P<name>[^_]+?) - (?P<file>.+)\Z", re.S)


class GoogleClassroom(Platform):
    name = "google"

    def claims(self, path: PurePosixPath, sidecar: bytes) -> Sequence[Claim]:
        found = _NAME.match(path.name) if len(path.parts) == 1 else None
        return [Claim(self.name, found["name"], file=found["file"])] if found else []
