"""The fork server: imports what notebooks import, then forks one process a notebook.

    python -m inside.fork_server SOCKET OPTIONS

SOCKET is the number of a connected socket. A message on it with two file descriptors means: fork,
serve the first, and write to the second how the process has ended. OPTIONS is JSON: the modules to
import, limits, and whether to enter namespaces. No tensor is made before a fork, and no thread
started.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
import time
from typing import Any

from . import huge_pages, watch

#: Where, beside the code in here, the unit's own files are. No module can have such a name.
FILES = "unit-files"
#: Bytes of them that each process has as its own.
COPIED = 32 * 2**20


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    options = json.loads(sys.argv[2])
    # What is imported stays. To look for garbage in it takes a quarter of the time, and in a
    # forked process it would make a copy of every page.
    gc.disable()
    try:
        fork = prepare(options)
        missing = import_all(options["modules"])
        from . import ipython_shell

        made = ipython_shell.make_shell()
        made.user_ns["__name__"] = "__main__"
    except Exception as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
        return
    draw_once()
    # It imports more on first use; a process is seeded when it is forked.
    seed()
    gc.freeze()
    control.send(json.dumps({"ready": os.getpid(), "missing": missing}).encode())
    children = Children(control, options["limits"])
    pages = huge_pages.collapsing()
    while (request := children.next_request()) is not None:
        connection, told = request
        pid = fork()
        if pid == 0:
            serve(made, socket.socket(fileno=connection), options)
        children.add(connection, told, pid)
        # While it works. Before the first, everyone would have to wait for it.
        next(pages, None)


class Children:
    """The forked processes that live.

    Each has three files here: its socket, which tells that its grader has hung up, its pidfd, which
    tells that it has ended, and a pipe to tell the grader how, in which a student has no word. The
    grader hears of an end when the last copy of the socket is closed, and that is the one here.
    """

    def __init__(self, control: socket.socket, limits: dict[str, int]) -> None:
        self._control, self._limits = control, limits
        self._watched: dict[int, watch.Watched] = {}
        self._looked = 0.0
        self._files: dict[int, tuple[int, int, int]] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def next_request(self) -> tuple[int, int] | None:
        """The socket and the pipe of the next process, None when nobody asks any more.
        Whatever ends meanwhile is cleared away."""
        while True:
            events = self._poll.poll(watch.EVERY * 1000 if self._files else None)
            # By the clock, also while others come and go.
            if time.monotonic() - self._looked >= watch.EVERY:
                self._look()
            if not events:
                continue
            # One event at a time: what is closed for it may have others in the same batch.
            number, _ = events[0]
            if number in self._files:
                self._end(*self._files[number])
                continue
            message, files, _, _ = socket.recv_fds(self._control, 64, 2)
            return (files[0], files[1]) if message else None

    def _look(self) -> None:
        """End those that take too much. Their grader is told at once: many take long to end."""
        self._looked = time.monotonic()
        for pidfd, each in self._watched.items():
            if not each.excess and each.look():
                _, told, _ = self._files[pidfd]
                with contextlib.suppress(OSError):
                    os.write(told, each.excess)
                with contextlib.suppress(OSError):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)

    def add(self, connection: int, told: int, pid: int) -> None:
        """Watch over a process that was forked."""
        child = connection, told, os.pidfd_open(pid)
        for file, events in ((child[0], 0), (child[2], select.POLLIN)):
            self._files[file] = child
            self._poll.register(file, events)
        self._watched[child[2]] = watch.Watched(pid, self._limits)

    def _end(self, connection: int, told: int, pidfd: int) -> None:
        """It has ended, or its grader has hung up: then it ends, whatever it does."""
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        with contextlib.suppress(OSError):
            end = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
            how = b"" if end is None else bytes((end.si_code, end.si_status & 255))
            if not self._watched.pop(pidfd).excess:
                os.write(told, how)
        os.close(told)
        for file in (connection, pidfd):
            del self._files[file]
            self._poll.unregister(file)
            os.close(file)


def prepare(options: dict[str, Any]) -> Any:
    """Enter the sandbox's own namespaces; returns what forks a child."""
    if not options["namespaces"]:
        return os.fork
    from . import jail

    jail.drop_root()
    return jail.ForkSpace().fork


def import_all(modules: list[str]) -> list[str]:
    """Import what can be imported; returns the names of what cannot."""
    missing = []
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception:
            missing.append(name)
    return missing


def draw_once() -> None:
    """Draw a small figure to nowhere: matplotlib reads its fonts on first use."""
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.set(title="title", xlabel="x", ylabel="y")
    figure.savefig(io.BytesIO(), format="png")


def serve(made: Any, connection: socket.socket, options: dict[str, Any]) -> None:
    """In the forked process: confine it, seed it, and answer until the grader hangs up."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A signal to "my process group" must not reach the fork server.
    os.setsid()
    try:
        folder = options["folder"]
        close_all_but(connection.fileno())
        if options["namespaces"]:
            from . import jail, system_calls

            jail.confine(options["limits"])
            jail.limit(options["limits"])
            system_calls.filter_system_calls()
        os.chdir(working_folder(folder, options["namespaces"]))
        find_modules_here()
        gc.enable()
        seed()
        from . import ipython_shell

        server = ipython_shell.connect(made, connection, folder)
        server.channel.send({"hello": True})
        server.serve()
    except BaseException as error:
        message = f"{type(error).__name__}: {error}".encode()
        os.write(2, message + b"\n")
    finally:
        os._exit(1)


def working_folder(home: str, private: bool) -> str:
    """The folder that the student's code runs in, with the unit's files: copies, which it may
    change as on the student's own machine, and of the largest links to what nobody can change.
    What is written there is this process's own."""
    folder = home if private else tempfile.mkdtemp(dir=home)
    given = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), FILES)
    sizes: dict[tuple[str, str], int] = {}
    for place, folders, files in os.walk(given):
        here = os.path.join(folder, os.path.relpath(place, given))
        for name in folders:
            os.mkdir(os.path.join(here, name))
        for name in files:
            path = os.path.join(place, name)
            sizes[path, os.path.join(here, name)] = os.path.getsize(path)
    left = COPIED
    for (path, own), size in sorted(sizes.items(), key=lambda each: (each[1], each[0])):
        left -= size
        if left < 0:
            os.symlink(path, own)
            continue
        with open(path, "rb") as source, open(own, "wb") as copy:
            copy.write(source.read())
    return folder


def find_modules_here() -> None:
    """As in Jupyter, modules beside the notebook come before any other of their name: also before
    our `helpers`, of which the code in here has imported what it needs."""
    sys.path.insert(0, "")
    if os.path.exists("helpers.py") or os.path.exists("helpers"):
        sys.modules.pop("helpers", None)


def close_all_but(keep: int) -> None:
    """Close the files that the fork server had open; the student's process needs none of them."""
    os.closerange(3, keep)
    os.closerange(keep + 1, 65536)


def seed() -> None:
    """The same random numbers for every notebook."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        torch.manual_seed(0)
        torch.set_num_threads(1)


if __name__ == "__main__":
    main()
    # Nothing is worth tidying up: the whole process goes.
    os._exit(0)
