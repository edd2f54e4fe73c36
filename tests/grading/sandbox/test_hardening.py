"""Holes that an attack found, each closed: what was tried there, and that it fails now."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from helpers.grading.class_run import Options, grade_class
from helpers.grading.engine.grade_submission import Unit, grade_submission
from helpers.grading.engine.run_cells import MAX_STARTS
from helpers.grading.handin.ipynb import A_PICTURE, read_notebook
from helpers.grading.sandbox.backend import Limits, MiB, ProcessDied, ServerDied
from helpers.grading.sandbox.confined import CONFINED
from helpers.grading.sandbox.host import ForkClient
from helpers.grading.sandbox.outputs import Outputs
from helpers.grading.sandbox.process import StudentProcess
from tests.grading import sample


@pytest.fixture(scope="module")
def client(bwrap: str) -> Iterator[ForkClient]:
    with CONFINED.serve(limits=Limits(memory=512 * MiB)) as server:
        yield server.client()


def kill(process: int) -> None:
    """Kill a child of this process, and wait until it is gone; another may then reap it."""
    pidfd = os.pidfd_open(process)
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    select.select([pidfd], [], [])
    os.close(pidfd)


def said(process: StudentProcess, code: str) -> str:
    outputs = process.run(code, 30).outputs
    return "".join(output.get("text", output.get("evalue", "")) for output in outputs)


def test_a_link_to_anothers_work_is_not_graded(course: Path) -> None:
    folder = course / "submitted" / "linked"
    folder.mkdir()
    (folder / sample.UNIT).symlink_to(course / "submitted" / "all-right" / sample.UNIT)
    graded = {
        result.student for result in grade_class(course, sample.UNIT, Options(jobs=1)).results
    }
    assert "all-right" in graded
    assert "linked" not in graded


@pytest.mark.parametrize("name", ["a\ud800b", "<script>alert(1)</script>", "\x1b[31m"])
def test_what_a_notebook_calls_itself_is_only_text(tmp_path: Path, name: str) -> None:
    course = sample.make_course(tmp_path / "course")
    notebook = sample.answered(sample.RIGHT)
    notebook["metadata"]["course"] = {"unit": name}
    sample.hand_in(course, "odd", notebook)
    (result,) = grade_class(course, sample.UNIT, Options(jobs=1)).results
    assert result.status == "unreadable"
    assert all(line.isprintable() and "<" not in line for line in result.remarks)
    kept = course / "autograded" / "odd" / sample.UNIT / f"{sample.UNIT}.ipynb"
    assert "<script" not in json.dumps(json.loads(kept.read_text())["cells"][0])


def test_one_notebook_that_breaks_the_cleaning_does_not_stop_the_class(course: Path) -> None:
    notebook = sample.answered(sample.RIGHT)
    source = '<b style="' + "color:(" * 2000 + '">x</b>'
    notebook["cells"].append({"cell_type": "markdown", "metadata": {}, "source": source})
    sample.hand_in(course, "odd", notebook)
    results = {
        each.student: each for each in grade_class(course, sample.UNIT, Options(jobs=1)).results
    }
    assert results["odd"].total == results["all-right"].total == sample.POINTS


@pytest.mark.parametrize("module", ["authoring", "exercises", "reference"])
def test_no_answer_lies_in_the_sandbox(client: ForkClient, module: str) -> None:
    with client.start() as process:
        assert "No module named" in said(process, f"import helpers.{module}")


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_NETLINK", "AF_PACKET"])
def test_sockets_reach_no_further_than_the_internet_families(
    client: ForkClient, family: str
) -> None:
    with client.start() as process:
        code = f"import socket\nsocket.socket(socket.{family}, socket.SOCK_DGRAM)"
        assert "not permitted" in said(process, code)
        # asyncio and multiprocessing need these.
        assert (
            said(process, "socket.socketpair(); socket.socket().close(); print('fine')") == "fine\n"
        )


def test_two_students_have_no_terminal_in_common(client: ForkClient) -> None:
    with client.start() as one, client.start() as other:
        assert "/dev/pts/" in said(
            one, "import os, pty\nends = pty.openpty()\nprint(os.ttyname(ends[1]))"
        )
        assert "0" not in said(other, "import os\nprint(os.listdir('/dev/pts'))")


def test_memory_is_watched_while_a_process_chatters(client: ForkClient) -> None:
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
    with client.start() as process, pytest.raises(ProcessDied, match="MiB of memory"):
        process.run(code, 60)


def test_exact_numbers_of_the_standard_library_are_numbers(client: ForkClient) -> None:
    with client.start() as process:
        process.run(
            "from decimal import Decimal\nfrom fractions import Fraction\n"
            "def halves(): return [Fraction(1, 2), Decimal('0.5')]",
            30,
        )
        assert process.call("halves", (), {}, 10) == [0.5, 0.5]


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
def test_no_memory_is_shared_where_it_is_not_counted(client: ForkClient, way: str) -> None:
    """What is shared without a file stays when it is taken out of every process's account."""
    with client.start() as process:
        assert said(process, HIDDEN_MEMORY.format(way)) == "False\n"
        assert (
            said(process, "import mmap, torch; print(int(torch.ones(10**6).sum()))") == "1000000\n"
        )


