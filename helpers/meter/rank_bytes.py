"""What a process holds, by its tensors and its allocator's events, and what it has sent."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

#: Where `struct tcp_info` of Linux has tcpi_notsent_bytes, 4 bytes; and tcpi_bytes_sent and, of
#: them, tcpi_bytes_retrans, 8 bytes each.
_BYTES_WAITING, _BYTES_SENT, _INFO = 144, 200, 216


def highest(results: Any, kept: set[int]) -> tuple[int, int]:
    """Bytes at the highest moment beyond those before, by the allocator's events: least and most.

    A release in one of gloo's threads is lost at times. It shows where its address is handed out
    again, or at the end, where none but `kept` are still there: it came at once, or just then.
    """
    waiting, changes = list(results.experimental_event_tree()), []
    while waiting:
        event = waiting.pop()
        waiting.extend(event.children)
        if event.tag.name == "Allocation":
            fields = event.extra_fields
            changes.append((event.start_time_ns, fields.alloc_size, fields.ptr))
    changes.sort(key=lambda change: change[0])
    at_once, just_then = dict[int, int](), dict[int, int]()
    alive: dict[int, tuple[int, int]] = {}
    for number, (_, size, address) in enumerate(changes):
        if size > 0:
            if address in alive:
                made, lost = alive[address]
                at_once[made] = just_then[number - 1] = lost
            alive[address] = number, size
        else:
            alive.pop(address, None)
    at_once.update(at for address, at in alive.items() if address not in kept)
    return _peak(changes, at_once), _peak(changes, just_then)


def _peak(changes: Sequence[tuple[int, int, int]], releases: Mapping[int, int]) -> int:
    """The highest sum of changes; after those that `releases` names, so many bytes go."""
    held = highest = 0
    for number, (_, size, _) in enumerate(changes):
        held += size
        highest = max(highest, held)
        held -= releases.get(number, 0)
    return highest


def bytes_of(tensors: Any) -> int:
    """Bytes of the storages of tensors, each once; of a DTensor the share of this rank."""
    return sum(storages_of(tensors).values())


def storages_of(tensors: Any) -> dict[int, int]:
    """The storages of tensors: where they begin, and their bytes."""
    storages = {}
    for tensor in tensors:
        local = tensor.to_local() if hasattr(tensor, "to_local") else tensor
        storage = local.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
    return storages


def bytes_sent() -> int | None:
    """Bytes given to all TCP connections of this process, also those that wait to be sent."""
    total, known = 0, False
    for connection in _connections():
        info = b""
        with contextlib.suppress(OSError, AttributeError):
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        if len(info) >= _INFO:
            sent, again = struct.unpack_from("QQ", info, _BYTES_SENT)
            total += sent - again + struct.unpack_from("I", info, _BYTES_WAITING)[0]
            known = True
    return total if known else None


def _connections() -> Iterator[socket.socket]:
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return
    for name in os.listdir(folder):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name))) as connection:
            yield connection


def difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
