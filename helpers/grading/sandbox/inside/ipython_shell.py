"""An IPython kernel's shell whose messages go to the grader over one socket.

The shell, its display hook and its display publisher are ipykernel's own; only the session that
sends their messages is ours, so outputs come out as a real kernel gives them.
"""

from __future__ import annotations

import builtins
import importlib
import os
import socket
import struct
import sys
from typing import Any

from ipykernel import zmqshell
from ipykernel.compiler import XCachingCompiler
from jupyter_client.session import Session
from traitlets.config import Config

from helpers.figures import current_figure, no_show
from helpers.values import placeholder

from . import codec

#: Bytes of output that one cell may send; the grader has a limit of its own.
MAX_OUTPUT = 1_000_000
_HEADER = struct.Struct("!I")


class Channel:
    """Messages as length and JSON over a connected socket."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, message: Any) -> None:
        data = codec.dumps(message)
        self.connection.sendall(_HEADER.pack(len(data)) + data)

    def receive(self) -> Any:
        (size,) = _HEADER.unpack(self._read(4))
        return codec.loads(self._read(size))

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.connection.recv(size - len(data))
            if not part:
                os._exit(0)
            data += part
        return data


class OutputSession(Session):
    """Takes the messages of ipykernel's shell and sends them as outputs of the running cell."""

    channel: Channel | None = None
    captured: Captured | None = None
    muted = False
    room = MAX_OUTPUT

    def send(  # type: ignore[override]
        self, stream: Any, msg_or_type: Any, content: Any = None, *ignored: Any, **named: Any
    ) -> None:
        """In the place of sending over ZeroMQ."""
        if isinstance(msg_or_type, dict):
            kind, content = msg_or_type["msg_type"], msg_or_type["content"]
        else:
            kind = msg_or_type
        self.flush()
        self.emit(kind, content)

    def flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, Stream):
                stream.flush()
        if self.captured is not None:
            self.captured.flush()

    def captured_grew(self) -> bool:
        return self.captured is not None and self.captured.grew()

    def emit(self, kind: str, content: Any) -> None:
        """One message to the grader, unless outputs are muted or there have been too many."""
        if self.muted or self.channel is None or self.room < 0:
            return
        data = {"output": kind, "content": content}
        try:
            size = len(codec.dumps(data))
        except TypeError:
            # A picture of Pillow's, for one: its bytes become text, as where a kernel sends them.
            data["content"] = self.unpack(self.pack(content))
            size = len(codec.dumps(data))
        self.room -= size
        if self.room < 0:
            text = "\n... Output truncated ...\n"
            data = {"output": "stream", "content": {"name": "stdout", "text": text}}
        self.channel.send(data)


class Stream:
    """`sys.stdout` or `sys.stderr` of a cell."""

    encoding = "utf-8"
    errors = "strict"
    newlines = None
    line_buffering = True
    closed = False

    def __init__(self, session: OutputSession, name: str, number: int) -> None:
        self.session, self.name, self._number = session, name, number
        self._parts: list[str] = []
        self._size = 0

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if not self._parts or self.session.captured_grew():
            # What the other stream or a child process wrote came first.
            self.session.flush()
        self._parts.append(text)
        self._size += len(text)
        if self._size > 16_384:
            self.flush()
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._parts:
            text, self._parts, self._size = "".join(self._parts), [], 0
            self.session.emit("stream", {"name": self.name, "text": text})

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return False

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.flush()


class Captured:
    """What C code and child processes write to the file descriptors 1 and 2.

    They write to files; what is new there is sent before the next output of Python, so the order
    is kept without a thread.
    """

    def __init__(self, session: OutputSession, folder: str) -> None:
        self.session = session
        self._files: list[tuple[str, int]] = []
        self._read = [0, 0]
        for name, number in (("stdout", 1), ("stderr", 2)):
            path = os.path.join(folder, f".{name}")
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            os.unlink(path)
            os.dup2(file, number)
            self._files.append((name, file))

    def grew(self) -> bool:
        return any(
            os.fstat(file).st_size > start
            for (_, file), start in zip(self._files, self._read, strict=True)
        )

    def flush(self) -> None:
        for index, (name, file) in enumerate(self._files):
            start = self._read[index]
            size = os.fstat(file).st_size
            if size > start:
                self._read[index] = size
                text = os.pread(file, min(size - start, MAX_OUTPUT), start).decode(
                    "utf-8", "replace"
                )
                self.session.emit("stream", {"name": name, "text": text})


class _Kernel:
    """What ipykernel's shell expects of the kernel around it."""

    eventloop = None
    shell_streams = ()

    def getpass(self, *arguments: Any, **named: Any) -> str:
        return _no_input()

    raw_input = getpass


