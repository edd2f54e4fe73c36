"""A download cannot lead elsewhere, nor fill the memory."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from helpers.grading.lms import archive
from helpers.grading.lms.archive import read_members


def zipped(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
        for name, target in (links or {}).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o120777 << 16
            file.writestr(entry, target)
    return path


def read(download: Path) -> dict[str, tuple[bytes, str]]:
    return {member.path: (member.data, member.problem) for member in read_members(download)}


def test_only_the_bytes_of_notebooks_are_read(tmp_path: Path) -> None:
    members = {"ada/flops.ipynb": b"1", "ben/notes.txt": b"2", "__MACOSX/._flops.ipynb": b"3"}
    assert read(zipped(tmp_path / "a.zip", members)) == {
        "ada/flops.ipynb": (b"1", ""),
        "ben/notes.txt": (b"", "it is no notebook"),
    }


@pytest.mark.parametrize(
    "name", ["../up.ipynb", "ada/../../up.ipynb", "/tmp/absolute.ipynb", "..\\up.ipynb"]
)
def test_a_name_that_leads_elsewhere_is_a_problem(tmp_path: Path, name: str) -> None:
    found = read(zipped(tmp_path / "a.zip", {name: b"x"}))
    assert list(found.values()) == [(b"", "its name leads elsewhere")]


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    links = {"ada/n.ipynb": str(tmp_path / "secret")}
    problem = (b"", "it is a link or no plain file")
    assert read(zipped(tmp_path / "a.zip", {}, links)) == {"ada/n.ipynb": problem}
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, kind in (("ben/n.ipynb", tarfile.SYMTYPE), ("cy/n.ipynb", tarfile.LNKTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, str(tmp_path / "secret")
            tar.addfile(entry)
        entry = tarfile.TarInfo("dan/n.ipynb")
        entry.size = 3
        tar.addfile(entry, io.BytesIO(b"abc"))
    found = read(tmp_path / "a.tar")
    assert found == {"ben/n.ipynb": problem, "cy/n.ipynb": problem, "dan/n.ipynb": (b"abc", "")}
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "n.ipynb").symlink_to(tmp_path / "secret")
    (folder / "all").symlink_to(tmp_path)
    assert read(folder) == {"n.ipynb": problem}


def test_a_bomb_is_read_only_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_NOTEBOOK_BYTES", 1000)
    members = {"ada/n.ipynb": b"0" * 10_000_000, "ben/n.ipynb": b"1" * 900}
    found = read(zipped(tmp_path / "a.zip", members))
    assert found["ada/n.ipynb"] == (b"", "it is too large for a notebook")
    assert found["ben/n.ipynb"] == (b"1" * 900, "")
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 500)
    with pytest.raises(ValueError, match="holds more than"):
        read(tmp_path / "a.zip")
    monkeypatch.setattr(archive, "MAX_MEMBERS", 1)
    with pytest.raises(ValueError, match="more than 1 files"):
        read(zipped(tmp_path / "b.zip", {"a.txt": b"", "b.txt": b""}))


def test_a_packed_tar_is_not_unpacked_beyond_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To pass over a member of a packed tar is to unpack it."""
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 1_000_000)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("zeros.bin")
        entry.size = 2_000_000
        tar.addfile(entry, io.BytesIO(bytes(entry.size)))
    with pytest.raises(ValueError, match="holds more than"):
        read(tmp_path / "a.tar.gz")


def test_a_broken_archive_is_refused_in_one_line_or_read(tmp_path: Path) -> None:
    """Bytes changed anywhere: no other error gets out."""
    draw = random.Random(0)
    with zipfile.ZipFile(tmp_path / "good.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(3):
            file.writestr(f"s{number}/n.ipynb", draw.randbytes(200) + bytes(200))
    good = (tmp_path / "good.zip").read_bytes()
    refused = 0
    for _ in range(500):
        data = bytearray(good)
        for _ in range(draw.randrange(1, 6)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        (tmp_path / "a.zip").write_bytes(data)
        try:
            read(tmp_path / "a.zip")
        except ValueError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize("name", [".", "./", "//", "a/.."])
def test_a_name_that_is_no_files_is_a_problem(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    assert all(problem for _, problem in read(tmp_path / "a.tar").values())


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"text", b"\x1f\x8b\x08 broken"])
def test_what_is_no_archive_is_said_in_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"a\.zip cannot be read as an archive"):
        read(path)


def test_a_students_zip_is_not_taken_for_the_download_that_was_cut_off_behind_it(
    tmp_path: Path,
) -> None:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as file:
        file.writestr("ada/x.ipynb", b"{}")
    with zipfile.ZipFile(outer, "w") as file:
        file.writestr("Ben_902_assignsubmission_file/work.zip", inner.getvalue())
        file.writestr("Cy_903_assignsubmission_file/x.ipynb", b"{}" * 1000)
    path = tmp_path / "download.zip"
    path.write_bytes(outer.getvalue()[:-1500])
    assert zipfile.ZipFile(path).namelist() == ["ada/x.ipynb"]
    with pytest.raises(ValueError, match="was it cut off"):
        list(read_members(path))


def test_a_packed_tar_that_was_damaged_on_the_way_is_refused(tmp_path: Path) -> None:
    """Its checksum stands behind the end of the tar, where nobody has to read."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        about = tarfile.TarInfo("ada/homework.ipynb")
        about.size = 2
        tar.addfile(about, io.BytesIO(b"{}"))
    data = bytearray(gzip.compress(held.getvalue(), mtime=0))
    path = tmp_path / "download.tar.gz"
    path.write_bytes(data)
    assert [member.data for member in read_members(path)] == [b"{}"]
    data[-8] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="cannot be read as an archive"):
        list(read_members(path))
