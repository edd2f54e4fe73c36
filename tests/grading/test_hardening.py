"""Holes that an attack found, each closed: what was tried there, and that it fails now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sample

from helpers.grading.cohort import grade_unit
from helpers.grading.kernel import Kernel, KernelDied
from helpers.grading.sandbox import Forks, Limits, MiB, Warm, WarmDied
from helpers.grading.submission import Unit, grade_submission


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Warm(limits=Limits(memory=512 * MiB)) as warm:
        yield warm.forks()


def said(kernel: Kernel, code: str) -> str:
    outputs = kernel.run(code, 30).outputs
    return "".join(output.get("text", output.get("evalue", "")) for output in outputs)


def test_a_link_to_anothers_work_is_not_graded(course: Path) -> None:
    folder = course / "submitted" / "linked"
    folder.mkdir()
    (folder / sample.UNIT).symlink_to(course / "submitted" / "all-right" / sample.UNIT)
    graded = {result.student for result in grade_unit(course, sample.UNIT, jobs=1).results}
    assert "all-right" in graded
    assert "linked" not in graded


@pytest.mark.parametrize("name", ["a\ud800b", "<script>alert(1)</script>", "\x1b[31m"])
def test_what_a_notebook_calls_itself_is_only_text(tmp_path: Path, name: str) -> None:
    course = sample.make_course(tmp_path / "course")
    notebook = sample.answered(sample.RIGHT)
    notebook["metadata"]["course"] = {"unit": name}
    sample.hand_in(course, "odd", notebook)
    (result,) = grade_unit(course, sample.UNIT, jobs=1).results
    assert result.status == "unreadable"
    assert all(line.isprintable() and "<" not in line for line in result.remarks)
    kept = course / "autograded" / "odd" / sample.UNIT / f"{sample.UNIT}.ipynb"
    assert "<script" not in json.dumps(json.loads(kept.read_text())["cells"][0])


def test_one_notebook_that_breaks_the_cleaning_does_not_stop_the_class(course: Path) -> None:
    notebook = sample.answered(sample.RIGHT)
    source = '<b style="' + "color:(" * 2000 + '">x</b>'
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": source})
    sample.hand_in(course, "odd", notebook)
    results = {each.student: each for each in grade_unit(course, sample.UNIT, jobs=1).results}
    assert results["odd"].total == results["all-right"].total == sample.POINTS


@pytest.mark.parametrize("module", ["demo", "catalogue", "exercises", "reference"])
def test_no_answer_lies_in_the_sandbox(forks: Forks, module: str) -> None:
    with Kernel(forks) as kernel:
        assert "No module named" in said(kernel, f"import helpers.{module}")


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_NETLINK", "AF_PACKET"])
def test_sockets_reach_no_further_than_the_internet_families(forks: Forks, family: str) -> None:
    with Kernel(forks) as kernel:
        code = f"import socket\nsocket.socket(socket.{family}, socket.SOCK_DGRAM)"
        assert "not permitted" in said(kernel, code)
        # asyncio and multiprocessing need these.
        assert (
            said(kernel, "socket.socketpair(); socket.socket().close(); print('fine')") == "fine\n"
        )


def test_two_students_have_no_terminal_in_common(forks: Forks) -> None:
    with Kernel(forks) as one, Kernel(forks) as other:
        assert "/dev/pts/" in said(
            one, "import os, pty\nends = pty.openpty()\nprint(os.ttyname(ends[1]))"
        )
        assert "0" not in said(other, "import os\nprint(os.listdir('/dev/pts'))")


def test_memory_is_watched_while_a_process_chatters(forks: Forks) -> None:
    code = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        held = bytearray(400 << 20)
        held[::4096] = b"x" * len(held[::4096])
        time.sleep(60)
end = time.time() + 20
while time.time() < end:
    print("x", flush=True)
    time.sleep(0.001)
"""
    with Kernel(forks) as kernel, pytest.raises(KernelDied, match="MiB of memory"):
        kernel.run(code, 60)


def test_exact_numbers_of_the_standard_library_are_numbers(forks: Forks) -> None:
    with Kernel(forks) as kernel:
        kernel.run(
            "from decimal import Decimal\nfrom fractions import Fraction\n"
            "def halves(): return [Fraction(1, 2), Decimal('0.5')]",
            30,
        )
        assert kernel.call("halves", (), {}, 10) == [0.5, 0.5]


HIDDEN_MEMORY = """
import ctypes, mmap
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
shared, anonymous, read_write = 1, 32, 3
{}
print(map not in (None, 2**64 - 1))
"""


@pytest.mark.parametrize(
    "way",
    [
        "map = libc.mmap(None, 1 << 20, read_write, shared | anonymous, -1, 0)",
        "map = libc.mmap(None, 1 << 20, read_write, shared, open('/dev/zero', 'r+b').fileno(), 0)",
    ],
    ids=["anonymous", "zero"],
)
def test_no_memory_is_shared_where_it_is_not_counted(forks: Forks, way: str) -> None:
    """What is shared without a file stays when it is taken out of every process's account."""
    with Kernel(forks) as kernel:
        assert said(kernel, HIDDEN_MEMORY.format(way)) == "False\n"
        assert (
            said(kernel, "import mmap, torch; print(int(torch.ones(10**6).sum()))") == "1000000\n"
        )


@pytest.mark.parametrize("name", ["softmax_flops", "plot_intensity"])
def test_a_question_in_which_the_warm_process_dies_is_no_wrong_answer(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also not the last one, after which no other process is asked for."""
    call = Kernel.call

    def killing(kernel: Kernel, called: str, *rest: Any) -> Any:
        if called == name:
            assert warm._process is not None
            warm._process.kill()
        return call(kernel, called, *rest)

    source = json.dumps(sample.source_notebook()).encode()
    unit = Unit.read(sample.UNIT, sample.UNIT, source, b"secret")
    notebook = json.dumps(sample.answered(sample.RIGHT)).encode()
    monkeypatch.setattr(Kernel, "call", killing)
    with Warm() as warm:
        forks = warm.forks()
        with pytest.raises(WarmDied):
            grade_submission(unit, "ada", notebook, lambda: Kernel(forks))


def test_a_warm_process_that_dies_between_two_questions_costs_none() -> None:
    """When a new process is asked for after a crash, there is nobody to ask."""
    crashes = {"scaled": "import os\ndef scaled(x):\n    os._exit(1)"}
    source = json.dumps(sample.source_notebook()).encode()
    unit = Unit.read(sample.UNIT, sample.UNIT, source, b"secret")
    notebook = json.dumps(sample.answered(sample.RIGHT | crashes)).encode()
    starts = []

    def start() -> Kernel:
        starts.append("asked")
        # The first runs the cells, the second shows that the grader's own process lives.
        if len(starts) == 3:
            assert warm._process is not None
            warm._process.kill()
            warm._process.wait()
        return Kernel(forks)

    with Warm() as warm:
        forks = warm.forks()
        with pytest.raises(WarmDied):
            grade_submission(unit, "ada", notebook, start)