def _no_input(*arguments: Any, **named: Any) -> str:
    from IPython.core.error import StdinNotImplementedError

    raise StdinNotImplementedError(
        "raw_input was called, but this frontend does not support input requests."
    )


class ZMQInteractiveShell(zmqshell.ZMQInteractiveShell):
    """ipykernel's shell. Programs know a notebook by this class's name."""

    def enable_gui(self, gui: Any = None) -> None:
        """Nothing: there is no event loop to hook into (`%matplotlib inline` asks for it)."""


class _Forgotten(dict[int, list[Any]]):
    """In the place of the outputs that IPython 9 keeps for its history, cell by cell: what a cell
    prints without end would fill the memory before its time is over."""

    def __missing__(self, cell: int) -> list[Any]:
        return []

    def setdefault(self, cell: int, default: Any = None) -> Any:
        return default


def make_shell() -> Any:
    """The shell, made once in the fork server; `connect` gives it a socket after the fork."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "linux"
    session = OutputSession(key=b"", username="student")
    shell: Any = ZMQInteractiveShell.instance(
        config=config, kernel=_Kernel(), compiler_class=XCachingCompiler
    )
    shell.history_manager.outputs = _Forgotten()
    shell.displayhook.session = session
    shell.displayhook.pub_socket = None
    shell.displayhook.topic = b"execute_result"
    shell.display_pub.session = session
    shell.display_pub.pub_socket = None
    # Imported now that there is a shell, it hooks itself in: figures are shown after their cell.
    importlib.import_module("matplotlib_inline.backend_inline")
    return shell


def connect(shell: Any, connection: socket.socket, folder: str) -> Server:
    """Give the shell its socket and its streams, and serve what the grader asks."""
    session = shell.displayhook.session
    session.channel = Channel(connection)
    session.captured = Captured(session, folder)
    sys.stdout = Stream(session, "stdout", 1)  # type: ignore[assignment]
    sys.stderr = Stream(session, "stderr", 2)  # type: ignore[assignment]
    builtins.input = _no_input
    return Server(shell, session)


class Server:
    """Answers the grader's requests: run a cell, look up a name, call a function."""

    def __init__(self, shell: Any, session: OutputSession) -> None:
        self.shell, self.session = shell, session
        assert session.channel is not None
        self.channel = session.channel

    def serve(self) -> None:
        """Until the grader hangs up."""
        requests = {"run": self.run, "get": self.get, "call": self.call}
        while True:
            try:
                request = self.channel.receive()
                reply = requests[request["ask"]](request)
            except KeyboardInterrupt:
                reply = {"raised": ["KeyboardInterrupt", "interrupted", ""]}
            self.channel.send({"reply": request["number"], **reply})

    def run(self, request: Any) -> Any:
        """One code cell, as a kernel's `execute_request`."""
        self.session.muted, self.session.room = bool(request["muted"]), MAX_OUTPUT
        shell = self.shell
        if request["brief"]:
            shell.InteractiveTB.set_mode("Plain")
        try:
            result = shell.run_cell(request["code"], store_history=True)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as problem:
            error = problem
            shell.showtraceback()
        self.session.flush()
        shell.payload_manager.clear_payload()
        return {"count": shell.execution_count - 1, "error": error and type(error).__name__}

    def get(self, request: Any) -> Any:
        """The value of a name, or that there is none."""
        name = request["name"]
        if name not in self.shell.user_ns:
            return {"missing": True}
        return {"value": codec.encode(self.shell.user_ns[name], name)}

    def call(self, request: Any) -> Any:
        """Call a function of the student with plain data; what it prints is not shown."""
        self.session.muted = True
        try:
            function = self.shell.user_ns[request["name"]]
            args, kwargs = codec.decode(request["args"]), codec.decode(request["kwargs"])
            with no_show():
                try:
                    value = function(*args, **kwargs)
                except NotImplementedError as error:
                    raise placeholder(error, function) from None
            if value is None:
                value = current_figure()
            return {"value": codec.encode_result(value)}
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            # Whatever it is: SystemExit, MemoryError, or something made for this moment.
            try:
                text = str(error)[:500]
            except BaseException:
                text = ""
            kind = type(error)
            return {"raised": [kind.__name__[:100], text, builtin_of(kind)]}
        finally:
            self.session.flush()
            close_figures()


def builtin_of(kind: type[BaseException]) -> str:
    """The name of Python's own exception that one is, or comes from."""
    return next(each.__name__ for each in type.mro(kind) if each.__module__ == "builtins")


def close_figures() -> None:
    """Forget pyplot's figures, so that the next call starts without."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and pyplot.get_fignums():
        pyplot.close("all")
