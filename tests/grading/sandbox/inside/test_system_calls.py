"""Each denied system call is refused, by the filter's own rules and by this machine's kernel."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import signal
import socket
from collections.abc import Callable

import pytest

from helpers.grading.sandbox.inside import jail, system_calls
from helpers.grading.sandbox.inside.allowed_system_calls import (
    ALLOWED,
    FCNTL,
    FLOCK,
    MMAP,
    NEWEST,
    PRLIMIT,
    SETSOCKOPT,
    SOCKET,
)
from helpers.grading.sandbox.inside.bpf import ALLOW, DENY, KILL, PRETEND, UNKNOWN
from helpers.grading.sandbox.inside.system_calls import (
    ARCHITECTURES,
    FAMILIES,
    SHARED_ANONYMOUS,
    X32,
    filter_program,
)
from tests.grading.sandbox.inside.machine import run

#: Families that nothing in the list is of: what reaches into the kernel, other processes, files by
#: other ways, memory that no limit counts, and slots that all students share.
FAMILIES_OUTSIDE = {
    "tracing": {"ptrace": (101, 117), "process_vm_readv": (310, 270), "kcmp": (312, 272)}
    | {"process_vm_writev": (311, 271), "process_madvise": (440, 440), "pidfd_getfd": (438, 438)},
    "memory": {"memfd_create": (319, 279), "memfd_secret": (447, 447), "userfaultfd": (323, 282)}
    | {"mlock": (149, 228), "mlockall": (151, 230), "remap_file_pages": (216, 234)},
    "System V": {"shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190)},
    "queues": {"mq_open": (240, 180), "io_setup": (206, 0), "io_submit": (209, 2)}
    | {"io_uring_setup": (425, 425), "io_uring_register": (427, 427)},
    "notices": {"inotify_init1": (294, 26), "fanotify_init": (300, 262)},
    "namespaces": {"unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51)}
    | {"mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "fsopen": (430, 430)}
    | {"open_tree": (428, 428), "move_mount": (429, 429), "mount_setattr": (442, 442)},
    "kernel": {"bpf": (321, 280), "perf_event_open": (298, 241), "seccomp": (317, 277)}
    | {"add_key": (248, 217), "keyctl": (250, 219), "request_key": (249, 218)}
    | {"init_module": (175, 105), "kexec_load": (246, 104), "syslog": (103, 116)},
    "machine": {"personality": (135, 92), "sched_setaffinity": (203, 122), "reboot": (169, 142)}
    | {"sched_setscheduler": (144, 119), "setrlimit": (160, 164), "settimeofday": (164, 170)}
    | {"clock_settime": (227, 112), "sethostname": (170, 161), "ioprio_set": (251, 30)},
    "files": {"open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264)}
    | {"quotactl": (179, 60), "swapon": (167, 224), "vmsplice": (278, 75)},
}
DENIED = {name: numbers for calls in FAMILIES_OUTSIDE.values() for name, numbers in calls.items()}
MACHINES = list(ARCHITECTURES)


def becomes(machine: str, number: int, *arguments: int) -> int:
    return run(filter_program(machine), number, *arguments, architecture=ARCHITECTURES[machine][0])


@pytest.mark.parametrize("machine", MACHINES)
def test_exactly_the_listed_calls_are_allowed(machine: str) -> None:
    column = ARCHITECTURES[machine][1]
    allowed = {number for number in range(1000) if becomes(machine, number, 1) == ALLOW}
    listed = {call[column] for call in ALLOWED.values()} - {None}
    by_argument = {call[column] for call in (SOCKET, MMAP, SETSOCKOPT, FCNTL, PRLIMIT)}
    assert allowed == listed | by_argument


@pytest.mark.parametrize("machine", MACHINES)
def test_a_call_that_is_newer_than_the_list_is_none(machine: str) -> None:
    """A library goes on without it."""
    assert {becomes(machine, number) for number in range(NEWEST + 1, 1000)} == {UNKNOWN}


@pytest.mark.parametrize("machine", MACHINES)
def test_limits_can_be_asked_for_and_not_changed(machine: str) -> None:
    number = PRLIMIT[ARCHITECTURES[machine][1]]
    assert becomes(machine, number, 0, 7, 0, 1 << 40) == ALLOW
    for new in (1, 1 << 32, (1 << 40) + 8):
        assert becomes(machine, number, 0, 7, new, 0) == DENY


@pytest.mark.parametrize("machine", MACHINES)
def test_no_file_is_leased_and_nothing_in_the_kernel_made_larger(machine: str) -> None:
    column = ARCHITECTURES[machine][1]
    commands = {each for each in range(2000) if becomes(machine, FCNTL[column], 3, each) == DENY}
    assert commands == {fcntl.F_SETLEASE, fcntl.F_NOTIFY, 1031, 1033}
    options = {
        each for each in range(100) if becomes(machine, SETSOCKOPT[column], 3, 1, each) == DENY
    }
    assert options == {socket.SO_SNDBUF, socket.SO_RCVBUF, 32, 33}


@pytest.mark.parametrize("machine", MACHINES)
def test_a_lock_on_a_file_is_said_to_be_taken(machine: str) -> None:
    assert becomes(machine, FLOCK[ARCHITECTURES[machine][1]], 3, fcntl.LOCK_EX) == PRETEND


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_are_of_the_families_that_stay_inside(machine: str) -> None:
    number = SOCKET[ARCHITECTURES[machine][1]]
    allowed = {family for family in range(64) if becomes(machine, number, family) == ALLOW}
    assert allowed == set(FAMILIES) == {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}


@pytest.mark.parametrize("machine", MACHINES)
def test_memory_is_shared_with_a_file_or_not_at_all(machine: str) -> None:
    number = MMAP[ARCHITECTURES[machine][1]]
    for flags in range(0x100):
        both = flags & SHARED_ANONYMOUS == SHARED_ANONYMOUS
        assert becomes(machine, number, 0, 4096, 3, flags) == (DENY if both else ALLOW)


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_x32_are_denied(machine: str) -> None:
    assert {becomes(machine, X32 + number, 1) for number in range(1000)} == {DENY}


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_of_another_architecture_end_the_process(machine: str) -> None:
    others = [0x40000003, 0x40000028, *(audit for audit, _ in ARCHITECTURES.values())]
    others.remove(ARCHITECTURES[machine][0])
    code = filter_program(machine)
    assert {run(code, number, architecture=other) for other in others for number in (0, 1)} == {
        KILL
    }


here = pytest.mark.skipif(
    platform.machine() not in ARCHITECTURES, reason="there is no filter for this machine"
)


def in_a_child(code: Callable[[], int], filtered: bool = True) -> int:
    """How a forked process ends, as of `os.waitpid`: with what `code` returns, or by a signal."""
    pid = os.fork()
    if pid == 0:
        status = 255
        try:
            if filtered:
                jail.libc.prctl(jail.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                system_calls.filter_system_calls()
            status = code()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def call(number: int, *arguments: int) -> int:
    """The error of a system call with these arguments; 0 where it has none."""
    given = [ctypes.c_long(argument) for argument in (*arguments, *[-1] * (6 - len(arguments)))]
    return 0 if jail.libc.syscall(number, *given) >= 0 else ctypes.get_errno()


def number_of(calls: tuple[int, int]) -> int:
    return calls[ARCHITECTURES[platform.machine()][1]]


@here
@pytest.mark.parametrize("name", DENIED)
def test_a_denied_call_fails_in_the_kernel(name: str) -> None:
    assert in_a_child(lambda: call(number_of(DENIED[name]))) == errno.EPERM


@here
def test_memory_that_is_shared_without_a_file_is_refused_and_other_memory_is_not() -> None:
    def ways() -> int:
        mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
        with open(__file__, "rb") as file:
            mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ).close()
        try:
            mmap.mmap(-1, 4096)
        except PermissionError as error:
            return error.errno or 0
        return 0

    assert in_a_child(ways) == errno.EPERM


@here
def test_what_answers_need_is_allowed() -> None:
    def needs() -> int:
        socket.socketpair()[0].close()
        socket.socket(socket.AF_INET6).close()
        if os.fork() == 0:
            os._exit(0)
        os.wait()
        return len(os.listdir("/")) and 7

    assert in_a_child(needs) == 7


#: mov eax, 20 (getpid); int 0x80; ret
OLD_CALL = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only there is an older way to call")
def test_a_call_by_the_way_of_32_bits_ends_the_process() -> None:
    """Its numbers are others: what is denied would be called under another number."""

    def old_way() -> int:
        protection = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        page = mmap.mmap(-1, 4096, flags=flags, prot=protection)
        page.write(OLD_CALL)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        return ctypes.CFUNCTYPE(ctypes.c_int)(address)() and 7

    # A kernel that was built without that way ends it itself.
    assert in_a_child(old_way) in (-signal.SIGSYS, -signal.SIGSEGV)
    assert in_a_child(old_way, filtered=False) in (7, -signal.SIGSEGV)
