"""What a student handed in: a folder, the notebook in it, when it came.

Nothing that a student names is followed: links are passed over, names are only shown.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from helpers.grading.handin.ipynb import MAX_NOTEBOOK_BYTES, read_notebook, unit_of
from helpers.grading.handin.markup import plain_line
from helpers.grading.handin.times import MAX_TIMESTAMP_BYTES, parse_timestamp


@dataclass(frozen=True)
class SubmissionFolder:
    """One student's folder.

    Attributes:
        student: whose it is, by its parent's name.
        path: of the notebook that is graded; None where there is none.
        problem: why there is none.
        timestamp_text: what nbgrader's `timestamp.txt` says.
        remark: where the notebook is called otherwise, which one it is and which ones it is not.
    """

    student: str
    path: Path | None
    problem: str = ""
    timestamp_text: str = ""
    remark: str = ""

    @classmethod
    def find(
        cls, folder: Path, unit: str, notebook_name: str, others: Sequence[str] = ()
    ) -> SubmissionFolder:
        """Find the notebook in a student's folder, whatever it is called.

        The right name comes first, then the unit that a notebook's metadata names. Where the unit
        has `others` beside it, the file's name has to hold its name. Links are not followed.
        """
        try:
            return cls._find(folder, unit, notebook_name, others)
        except OSError as error:
            return cls(folder.parent.name, None, f"{folder.name}/ cannot be read: {why(error)}")

    @classmethod
    def _find(
        cls, folder: Path, unit: str, notebook_name: str, others: Sequence[str]
    ) -> SubmissionFolder:
        student, stamp = folder.parent.name, _timestamp_text(folder)
        files = [path for path in sorted(folder.glob("*.ipynb")) if _is_real_file(path)]
        if others:
            names = (notebook_name, *others)
            files = [each for each in files if name_in(each.stem, names) == notebook_name]
            if not files:
                return cls(student, None, f"no {notebook_name}.ipynb in {folder.name}/", stamp)
        fitting = [path for path in files if path.stat().st_size <= MAX_NOTEBOOK_BYTES]
        if not files:
            return cls(student, None, f"no notebook in {folder.name}/", stamp)
        if not fitting:
            problem = f"{plain_line(files[0].name)} is too large for a notebook"
            return cls(student, None, problem, stamp)
        for path in fitting:
            if path.name == f"{notebook_name}.ipynb":
                return cls(student, path, timestamp_text=stamp)
        of_unit = [path for path in fitting if _names_unit(path, unit)]
        *left, chosen = of_unit or fitting
        remark = f"found as {plain_line(chosen.name)}"
        if left:
            remark += f", not {plain_line(', '.join(path.name for path in left))}"
        return cls(student, chosen, "", stamp, remark)

    @property
    def data(self) -> bytes:
        """The notebook's bytes; none where there is no notebook, or none that can be read."""
        try:
            return self.path.read_bytes() if self.path is not None else b""
        except OSError:
            return b""

    @property
    def timestamp(self) -> datetime | None:
        """When it was handed in, where that is known; in UTC, and as nbgrader keeps it without."""
        time = parse_timestamp(self.timestamp_text)
        return time and time.replace(tzinfo=None)

    def digest(self, version: str, data: bytes) -> str:
        """A hash of all that a score depends on: the version of the grader, whose work it is, when
        it came, and `data`, the bytes that are graded (the file can have changed since)."""
        digest = hashlib.sha256(version.encode())
        digest.update(f"\0{self.student}\0{self.timestamp_text}\0{self.remark}\0".encode())
        digest.update(data)
        return digest.hexdigest()


def can_be_a_student(name: str) -> bool:
    """Whether a folder's name can be a student's: text that can be written down everywhere, and
    shown in a line."""
    try:
        name.encode()
    except UnicodeEncodeError:  # its bytes are not UTF-8
        return False
    kinds = set(map(unicodedata.category, name))
    return bool(name.strip()) and not any(each[0] == "C" or each in ("Zl", "Zp") for each in kinds)


def why(error: OSError) -> str:
    """What the system says, without a path."""
    return error.strerror or type(error).__name__


def is_real_folder(path: Path) -> bool:
    """Whether it is a folder and no link, which could lead to what another student handed in."""
    return path.is_dir() and not path.is_symlink()


def _is_real_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _timestamp_text(folder: Path) -> str:
    stamp = folder / "timestamp.txt"
    if not _is_real_file(stamp) or stamp.stat().st_size >= MAX_TIMESTAMP_BYTES:
        return ""
    return stamp.read_text(encoding="utf-8", errors="replace").strip()


def name_in(stem: str, names: Sequence[str]) -> str:
    """The longest of some names that a file's name holds; empty where it holds none."""
    return max((name for name in names if name in stem), key=len, default="")


def _names_unit(path: Path, unit: str) -> bool:
    try:
        return unit_of(read_notebook(path.read_bytes())) == unit
    except (OSError, ValueError):
        return False
