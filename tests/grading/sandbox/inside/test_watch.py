"""What a student's process takes is counted, whatever the grader does meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.grading.sandbox.backend import Limits, MiB, ProcessDied
from helpers.grading.sandbox.confined import CONFINED
from helpers.grading.sandbox.host import ForkClient
from helpers.grading.sandbox.process import StudentProcess


@pytest.fixture(scope="module")
def client() -> Iterator[ForkClient]:
    with CONFINED.serve(limits=Limits(memory=256 * MiB, processes=16)) as server:
        yield server.client()


@pytest.fixture
def process(client: ForkClient) -> Iterator[StudentProcess]:
    with client.start() as made:
        yield made


def said(process: StudentProcess, code: str) -> str:
    outputs = process.run(code, 30).outputs
    return "".join(output.get("text", output.get("evalue", "")) for output in outputs)


def test_memory_is_counted_while_nobody_waits_for_the_process(process: StudentProcess) -> None:
    """A grader may be busy with what was printed before."""
    code = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        kept = b"x" * (150 << 20)
        time.sleep(1000)
"""
    process.run(code, 30)
    until = time.monotonic() + 30
    while Path(f"/proc/{process.pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    with pytest.raises(ProcessDied, match="used more than 256 MiB"):
        process.run("1", 30)


def test_files_are_counted_over_all_processes(process: StudentProcess) -> None:
    code = """
import os, socket, time
for _ in range(8):
    if os.fork() == 0:
        kept = [socket.socketpair() for _ in range(100)]
        time.sleep(1000)
time.sleep(1000)
"""
    with pytest.raises(ProcessDied, match="opened more files"):
        process.run(code, 60)


SNDBUF = """
import socket
one, other = socket.socketpair()
try:
    one.setsockopt(socket.SOL_SOCKET, NAME, 1 << 24)
except OSError as error:
    print(type(error).__name__)
one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
"""


@pytest.mark.parametrize("name", ["socket.SO_SNDBUF", "socket.SO_RCVBUF", "32", "33"])
def test_a_socket_cannot_be_made_to_hold_more(process: StudentProcess, name: str) -> None:
    assert said(process, SNDBUF.replace("NAME", name)) == "PermissionError\n"


@pytest.mark.parametrize("name", ["self/oom_score_adj", "self/comm", "1/oom_score_adj"])
def test_nothing_is_written_in_proc(process: StudentProcess, name: str) -> None:
    """There a process may say that the kernel should end it last."""
    code = f"try: print(open('/proc/{name}', 'w').write('0'))\nexcept OSError as e: print(e.errno)"
    assert said(process, code) == "30\n"
    score = said(process, "print(open('/proc/self/oom_score_adj').read().strip())")
    assert int(score) >= 0
