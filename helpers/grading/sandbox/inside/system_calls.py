"""The filter that lets a student's process make the calls in `ALLOWED`, and no other."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Iterator

from . import bpf
from .allowed_system_calls import ALLOWED, FCNTL, FLOCK, MMAP, NEWEST, PRLIMIT, SETSOCKOPT, SOCKET

#: AF_UNIX, AF_INET, AF_INET6: a socket of another family reaches the kernel or the machine around.
FAMILIES = (1, 2, 10)
#: SO_SNDBUF, SO_RCVBUF and both by FORCE: what waits in a socket is memory of the kernel's.
BUFFERS = (7, 8, 32, 33)
#: F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ, F_ADD_SEALS: they hold up whoever else opens a file, or take
#: memory of the kernel's.
COMMANDS = (1024, 1026, 1031, 1033)
#: MAP_SHARED and MAP_ANONYMOUS: such memory can be put out of sight and still be held.
SHARED_ANONYMOUS = 0x21
#: Numbers from here on are x32 calls, which share the architecture of x86_64.
X32 = 0x40000000

#: What the kernel calls an architecture, and its column in the tables above.
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
#: Offsets in `struct seccomp_data`, of arguments their lower half.
NUMBER, ARCHITECTURE = 0, 4
FIRST_ARGUMENT, SECOND_ARGUMENT, THIRD_ARGUMENT, FOURTH_ARGUMENT = 16, 24, 32, 40

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2


def filter_program(machine: str) -> bytes:
    """The filter for a machine, as the kernel takes it. KeyError for one that is not known."""
    audit, column = ARCHITECTURES[machine]
    return bpf.assemble(
        [
            bpf.load(ARCHITECTURE),
            bpf.jump_unless_equal(audit, "kill"),
            bpf.load(NUMBER),
            # Before the list, as they are made most often.
            bpf.jump_if_equal(MMAP[column], "mmap"),
            bpf.jump_if_equal(FCNTL[column], "fcntl"),
            bpf.jump_if_equal(SOCKET[column], "socket"),
            bpf.jump_if_equal(SETSOCKOPT[column], "setsockopt"),
            bpf.jump_if_equal(PRLIMIT[column], "prlimit"),
            bpf.jump_if_equal(FLOCK[column], "flock"),
            *_listed(column),
            bpf.jump_if_at_least(X32, "deny"),
            bpf.jump_if_at_least(NEWEST + 1, "unknown"),
            bpf.give(bpf.DENY),
            "flock",
            bpf.give(bpf.PRETEND),
            "socket",
            bpf.load(FIRST_ARGUMENT),
            *(bpf.jump_if_equal(family, "allow") for family in FAMILIES),
            bpf.give(bpf.DENY),
            "setsockopt",
            bpf.load(THIRD_ARGUMENT),
            *(bpf.jump_if_equal(name, "deny") for name in BUFFERS),
            bpf.give(bpf.ALLOW),
            "fcntl",
            bpf.load(SECOND_ARGUMENT),
            *(bpf.jump_if_equal(command, "deny") for command in COMMANDS),
            bpf.give(bpf.ALLOW),
            "prlimit",  # to ask, but not to change: a limit can be one that the kernel kills at
            bpf.load(THIRD_ARGUMENT),
            bpf.jump_unless_equal(0, "deny"),
            bpf.load(THIRD_ARGUMENT + 4),
            bpf.jump_unless_equal(0, "deny"),
            bpf.give(bpf.ALLOW),
            "mmap",
            bpf.load(FOURTH_ARGUMENT),
            bpf.mask(SHARED_ANONYMOUS),
            bpf.jump_if_equal(SHARED_ANONYMOUS, "deny"),
            "allow",
            bpf.give(bpf.ALLOW),
            "deny",
            bpf.give(bpf.DENY),
            "unknown",
            bpf.give(bpf.UNKNOWN),
            "kill",
            bpf.give(bpf.KILL),
        ]
    )


def _listed(column: int) -> Iterator[bpf.Instruction]:
    """For each run of numbers, from the lowest: what lies before it is denied, what is in it is
    allowed. The kernel asks once for each number, and keeps the answer."""
    numbers = {call[column] for call in ALLOWED.values()} - {None}
    for number in sorted(number for number in numbers if number is not None):
        if number - 1 not in numbers:
            yield bpf.jump_if_below(number, "deny")
        if number + 1 not in numbers:
            yield bpf.jump_if_below(number + 1, "allow")


def filter_system_calls() -> None:
    """From here on, calls that are not in `ALLOWED` fail with EPERM in this process and its
    children, and a call of another architecture ends it. Takes `no_new_privs`, or root."""
    if platform.machine() not in ARCHITECTURES:
        return
    code = filter_program(platform.machine())
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"system call filter: {os.strerror(number)}")
