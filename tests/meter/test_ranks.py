"""Ranks that cannot run are said so in a line; what real ranks do: tests/reference."""

import contextlib
import os
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.meter import rank_bytes, ranks
from helpers.meter.ranks import LAYERS, RECORDED, WIDTH, Job, RanksError, run_ranks
from helpers.reference.many_devices import zero_bytes


def test_ranks_that_fail_or_do_not_end_are_told_in_a_line(monkeypatch):
    with pytest.raises(RanksError, match="did not come to an end: TimeoutExpired"):
        run_ranks([Job("ddp", 2)], seconds=0.05)
    monkeypatch.setattr(ranks.sys, "executable", "/bin/false")
    with pytest.raises(RanksError, match="the ranks failed: they say nothing"):
        run_ranks([Job("ddp", 2)])
    monkeypatch.setattr(ranks.sys, "executable", "/no/such/program")
    with pytest.raises(RanksError, match="FileNotFoundError"):
        run_ranks([Job("ddp", 2)])


def test_what_a_program_has_forked_ends_with_it():
    code = """if True:
        import os, sys, time
        child = os.fork()
        if child:
            print(child)
            sys.exit()
        for number in range(3):
            os.close(number)
        time.sleep(600)
    """
    _, out, _ = ranks._run([sys.executable, "-c", code], "", 60, dict(os.environ))
    for _ in range(600):
        state = Path(f"/proc/{int(out)}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("a forked process is still running")


@pytest.mark.parametrize(("kind", "stage"), [("ddp", 0), ("zero1", 1), ("fsdp", 3)])
@pytest.mark.parametrize("count", [2, 4])
def test_what_is_recorded_is_what_the_ledger_says(kind, stage, count):
    (rank,) = RECORDED[Job(kind, count)]
    held = rank.weights + rank.gradients + rank.states
    assert held == zero_bytes(LAYERS * WIDTH * WIDTH, count, stage, "fp32").total
    assert held < rank.peak < 2 * held


def test_what_waits_for_a_slow_receiver_counts_as_sent() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as sender,
        server.accept()[0],
    ):
        sender.setblocking(False)
        before, given = rank_bytes.bytes_sent() or 0, 0
        with contextlib.suppress(BlockingIOError):
            while True:
                given += sender.send(bytes(2**16))
        assert (rank_bytes.bytes_sent() or 0) - before == given


def test_a_release_that_the_profiler_lost_leaves_two_peaks():
    def highest(*changes):
        fields = [SimpleNamespace(alloc_size=size, ptr=address) for size, address in changes]
        events = [
            SimpleNamespace(
                children=[],
                tag=SimpleNamespace(name="Allocation"),
                start_time_ns=at,
                extra_fields=each,
            )
            for at, each in enumerate(fields)
        ]
        return rank_bytes.highest(SimpleNamespace(experimental_event_tree=lambda: events), {7})

    between = (50, 2), (-50, 2)
    assert highest((100, 1), *between, (-100, 1), (100, 1), (-100, 1)) == (150, 150)
    assert highest((100, 1), *between, (100, 1), (-100, 1)) == (100, 150)
    assert highest((100, 7), *between) == (150, 150)  # it is kept
    assert highest((100, 1), *between) == (100, 150)
