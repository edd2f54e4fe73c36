"""What a student handed in: a folder, the notebook in it, when it came.

Nothing that a student names is followed: links are passed over, names are only shown.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from helpers.grading.handin.ipynb import MAX_NOTEBOOK_BYTES, read_notebook, unit_of
from helpers.grading.handin.markup import plain_line


@dataclass(frozen=True)
class SubmissionFolder:
    """One student's folder: the notebook's path, or why there is none."""

    student: str
    path: Path | None
    problem: str = ""
    timestamp_text: str = ""
    remark: str = ""

    @classmethod
    def find(cls, folder: Path, unit: str, notebook_name: str) -> SubmissionFolder:
        """Find the notebook in a student's folder, whatever it is called.

        The right name comes first, then the unit that a notebook's metadata names. Links are not
        followed.
        """
        student = folder.parent.name
        stamp = folder / "timestamp.txt"
        stamped = ""
        if stamp.is_file() and not stamp.is_symlink() and stamp.stat().st_size < 200:
            stamped = stamp.read_text(encoding="utf-8", errors="replace").strip()
        files = [
            path
            for path in sorted(folder.glob("*.ipynb"))
            if path.is_file() and not path.is_symlink()
        ]
        if not files:
            return cls(student, None, f"no notebook in {folder.name}/", stamped)
        large = [path for path in files if path.stat().st_size > MAX_NOTEBOOK_BYTES]
        files = [path for path in files if path not in large]
        if not files:
            return cls(
                student, None, f"{plain_line(large[0].name)} is too large for a notebook", stamped
            )
        exact = [path for path in files if path.name == f"{notebook_name}.ipynb"]
        if exact:
            return cls(student, exact[0], timestamp_text=stamped)
        own = [path for path in files if _names_unit(path, unit)]
        *others, chosen = own or files
        remark = f"found as {plain_line(chosen.name)}"
        if others:
            remark += f", not {plain_line(', '.join(path.name for path in others))}"
        return cls(student, chosen, "", stamped, remark)

    @property
    def data(self) -> bytes:
        """The notebook's bytes; none where there is no notebook."""
        return self.path.read_bytes() if self.path is not None else b""

    @property
    def timestamp(self) -> datetime | None:
        """When it was handed in, where that is known."""
        from nbgrader.utils import parse_utc

        try:
            return parse_utc(self.timestamp_text) if self.timestamp_text else None
        except (ValueError, OverflowError):
            return None

    def digest(self, version: str, data: bytes) -> str:
        """Of everything that the result depends on; `data` are the bytes that are graded."""
        digest = hashlib.sha256(version.encode())
        digest.update(f"\0{self.student}\0{self.timestamp_text}\0{self.remark}\0".encode())
        digest.update(data)
        return digest.hexdigest()


def is_real_folder(path: Path) -> bool:
    """A link could lead to what another student handed in."""
    return path.is_dir() and not path.is_symlink()


def _names_unit(path: Path, unit: str) -> bool:
    try:
        return unit_of(read_notebook(path.read_bytes())) == unit
    except (OSError, ValueError):
        return False
