"""The fork server moves its memory into huge pages where it can, and the memory stays the same."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from helpers.grading.sandbox.inside.huge_pages import SIZE, STEP, collapsing, places


def test_what_is_there_stays_as_it_is() -> None:
    kept = bytearray(b"abcdefgh" * (4 * SIZE // 8))
    steps = sum(1 for _ in collapsing())
    assert kept == b"abcdefgh" * (4 * SIZE // 8)
    assert steps >= 4 // STEP


def test_only_memory_of_this_process_alone_is_named(tmp_path: Path) -> None:
    """Not a file's, and none that is shared or cannot be written."""
    size = 4 * SIZE
    (tmp_path / "file").write_bytes(bytes(size))
    with open(tmp_path / "file", "r+b") as file:
        of_a_file = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
    shared = mmap.mmap(-1, size)
    own = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    found = places()
    assert all(place % SIZE == 0 for place in found)
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(each, 16) for each in line.split()[0].split("-"))
        if not re.search(r" rw-p .* 0\s*(\[heap\])?$", line):
            assert not [place for place in found if start <= place < end]
    for each in (of_a_file, shared, own):
        each.close()
