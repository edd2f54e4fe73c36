"""A run's time is that of the fastest, to the end of what it started on a GPU."""

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from helpers import timing


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a run, or a GPU, moves it."""

    class Clock:
        now = 0.0

    monkeypatch.setattr(timing.time, "perf_counter", lambda: Clock.now)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    return Clock


@pytest.fixture
def takes(clock):
    """A run that takes these seconds, one after another."""

    def make(*durations):
        left = list(durations)

        def run():
            clock.now += left.pop(0)

        run.left = left
        return run

    return make


def test_the_fastest_of_the_runs_is_taken(takes):
    assert timing.best_of(takes(3, 1, 2), runs=3) == 1


def test_short_runs_go_on_until_patience_is_over(takes):
    run = takes(0.25, 0.25, 0.25, 0.25, 0.25)
    timing.best_of(run, runs=2, patience=0.75)
    assert len(run.left) == 2


def test_a_run_longer_than_patience_is_repeated_all_the_same(takes):
    run = takes(9, 8, 7, 6)
    assert timing.best_of(run, runs=3, patience=0.5) == 7


def test_arguments_are_passed_on(clock):
    seen = []
    timing.best_of(lambda *args: seen.append(args), 2, "x", runs=2)
    assert seen == [(2, "x"), (2, "x")]


def test_no_run_at_all_is_refused():
    with pytest.raises(ValueError, match="runs must be at least 1, not 0"):
        timing.best_of(lambda: None, runs=0)


@pytest.fixture
def gpu(clock, monkeypatch):
    """A GPU that PyTorch uses, by the seconds of work in its queue; waiting for it takes them."""
    queue = []

    def synchronize():
        while queue:
            clock.now += queue.pop()

    cuda = SimpleNamespace(is_initialized=lambda: True, synchronize=synchronize)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    return queue


def test_what_a_run_queues_on_a_gpu_is_counted(gpu):
    assert timing.seconds(lambda: gpu.append(2.0)) == 2


def test_what_was_queued_before_is_not(gpu):
    gpu.append(5.0)
    assert timing.seconds(lambda: gpu.append(2.0)) == 2


def test_a_gpu_that_pytorch_has_not_begun_to_use_is_left_asleep(gpu):
    sys.modules["torch"].cuda.is_initialized = lambda: False
    gpu.append(5.0)
    timing.seconds(lambda: None)
    assert gpu == [5.0]


def test_a_call_that_waits_for_a_processor_has_a_while_longer(monkeypatch):
    monkeypatch.setattr(timing, "CALL_SECONDS", 0.05)
    waits = timing.in_time(time.sleep)
    waits(0.06)
    with pytest.raises(TimeoutError):
        waits(10)


def test_a_clock_loads_no_pytorch():
    script = "import sys; import helpers.timing as t; t.best_of(int); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