LOCKED = """
import fcntl, os
file = open(os.__file__, "rb")
fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("locked")
"""


def test_nobody_waits_for_a_file_that_another_student_locks(client: ForkClient) -> None:
    """All see the same files; a lock is a way to stop one another, and to talk."""
    with client.start() as one, client.start() as other:
        assert [said(one, LOCKED), said(other, LOCKED)] == ["locked\n", "locked\n"]
        # Between writers, as databases use it, a lock of records is one.
        own = "file = open('own', 'wb'); fcntl.lockf(file, fcntl.LOCK_EX); print('mine')"
        assert [said(one, own), said(other, own)] == ["mine\n", "mine\n"]


def test_one_student_takes_no_watches_from_another(client: ForkClient) -> None:
    """To the kernel they are one user, and a user may have 128 instances of inotify."""
    code = "import ctypes; print(ctypes.CDLL(None).inotify_init1(0) >= 0)"
    with client.start() as process:
        assert said(process, code) == "False\n"


def test_an_output_that_the_grader_stumbles_over_costs_its_own_notebook_only(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Outputs.add

    def stumbling(outputs: Outputs, kind: Any, content: Any) -> None:
        if "stumble" in str(content):
            raise RecursionError
        add(outputs, kind, content)

    monkeypatch.setattr(Outputs, "add", stumbling)
    sample.hand_in(course, "odd", sample.answered({"mean": "print('stumble')"}))
    results = {
        each.student: each for each in grade_class(course, sample.UNIT, Options(jobs=1)).results
    }
    assert results["odd"].status == "unreadable"
    assert "stumbled" in results["odd"].remarks[0]
    assert results["all-right"].total == sample.POINTS


def test_a_notebook_of_dead_cells_starts_few_processes(client: ForkClient) -> None:
    """To ask whether the grader's own process lives takes one, but not for each cell."""
    source = json.dumps(sample.source_notebook()).encode()
    unit = Unit.read(sample.UNIT, sample.UNIT, source, b"secret")
    notebook = sample.released_notebook()
    notebook["cells"] += [sample.added_cell("import os; os._exit(1)") for _ in range(100)]
    starts = []

    def start() -> StudentProcess:
        starts.append("asked")
        return client.start()

    graded = grade_submission(unit, "ada", json.dumps(notebook).encode(), start)
    # Run twice, because of hidden tests; and after each death it is asked whether one can start.
    assert len(starts) <= 2 * 2 * MAX_STARTS
    assert len(graded.remarks) < 50


@pytest.mark.parametrize(
    ("kind", "source"),
    [("code", "a=1\n" * 600_000), ("markdown", "[\n" * 1_200_000), ("code", "\n" * 2_500_000)],
)
def test_a_notebook_of_millions_of_lines_waits_for_a_person(kind: str, source: str) -> None:
    """To look for answers among them would take an hour."""
    cell = {"cell_type": kind, "metadata": {}, "source": source}
    with pytest.raises(ValueError, match="too much text"):
        read_notebook(json.dumps({"cells": [cell], "metadata": {}}).encode())


def test_long_code_runs_whole_and_is_cut_where_it_is_shown(client: ForkClient) -> None:
    source = json.dumps(sample.source_notebook()).encode()
    unit = Unit.read(sample.UNIT, sample.UNIT, source, b"secret")
    long = f'words = """{"." * 50_000}"""\n{sample.RIGHT["mean"]}'
    notebook = json.dumps(sample.answered(sample.RIGHT | {"mean": long})).encode()
    graded = grade_submission(unit, "ada", notebook, client.start)
    assert graded.total == sample.POINTS
    shown = json.dumps(graded.notebook)
    assert len(shown) < 40_000
    assert "more characters: see what was handed in" in shown


def test_a_picture_in_a_text_does_not_count() -> None:
    """Those who read the answer are told where it is."""
    for picture in ("data:image/png;base64," + "A" * 3_000_000, "attachment:my picture.png"):
        cell = {"cell_type": "markdown", "metadata": {}, "source": f"before ![p]({picture}) after"}
        (read,) = read_notebook(json.dumps({"cells": [cell], "metadata": {}}).encode())["cells"]
        assert read["source"] == f"before {A_PICTURE} after"


def test_a_notebook_of_format_3_is_read_by_its_cells_alone() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Title"]},
        {"cell_type": "code", "input": ["a = 1\n", "b = 2"], "outputs": [], "language": "python"},
        {"cell_type": "markdown", "source": "words"},
        {"cell_type": "code", "input": 7},
        "no cell",
    ]
    old = {"worksheets": [{"cells": cells}, {"cells": 3}, 4], "metadata": {}, "nbformat": 3}
    read = read_notebook(json.dumps(old).encode())["cells"]
    assert [(cell["cell_type"], cell["source"]) for cell in read] == [
        ("markdown", "## Title"),
        ("code", "a = 1\nb = 2"),
        ("markdown", "words"),
    ]


