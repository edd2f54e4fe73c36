"""Who took too much is said at once."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys

import pytest

from helpers.grading.sandbox.inside import watch
from helpers.grading.sandbox.inside.fork_server import Children


def test_a_grader_is_told_of_an_excess_before_all_that_it_was_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sixty-four processes take seconds to end on a busy machine, and a grader waits no longer."""
    control, server = socket.socketpair()
    ours, theirs = socket.socketpair()
    told, tells = os.pipe()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    sent: list[int] = []
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda pidfd, number: sent.append(number))
    children = Children(server, {"processes": 1, "memory": 2**30})
    try:
        children.add(theirs.fileno(), tells, child.pid)
        children._look()
        assert sent == [signal.SIGKILL]
        assert select.select([told], [], [], 0)[0]
        assert os.read(told, 2) == watch.PROCESSES
        child.kill()
        children._end(*children._files[theirs.detach()])
        assert os.read(told, 2) == b""  # it is told once
    finally:
        child.kill()
        child.wait()
        for each in (control, server, ours):
            each.close()
        os.close(told)
