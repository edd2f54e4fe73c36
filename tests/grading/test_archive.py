"""An archive of submissions cannot write anywhere else, nor fill the disk."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from helpers.grading import archive
from helpers.grading.archive import collect


def zipped(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
        for name, target in (links or {}).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o120777 << 16
            file.writestr(entry, target)
    return path


def test_each_students_notebook_is_put_in_its_place(tmp_path: Path) -> None:
    members = {"ada/flops.ipynb": b"1", "ben/Copy of flops.ipynb": b"2", "ben/notes.txt": b"3"}
    students, left_out = collect(zipped(tmp_path / "a.zip", members), tmp_path, "02_flops", "flops")
    assert (students, left_out) == (["ada", "ben"], [])
    assert (tmp_path / "submitted" / "ben" / "02_flops" / "flops.ipynb").read_bytes() == b"2"


def test_names_that_lead_elsewhere_are_left_out(tmp_path: Path) -> None:
    course = tmp_path / "course"
    members = dict.fromkeys(
        (
            "../up.ipynb",
            "ada/../../up.ipynb",
            "/tmp/absolute.ipynb",
            "..\\up.ipynb",
            ".hidden/a.ipynb",
            "top.ipynb",
            "a b/c.ipynb",
        ),
        b"x",
    )
    students, left_out = collect(zipped(tmp_path / "a.zip", members), course, "u", "n")
    assert students == []
    assert len(left_out) == len(members)
    assert not course.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    links = {"ada/n.ipynb": str(tmp_path / "secret")}
    students, left_out = collect(zipped(tmp_path / "a.zip", {}, links), tmp_path, "u", "n")
    assert (students, len(left_out)) == ([], 1)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, kind in (("ben/n.ipynb", tarfile.SYMTYPE), ("cy/n.ipynb", tarfile.LNKTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, str(tmp_path / "secret")
            tar.addfile(entry)
        entry = tarfile.TarInfo("dan/n.ipynb")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"abc"))
    students, left_out = collect(tmp_path / "a.tar", tmp_path, "u", "n")
    assert (students, len(left_out)) == (["dan"], 2)


def test_a_bomb_is_read_only_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_NOTEBOOK_BYTES", 1000)
    members = {"ada/n.ipynb": b"0" * 10_000_000, "ben/n.ipynb": b"1"}
    students, left_out = collect(zipped(tmp_path / "a.zip", members), tmp_path, "u", "n")
    assert students == ["ben"]
    assert "too large" in left_out[0]
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 500)
    with pytest.raises(ValueError, match="holds more than"):
        collect(tmp_path / "a.zip", tmp_path / "other", "u", "n")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"text", b"\x1f\x8b\x08 broken"])
def test_what_is_no_archive_is_said_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.zip cannot be read as an archive"):
        collect(path, tmp_path, "u", "n")