@pytest.mark.parametrize("name", ["softmax_flops", "plot_intensity"])
def test_a_question_in_which_the_fork_server_dies_is_no_wrong_answer(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Also not the last one, after which no other process is asked for."""
    call = StudentProcess.call

    def killing(process: StudentProcess, called: str, *rest: Any) -> Any:
        if called == name:
            kill(server.pid)
        return call(process, called, *rest)

    source = json.dumps(sample.source_notebook()).encode()
    unit = Unit.read(sample.UNIT, sample.UNIT, source, b"secret")
    notebook = json.dumps(sample.answered(sample.RIGHT)).encode()
    monkeypatch.setattr(StudentProcess, "call", killing)
    with CONFINED.serve() as server:
        client = server.client()
        with pytest.raises(ServerDied):
            grade_submission(unit, "ada", notebook, client.start)


def test_a_fork_server_that_dies_between_two_questions_costs_none() -> None:
    """When a new process is asked for after a crash, there is nobody to ask."""
    crashes = {"scaled": "import os\ndef scaled(x):\n    os._exit(1)"}
    source = json.dumps(sample.source_notebook()).encode()
    unit = Unit.read(sample.UNIT, sample.UNIT, source, b"secret")
    notebook = json.dumps(sample.answered(sample.RIGHT | crashes)).encode()
    starts = []

    def start() -> StudentProcess:
        starts.append("asked")
        # The first runs the cells, the second shows that the grader's own process lives.
        if len(starts) == 3:
            kill(server.pid)
        return client.start()

    with CONFINED.serve() as server:
        client = server.client()
        with pytest.raises(ServerDied):
            grade_submission(unit, "ada", notebook, start)


def test_a_later_cell_cannot_show_what_a_hidden_test_passed_in() -> None:
    keeps = "seen = []\ndef mean(values):\n    seen.append(values)\n    return np.mean(values)"
    notebook = sample.answered(sample.RIGHT | {"mean": keeps})
    notebook["cells"].append(sample.added_cell("print('seen', seen)"))
    source = json.dumps(sample.source_notebook()).encode()
    unit = Unit.read(sample.UNIT, sample.UNIT, source, b"secret")
    with CONFINED.serve() as server:
        client = server.client()
        graded = grade_submission(unit, "ada", json.dumps(notebook).encode(), client.start)
    assert graded.total == sample.POINTS
    last = graded.notebook["cells"][-1]
    assert last["outputs"] == [{"output_type": "stream", "name": "stdout", "text": "seen []\n"}]
