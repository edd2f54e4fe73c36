"""One student's process as the grader sees it: run a cell, look up a name, call a function.

The process may do anything, write anything to its socket, and stop answering. So every wait has
an end, and every reply is matched to its request and decoded strictly. The fork server watches what
it takes. What goes wrong is raised as one of the errors of `backend.py`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from helpers.grading.handin.markup import Budget
from helpers.grading.sandbox.backend import (
    UNREADABLE,
    CallTimeout,
    CellRun,
    Limits,
    ProcessDied,
    ServerDied,
    StudentError,
)
from helpers.grading.sandbox.cgroup import StudentGroup, divided
from helpers.grading.sandbox.deadline import Deadline, OutOfTime
from helpers.grading.sandbox.inside import codec
from helpers.grading.sandbox.inside.watch import FILES, MEMORY, PROCESSES, family
from helpers.grading.sandbox.outputs import Outputs

_HEADER = struct.Struct("!I")
#: Bytes that one request may bring in, outputs included.
MAX_TRAFFIC = 64 * 1024 * 1024
#: Seconds that an interrupted cell has to come back.
GRACE = 3.0
#: What the machine can do to a process, so that its end says nothing of the answer.
LACKED_PROCESSOR = "it lacked a processor"
KILLED_BY_SYSTEM = "the system killed a process of it, mostly for want of memory"
#: How a process ends that was killed.
KILLED = ((os.CLD_KILLED, signal.SIGKILL),)
#: Seconds until an end that was put off is looked at again.
LONGEST_WAIT = 1.0


class StudentProcess:
    """A process of the fork server. Use it as a context manager: it ends with its children."""

    def __init__(
        self, connection: socket.socket, told: int, limits: Limits, namespaces: bool
    ) -> None:
        """`told`: a pipe in which the fork server says how it ended, closed with it.
        `namespaces`: whether it has some of its own, so that all it started ends with it.

        Raises ServerDied where nobody serves the other end.
        """
        self._limits, self._namespaces = limits, namespaces
        self._number = 0
        self._buffer = bytearray()
        self._traffic = 0
        self._budget = Budget()
        self._pidfd = self._schedule = -1
        self._group: StudentGroup | None = None
        self._socket, self._told = connection, told
        try:
            #: Of the process, as this one sees it.
            self.pid = self._hello()
            if parent := divided():
                self._group = StudentGroup.make(parent, self.pid, limits)
            folder = Path(f"/proc/{self.pid}")
            with contextlib.suppress(OSError):
                self._schedule = os.open(folder / "schedstat", os.O_RDONLY)
        except ProcessDied as error:
            self.close()
            raise ServerDied(f"a student's process could not be made: {error}") from None

    def __enter__(self) -> StudentProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, its children and its files, and wait until they are gone."""
        if self._pidfd >= 0:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            if not self._namespaces:
                # Nothing takes the children with it.
                with contextlib.suppress(OSError):
                    os.killpg(self.pid, signal.SIGKILL)
            # Readable once the first process of the namespace, and so every other, has ended.
            select.select([self._pidfd], [], [], 10)
            os.close(self._pidfd)
            self._pidfd = -1
        if self._group is not None:
            self._group.close()
            self._group = None
        for file in {self._schedule, self._told} - {-1}:
            os.close(file)
        self._schedule = self._told = -1
        self._socket.close()

    def run(self, code: str, timeout: float, muted: bool = False, brief: bool = False) -> CellRun:
        """Run a code cell as a kernel would. Its own exceptions are in its outputs.

        Raises ProcessDied and CallTimeout; the outputs so far are in their `outputs`.
        """
        outputs = Outputs(self._budget)
        request = {"ask": "run", "code": code, "muted": muted, "brief": brief}
        try:
            reply = self._ask(request, timeout, outputs)
        except (ProcessDied, CallTimeout) as error:
            kind = "CellTimeoutError" if isinstance(error, CallTimeout) else "DeadKernelError"
            outputs.error(kind, str(error))
            error.outputs = outputs.items
            raise
        count, error_kind = reply.get("count"), reply.get("error")
        return CellRun(
            outputs.items,
            count if type(count) is int and 0 <= count < 2**31 else None,
            codec.clean_text(error_kind)[:100] if type(error_kind) is str else None,
        )

    def get(self, name: str, timeout: float) -> Any:
        """The value of a global name, as plain data. Raises KeyError where there is none."""
        reply = self._ask({"ask": "get", "name": name}, timeout)
        if reply.get("missing") is True:
            raise KeyError(name)
        return self._value(reply)

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float) -> Any:
        """What the student's function returns, as plain data. Raises StudentError."""
        request = {"ask": "call", "name": name}
        data = {"args": codec.encode(tuple(args)), "kwargs": codec.encode(dict(kwargs))}
        return self._value(self._ask({**request, **data}, timeout))

    def _value(self, reply: dict[str, Any]) -> Any:
        raised = reply.get("raised")
        if type(raised) is list and [type(part) for part in raised] == [str, str, str]:
            raise StudentError(*(codec.clean_text(part[:500]) for part in raised))
        try:
            return codec.decode(reply.get("value"))
        except codec.CodecError as error:
            raise StudentError(UNREADABLE, str(error)) from None

    def _hello(self) -> int:
        """Wait for the first message, which the kernel stamps with the sender's process id."""
        ready, _, _ = select.select([self._socket], [], [], 120)
        if not ready:
            raise ProcessDied("it did not start")
        try:
            size = socket.CMSG_SPACE(struct.calcsize("3i"))
            data, extra, _, _ = self._socket.recvmsg(4096, size)
        except OSError as error:
            raise ProcessDied(str(error)) from None
        if not data or not extra:
            raise ProcessDied("it ended before it could start")
        pid = struct.unpack("3i", extra[0][2][:12])[0]
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        with contextlib.suppress(OSError):
            self._pidfd = os.pidfd_open(pid)
        if self._pidfd < 0:
            raise ProcessDied("it ended at once")
        return int(pid)

    def _ask(
        self, request: dict[str, Any], timeout: float, outputs: Outputs | None = None
    ) -> dict[str, Any]:
        self._number += 1
        self._traffic = 0
        data = codec.dumps({**request, "number": self._number})
        deadline = Deadline(timeout, self._waiting)
        try:
            self._send(_HEADER.pack(len(data)) + data, deadline)
            return self._reply(deadline, outputs)
        except OutOfTime:
            pass
        disturbed = LACKED_PROCESSOR if deadline.lacked_processor else ""
        # One chance to come back by itself.
        grace = Deadline(GRACE, self._waiting)
        self._interrupt()
        try:
            self._reply(grace, outputs)
        except OutOfTime:
            if select.select([self._told], [], [], 0)[0]:
                self._ended()
            if family(self.pid)[1] >= self._limits.processes:
                # They may keep the fork server from its turn to look.
                self._end(self._excess()[PROCESSES])
            self._end(f"did not stop after {timeout:g} s", timed_out=True, disturbed=disturbed)
        except ProcessDied as died:
            # Interrupted while it hands on what it prints, it can end.
            reason = f"{died}; it was interrupted after {timeout:g} s"
            raise ProcessDied(reason, timed_out=True, disturbed=disturbed) from None
        raise CallTimeout(f"took longer than {timeout:g} s", disturbed)

    def _reply(self, deadline: Deadline, outputs: Outputs | None) -> dict[str, Any]:
        for message in self._messages(deadline):
            if type(message) is not dict:
                continue
            if message.get("reply") == self._number and type(message["reply"]) is int:
                return message
            if outputs is not None and "output" in message:
                outputs.add(message["output"], message.get("content"))
        raise ProcessDied("the process ended")

    def _messages(self, deadline: Deadline) -> Iterator[Any]:
        """Whole messages as they come, until the deadline."""
        while True:
            while len(self._buffer) >= 4:
                deadline.left()
                (size,) = _HEADER.unpack_from(self._buffer)
                if size > codec.MAX_BYTES:
                    self._end("sent more than it may")
                if len(self._buffer) < 4 + size:
                    break
                data = bytes(self._buffer[4 : 4 + size])
                del self._buffer[: 4 + size]
                try:
                    yield codec.loads(data)
                except codec.CodecError:
                    self._end("sent something that is no message")
            self._receive(deadline)

    def _receive(self, deadline: Deadline) -> None:
        self._wait(deadline, write=False)
        try:
            part = self._socket.recv(262_144, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            self._ended()
        self._traffic += len(part)
        if self._traffic > MAX_TRAFFIC:
            self._end("sent more than it may")
        self._buffer += part

    def _send(self, data: bytes, deadline: Deadline) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self._wait(deadline, write=True)
            except OSError:
                self._ended()

    def _wait(self, deadline: Deadline, write: bool) -> None:
        """Until the socket is ready. Raises OutOfTime."""
        files: list[socket.socket] = [self._socket]
        while True:
            wait = min(deadline.left(), LONGEST_WAIT)
            readable, writable, _ = select.select(
                [] if write else files, files if write else [], [], wait
            )
            if readable or writable:
                return

    def _waiting(self) -> float:
        """Seconds that the process's first thread could have run and had no processor."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(os.pread(self._schedule, 100, 0).split()[1]) / 1e9
        return 0.0

    def _interrupt(self) -> None:
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGINT)

    def _ended(self) -> NoReturn:
        """It ended by itself, or the system ended it: a student's process cannot kill itself so."""
        told = b""
        if select.select([self._told], [], [], 2)[0]:
            told = os.read(self._told, 2)
        if self._group is not None and self._group.ran_out:
            self._end(self._excess()[MEMORY])
        if told in self._excess():
            self._end(self._excess()[told])
        if len(told) == 2 and tuple(told) in KILLED:
            self._end("was killed by the system", disturbed=KILLED_BY_SYSTEM)
        self._end("ended")

    def _excess(self) -> dict[bytes, str]:
        """What it may have taken too much of, as the fork server tells it and as people read it."""
        limits = self._limits
        return {
            MEMORY: f"used more than {limits.memory // 2**20} MiB of memory",
            PROCESSES: f"tried to start more than {limits.processes} processes",
            FILES: "opened more files than it may",
        }

    def _end(self, reason: str, timed_out: bool = False, disturbed: str = "") -> NoReturn:
        self.close()
        raise ProcessDied(f"the student's process {reason}", timed_out, disturbed)
