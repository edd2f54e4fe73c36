"""Which system calls a student's process may not make, and the filter that refuses them."""

from __future__ import annotations

import ctypes
import os
import platform
import struct

from . import bpf

#: System calls that no answer needs and that reach into the kernel, other processes, or memory
#: that no limit counts: number on x86_64 and on aarch64.
DENIED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "personality": (135, 92),
    "sched_setaffinity": (203, 122),
    "open_by_handle_at": (304, 265),
    # All students are one user of the kernel's, who may have 128 of these.
    "inotify_init": (253, 26),
    "inotify_init1": (294, 26),
}
SOCKET, MMAP, SETSOCKOPT = (41, 198), (9, 222), (54, 208)
#: AF_UNIX, AF_INET, AF_INET6: a socket of another family reaches the kernel or the machine around.
FAMILIES = (1, 2, 10)
#: SO_SNDBUF, SO_RCVBUF and both by FORCE: what waits in a socket is memory of the kernel's.
BUFFERS = (7, 8, 32, 33)
#: MAP_SHARED and MAP_ANONYMOUS: such memory can be put out of sight and still be held.
SHARED_ANONYMOUS = 0x21
#: Numbers from here on are x32 calls, which share the architecture of x86_64.
X32 = 0x40000000

#: What the kernel calls an architecture, and its column in the tables above.
ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
#: Offsets in `struct seccomp_data`, of arguments their lower half.
NUMBER, ARCHITECTURE, FIRST_ARGUMENT, THIRD_ARGUMENT, FOURTH_ARGUMENT = 0, 4, 16, 32, 40

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
            bpf.jump_if_equal(SOCKET[column], "socket"),
            bpf.jump_if_equal(MMAP[column], "mmap"),
            bpf.jump_if_equal(SETSOCKOPT[column], "setsockopt"),
            bpf.jump_if_at_least(X32, "deny"),
            *(
                bpf.jump_if_equal(number, "deny")
                for number in sorted({call[column] for call in DENIED.values()})
            ),
            bpf.give(bpf.ALLOW),
            "socket",
            bpf.load(FIRST_ARGUMENT),
            *(bpf.jump_if_equal(family, "allow") for family in FAMILIES),
            bpf.give(bpf.DENY),
            "setsockopt",
            bpf.load(THIRD_ARGUMENT),
            *(bpf.jump_if_equal(name, "deny") for name in BUFFERS),
            bpf.give(bpf.ALLOW),
            "mmap",
            bpf.load(FOURTH_ARGUMENT),
            bpf.mask(SHARED_ANONYMOUS),
            bpf.jump_if_equal(SHARED_ANONYMOUS, "deny"),
            "allow",
            bpf.give(bpf.ALLOW),
            "deny",
            bpf.give(bpf.DENY),
            "kill",
            bpf.give(bpf.KILL),
        ]
    )


def filter_system_calls() -> None:
    """From here on, the calls in `DENIED` fail with EPERM in this process and its children, and
    a call of another architecture ends it. Takes `no_new_privs`, or root."""
    if platform.machine() not in ARCHITECTURES:
        return
    code = filter_program(platform.machine())
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"system call filter: {os.strerror(number)}")
