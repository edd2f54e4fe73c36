"""What no test may do in the grader's process, as an answer's text could be behind it.

    assert eval(formula) == 6          # `formula` is a student's

Outside of this process a student's code is confined; here it would have the grader's rights. So
what a test does is stopped where it runs text as code, starts a program, opens a database or a
connection, or changes what is not in its own folder, however it comes to do that. A test that needs
to is judged inside. Python says what it is about to do (PEP 578); what our own code and imports do
while a test runs is not the test's.
"""

from __future__ import annotations

import functools
import os
import sys
from types import FrameType
from typing import Any

#: What the code of a test is called in a traceback.
TEST = "<grade cell>"
#: Packages whose own text becomes code, or that only read a text.
_MAKERS = frozenset(("ast", "collections", "dataclasses"))
#: Packages that do what they do for themselves, and are told nothing by an answer.
_OWN = frozenset(("helpers", "importlib", "_frozen_importlib", "hypothesis"))
_ALWAYS = frozenset(
    (
        *("compile", "pickle.find_class", "marshal.loads"),
        *("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
        *("subprocess.Popen", "pty.spawn", "os.kill", "os.killpg", "signal.pthread_kill"),
        *("sqlite3.connect", "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"),
        *("socket.getaddrinfo", "ctypes.dlopen", "ctypes.dlsym", "ctypes.call_function"),
    )
)
#: Their first argument is a path.
_ON_PATHS = frozenset(
    (
        *("os.chflags", "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename"),
        *("os.rmdir", "os.symlink", "os.truncate", "os.utime", "os.setxattr", "os.removexattr"),
        *("shutil.chown", "shutil.copyfile", "shutil.copytree", "shutil.make_archive"),
        *("shutil.move", "shutil.rmtree", "shutil.unpack_archive"),
    )
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Stopped(Exception):
    """A test was about to do what no test may do here."""


@functools.cache
def guard() -> list[str]:
    """Begin to stop tests, for as long as this process lives; what was stopped is in the list."""
    stopped: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if _is_forbidden(event, arguments) and _is_of_a_test(event, sys._getframe(1)):
            stopped.append(event)
            raise Stopped(f"it would do in the grader's process what could be anything ({event})")

    sys.addaudithook(hook)
    return stopped


def _is_forbidden(event: str, arguments: tuple[Any, ...]) -> bool:
    if event in _ALWAYS:
        return True
    if event == "open":
        path, _, flags = arguments
        return bool(isinstance(flags, int) and flags & _WRITES and not _is_own(path))
    return event in _ON_PATHS and not all(_is_own(each) for each in arguments[:2])


def _is_own(path: Any) -> bool:
    """Whether a path is in the folder that a test runs in, or is none."""
    if not isinstance(path, str | bytes | os.PathLike):
        return True
    own, real = os.getcwd(), os.path.realpath(os.fsdecode(path))
    return real == os.devnull or real.startswith(own + os.sep)


def _is_of_a_test(event: str, frame: FrameType | None) -> bool:
    """Whether it is a test that does something: by the calls that led there, last first."""
    if event == "compile" and frame is not None and _package(frame) in _MAKERS:
        return False
    while frame is not None:
        if frame.f_code.co_filename == TEST:
            return True
        if _package(frame) in _OWN:
            return False
        frame = frame.f_back
    return False


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).split(".")[0]
