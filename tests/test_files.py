"""A file is the old one or the new one, whatever happens while it is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.files import create_secret, remove_unfinished, replacing, write_text


class Killed(Exception):
    pass


def _die_after_writing(path: Path) -> None:
    path.write_text("new")
    raise Killed


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_has_the_text_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "file.txt", "Größe\n")
    assert (tmp_path / "new" / "file.txt").read_bytes() == "Größe\n".encode()
    assert names(tmp_path / "new") == ["file.txt"]


def test_what_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(Killed), replacing(path) as unfinished:
        _die_after_writing(unfinished)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_what_a_killed_process_left_can_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    (tmp_path / ".file.txt.4711").write_text("half")
    remove_unfinished(path)
    assert names(tmp_path) == ["file.txt"]


def test_a_secret_is_for_its_owner_alone_and_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "secret"
    before = os.umask(0)
    try:
        create_secret(path, "first")
        create_secret(path, "second")
    finally:
        os.umask(before)
    assert path.read_text() == "first"
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(path.parent) == ["secret"]


def test_a_secret_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    synced: list[bool] = []

    def sync(number: int) -> None:
        synced.append(path.exists())

    monkeypatch.setattr(os, "fsync", sync)
    create_secret(path, "first")
    # The text without a name, then the folder's list of names.
    assert synced == [False, True]


def test_a_secret_that_cannot_be_written_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        create_secret(tmp_path / "secret", "first")
    assert names(tmp_path) == []
