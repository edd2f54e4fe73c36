"""Namespaces and limits, entered from inside by plain system calls.

bubblewrap has already taken away the file system and the network. Here the fork server gives up
root where it has it, and every process forked from it gets a user, mount, process and IPC
namespace of its own, empty temporary folders, limits, and no way to more privileges. Which calls
are left to it: `system_calls`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 0x4000, 1 << 18
MS_REMOUNT, MS_BIND = 32, 4096
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
NOBODY = 65534

#: Folders that are empty, writable and private for each student's process. One that this Python
#: lives in (an environment made under /tmp) is left out: covered, nothing more could be imported.
SCRATCH = tuple(
    folder
    for folder in ("/tmp", "/home/student", "/dev/shm")
    if not any(
        place.startswith(f"{folder}/")
        for place in (sys.prefix, sys.base_prefix, sys.executable, os.path.realpath(sys.executable))
    )
)

libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(kind: str, target: str, flags: int, options: str = "") -> None:
    arguments = (kind.encode(), target.encode(), kind.encode(), flags, options.encode())
    _check(libc.mount(*arguments), f"mount {kind} on {target}")


def enter_user_namespace(flags: int, proc: str = "/proc") -> None:
    """A new user namespace (and others, by `flags`) in which this process keeps its user id."""
    user, group = os.getuid(), os.getgid()
    _check(libc.unshare(flags | CLONE_NEWUSER), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"{proc}/self/{name}", "w") as file:
            file.write(text)


def drop_root() -> None:
    """The fork server: no root, and the first of process, mount and user namespaces of its own."""
    if os.getuid() == 0:
        _mount("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    enter_user_namespace(CLONE_NEWNS | CLONE_NEWPID)
    _check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "private mounts")
    first = os.fork()
    if first:
        libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
        _, status = os.waitpid(first, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0)
    _mount_private("size=64m,mode=700")


def _mount_private(options: str) -> None:
    _mount("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for folder in SCRATCH:
        _mount("tmpfs", folder, MS_NOSUID | MS_NODEV, options)


class ForkSpace:
    """Forks children that are the first process of a namespace of their own."""

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def fork(self) -> int:
        """Like `os.fork`."""
        _check(libc.unshare(CLONE_NEWPID), "unshare")
        pid = os.fork()
        if pid:
            _check(libc.setns(self._own, CLONE_NEWPID), "setns")
        return pid


def confine(limits: dict[str, int]) -> None:
    """One student's process, before any of the student's code: nothing to leave behind, no way
    out, no way up. `limits["scratch"]` bounds each scratch folder, in bytes."""
    _check(libc.unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET), "unshare")
    _check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "private mounts")
    _mount_private(f"size={limits['scratch']},nr_inodes=8192,mode=700")
    # Terminals of its own: through shared ones, two students could talk.
    _mount("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    libc.sethostname(b"student", 7)
    # What this process still has to write there, it writes through the folder that it has open.
    writable = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    _cover_proc()
    # The user namespace comes last: it owns none of the others, so it can undo nothing in them.
    enter_user_namespace(0, f"/proc/self/fd/{writable}")
    with open(f"/proc/self/fd/{writable}/sys/user/max_user_namespaces", "w") as file:
        file.write("0")
    os.close(writable)
    drop_capabilities()


def _cover_proc() -> None:
    """A /proc in which nothing can be written: in the other one a process may say that, where
    memory runs out, the kernel should end it last."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _mount("proc", "/proc", flags)
    options = flags | MS_REMOUNT | MS_BIND | MS_RDONLY
    _check(libc.mount(None, b"/proc", None, options, None), "read-only /proc")


def limit(limits: dict[str, int]) -> None:
    """Resource limits for this process and its children."""
    memory = limits["memory"] + _virtual_memory()
    values = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: limits["file"],
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        # Timers and waiting signals, of which all students together have some ten thousand.
        resource.RLIMIT_SIGPENDING: 1024,
    }
    if _release() >= (5, 14):  # before that, it counts every process of this user on the machine
        values[resource.RLIMIT_NPROC] = limits["processes"]
    for kind, value in values.items():
        _, hard = resource.getrlimit(kind)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def drop_capabilities() -> None:
    """No capability is left, and none can be had again by running another program."""
    libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack("Ii", 0x20080522, 0)
    _check(libc.capset(header, b"\0" * 24), "capset")
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def _virtual_memory() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _release() -> tuple[int, int]:
    major, minor = platform.release().split(".")[:2]
    return int(major), int("".join(c for c in minor if c.isdigit()) or 0)


if __name__ == "__main__":  # `bubblewrap.why_not` asks whether a sandbox can be made here
    SCRATCH = ()
    drop_root()
