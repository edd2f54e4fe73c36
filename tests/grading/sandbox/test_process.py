"""Cells come out as a real kernel gives them, and a student's process ends when it must."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.grading.sandbox.backend import (
    CallTimeout,
    Limits,
    MiB,
    ProcessDied,
    StudentError,
)
from helpers.grading.sandbox.confined import CONFINED
from helpers.grading.sandbox.host import ForkClient
from helpers.grading.sandbox.process import StudentProcess
from helpers.parts import files
from tests.grading.processes import children_of

#: A notebook with every kind of output, in an order that matters.
CELLS = [
    "print('one'); 1 + 1",
    "import sys\nprint('out', flush=True)\n"
    "print('err', file=sys.stderr, flush=True); print('last')",
    "from IPython.display import HTML, Markdown, display\n"
    "display(HTML('<b>x</b>'), Markdown('*y*'))",
    "1 / 0",
    "def f(:\n    pass",
    "_ + 1 if isinstance(_, int) else _",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\nprint('before')\nplt.plot([1, 2]);",
    "figure, axes = plt.subplots(); axes.set_title('t'); print('after')",
    "handle = display('old', display_id=True)\nhandle.update('new')",
    "from IPython.display import clear_output\nprint('gone'); clear_output(); print('kept')",
    "class A:\n    def _repr_html_(self): return '<i>a</i>'\n"
    "    def __repr__(self): return 'a'\nA()",
    "class Picture:\n    def _repr_png_(self): return b'\\x89PNG'\n"
    "    def __repr__(self): return 'a picture'\nPicture()",
    "display(Picture())",
    "x = 3;",
    "x",
    "x;",
    "None",
    "%%capture held\nprint('held')",
    "held.stdout",
    "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "input('?')",
    "raise ValueError('two\\nlines')",
    "import warnings\nwarnings.warn('careful')",
    "In[1], Out[1], len(In)",
    "get_ipython().__class__.__name__, __name__",
    "!echo from a shell",
    "assert x == 4, 'x is three'",
]


@pytest.fixture(scope="module")
def client() -> Iterator[ForkClient]:
    with CONFINED.serve(limits=Limits(memory=1024 * MiB)) as server:
        yield server.client()


@pytest.fixture
def process(client: ForkClient) -> Iterator[StudentProcess]:
    with client.start() as made:
        yield made


def test_outputs_are_those_of_a_real_kernel(process: StudentProcess) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=120).execute()
    for cell in notebook.cells:
        run = process.run(cell.source, timeout=60)
        assert _comparable(run.outputs) == _comparable(cell.outputs), cell.source
        assert run.execution_count == cell.execution_count


def _comparable(outputs: list[Any]) -> list[Any]:
    """Without addresses, images' bytes, paths and colours; scripts are not kept."""
    result = []
    for output in outputs:
        kept = dict(output)
        if "data" in kept:
            kept["data"] = {
                key: "…" if key.startswith("image/") else _plain(text)
                for key, text in kept["data"].items()
            }
        for name in ("text", "evalue"):
            if name in kept:
                kept[name] = _plain(kept[name])
        if "traceback" in kept:
            kept["traceback"] = len(kept["traceback"])
        result.append(kept)
    return result


def _plain(text: Any) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(text))
    text = re.sub(r"(\S*/ipykernel_\d+/)?\d+\.py", "CELL", text)
    return re.sub(r"0x[0-9a-f]+", "0x", text).replace("\r\n", "\n")


def test_what_other_programs_print_is_kept_in_order(process: StudentProcess) -> None:
    code = "import os, sys\nprint(1)\nos.system('echo 2')\nprint(3)\nos.write(1, b'4\\n');"
    (output,) = process.run(code, 30).outputs
    assert output["text"].split() == ["1", "2", "3", "4"]


def test_a_function_is_called_with_plain_data(process: StudentProcess) -> None:
    process.run("def double(x, *, times=2):\n    print('unseen')\n    return x * times", 30)
    assert process.call("double", (3,), {"times": 5}, 30) == 15
    assert process.run("'next'", 30).outputs[0]["data"] == {"text/plain": "'next'"}


def test_an_exception_comes_by_its_name(process: StudentProcess) -> None:
    process.run("def f(x):\n    return 1 / x", 30)
    with pytest.raises(StudentError) as raised:
        process.call("f", (0,), {}, 30)
    assert (raised.value.kind, raised.value.message) == ("ZeroDivisionError", "division by zero")


def test_a_figure_comes_as_what_it_shows(process: StudentProcess) -> None:
    process.run("import matplotlib.pyplot as plt\ndef f():\n    plt.semilogx([1, 10], [3, 4])", 30)
    (axes,) = process.call("f", (), {}, 30)["axes"]
    assert axes["xscale"] == "log"
    assert axes["lines"] == [{"label": "", "x": [1.0, 10.0], "y": [3.0, 4.0]}]


