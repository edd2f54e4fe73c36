"""Gradescope: its "export submissions".

A folder for each submission (`assignment_123_export/submission_456/homework.ipynb`), and
`submission_metadata.yml` beside them, which says who submitted it, one or several, and when.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from helpers.grading.lms.platform import Claim, Platform


class Gradescope(Platform):
    name = "gradescope"
    #: Its `:sid` is the number that a university gives.
    logins = ("sis_id",)
    free_names = True
    sidecar = "submission_metadata.yml"

    def claims(self, path: PurePosixPath, sidecar: bytes) -> Sequence[Claim]:
        submissions = _read(sidecar)
        if len(path.parts) < 2 or path.parts[0] not in submissions:
            return []
        submission = submissions[path.parts[0]]
        time = submission.get(":created_at")
        if isinstance(time, datetime):
            time = time if time.tzinfo else time.replace(tzinfo=UTC)
        first, *others = [
            Claim(
                self.name,
                owner=str(person.get(":name") or ""),
                login=str(person.get(":sid") or ""),
                address=str(person.get(":email") or ""),
                file=path.name,
                handed_in=time if isinstance(time, datetime) else None,
            )
            for person in submission[":submitters"]
        ]
        return [replace(first, others=tuple(others))]


@lru_cache(maxsize=1)
def _read(sidecar: bytes) -> dict[str, dict[str, Any]]:
    """The submissions by folder; none where it is no such file."""
    import yaml

    try:
        data = yaml.safe_load(sidecar)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {
        str(folder): submission
        for folder, submission in data.items()
        if re.fullmatch(r"submission_\d+", str(folder))
        and isinstance(submission, dict)
        and isinstance(people := submission.get(":submitters"), list)
        and people
        and all(isinstance(person, dict) for person in people)
    }