def test_random_numbers_are_the_same_in_every_notebook(client: ForkClient) -> None:
    code = "import random, numpy, torch\nrandom.random(), numpy.random.rand(), torch.rand(1).item()"
    texts = []
    for _ in range(2):
        with client.start() as process:
            texts.append(process.run(code, 30).outputs[0]["data"]["text/plain"])
    assert texts[0] == texts[1]


def test_a_cell_that_runs_out_of_time_leaves_the_rest(process: StudentProcess) -> None:
    process.run("x = 1", 30)
    with pytest.raises(CallTimeout) as raised:
        process.run("print('begun')\nimport time\nwhile True: time.sleep(0.01)", 0.5)
    assert raised.value.outputs[0]["text"] == "begun\n"
    assert process.run("x", 30).outputs[0]["data"] == {"text/plain": "1"}


def test_what_a_cell_prints_is_not_kept_in_its_process(process: StudentProcess) -> None:
    """Else one without an end would be ended for its memory, and all that it defined be lost."""
    process.run("from pathlib import Path", 30)
    resident = "int(Path('/proc/self/statm').read_text().split()[1]) * 4096"
    loop = "for i in range(3_000): print(f'{i:0100000}')"
    process.run(f"before = {resident}\n{loop}\ngrown = {resident} - before", 60)
    assert process.get("grown", 5) < 100 * MiB


def test_a_cell_that_cannot_be_interrupted_ends_its_process(process: StudentProcess) -> None:
    code = "import time\nwhile True:\n    try: time.sleep(1)\n    except BaseException: pass"
    with pytest.raises(ProcessDied, match="did not stop"):
        process.run(code, 0.5)


def test_a_cell_that_ends_its_process_when_interrupted_is_told_so(process: StudentProcess) -> None:
    code = "import os, time\ntry: time.sleep(60)\nexcept BaseException: os._exit(1)"
    with pytest.raises(ProcessDied, match="ended; it was interrupted after") as died:
        process.run(code, 0.5)
    assert died.value.timed_out


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os._exit(0)", "ended"),
        (
            "import os, time\nfor _ in range(4): os.fork()\nx = b'x' * (1 << 28); time.sleep(60)",
            "memory",
        ),
        ("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "more than"),
    ],
    ids=["exit", "memory", "forks"],
)
def test_a_process_that_takes_too_much_ends(client: ForkClient, code: str, reason: str) -> None:
    with client.start() as process, pytest.raises(ProcessDied, match=reason):
        process.run(code, 30)


def test_nothing_outlives_its_notebook(client: ForkClient) -> None:
    process = client.start()
    code = "import os, time\nfor _ in range(3):\n    if os.fork() == 0:\n        os.setsid()\n"
    process.run(code + "        time.sleep(1000)", 30)
    children = children_of(process.pid)
    assert len(children) == 3
    process.close()
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


SLEEPS = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()"


def _start_and_be_killed(client: ForkClient, told: Connection) -> None:
    process = client.start()
    process.run(SLEEPS, 30)
    told.send(process.pid)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_ends_when_its_grader_is_killed(client: ForkClient) -> None:
    """The fork server, which others use, goes on."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    grader = context.Process(target=_start_and_be_killed, args=(client, theirs))
    grader.start()
    pid = ours.recv()
    grader.join()
    until_gone = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until_gone, "it is still there"
        time.sleep(0.05)
    with client.start() as another:
        assert another.run("1", 30).error is None


def test_the_sandbox_shows_what_students_have_and_no_more(process: StudentProcess) -> None:
    """Exactly the parts that helpers/parts.py lets students see, and the stub of `check`."""
    code = """
import pathlib, helpers
package = pathlib.Path(helpers.__file__).parent
print(*(path.relative_to(package) for path in package.rglob("*") if path.is_file()))
"""
    shown = process.run(code, 30).outputs[0]["text"].split()
    whole = {path.as_posix() for path in files(students=True)}
    assert set(shown) == whole | {"__init__.py", "check.py"}
    tops = {path.split("/")[0].removesuffix(".py") for path in shown}
    assert tops == {
        *("__init__", "check", "conventions", "figures", "files", "hardware", "ledger"),
        *("plots", "simulator", "text_table", "timing", "tried", "values"),
        *("model_table", "predict", "ring", "training_plan"),
    }


def test_every_capability_is_gone(process: StudentProcess) -> None:
    status = process.run("print(open('/proc/self/status').read())", 30).outputs[0]["text"]
    for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"{name}:\s+0+$", status, re.MULTILINE), name
    assert re.search(r"NoNewPrivs:\s+1", status)
    assert re.search(r"Seccomp:\s+2", status)


def test_only_the_graders_socket_is_open(process: StudentProcess) -> None:
    code = (
        "import os\n[os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in os.listdir("
        "'/proc/self/fd') if int(n) > 2 and os.path.exists(f'/proc/self/fd/{n}')]"
    )
    shown = process.run(code, 30).outputs[0]["data"]["text/plain"]
    assert shown.count("socket") == 1
    # The two others are the unlinked files that take what programs print.
    assert "/proc" not in shown
    assert "ns" not in shown.replace("console", "")
