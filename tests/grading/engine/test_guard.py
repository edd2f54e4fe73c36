"""A test that would run an answer's text here, or change what it names, is stopped before."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.grading.engine.test_judge import judge

#: Of each way a test, and the answer that would make a file called PATH.
WAYS = {
    "eval": ("assert eval(x)", "__import__('pathlib').Path('PATH').touch() or 1"),
    "exec": ("exec(x, {})", "open('PATH', 'w')"),
    "compile": ("c = compile(x, 'f', 'eval')\nassert eval(c)", "open('PATH', 'w')"),
    "swallowed": ("try:\n    eval(x)\nexcept Exception:\n    pass", "open('PATH', 'w')"),
    "a formula": ("import sympy\nsympy.sympify(x)", "open('PATH', 'w')"),
    "a template": (
        "from jinja2 import Template\nTemplate(x).render()",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    ),
    "a database": (
        "import sqlite3\nsqlite3.connect(':memory:').executescript(x)",
        "ATTACH DATABASE 'PATH' AS g; CREATE TABLE g.t (x)",
    ),
    "a query": (
        "import pandas as pd\npd.DataFrame({'a': [1]}).query(x)",
        "@pd.io.common.os.mkdir('PATH')",
    ),
    "a program": ("import subprocess\nsubprocess.run(x)", ["touch", "PATH"]),
    "a shell": ("import os\nos.system(x)", "touch PATH"),
    "a pickle": ("import pickle\npickle.loads(x)", b"cposix\nsystem\n(S'touch PATH'\ntR."),
    "a file": ("import numpy as np\nnp.save(x, [1])", "PATH"),
    "a folder": ("import shutil\nshutil.copytree('/etc/fonts', x)", "PATH"),
    "by a function": (
        "def run(text):\n    return eval(text)\nlist(map(run, [x]))",
        "open('PATH', 'w')",
    ),
    "timed": ("import timeit\ntimeit.timeit(x, number=1)", "open('PATH', 'w')"),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_that_an_answer_says_is_done(tmp_path: Path, way: str) -> None:
    test, answer = WAYS[way]
    target = tmp_path / "made.npy"
    if isinstance(answer, str):
        answer = answer.replace("PATH", str(target))
    elif isinstance(answer, bytes):
        answer = answer.replace(b"PATH", str(target).encode())
    else:
        answer = [each.replace("PATH", str(target)) for each in answer]
    score, judgement, _ = judge(test, {"x": answer})
    assert not target.exists()
    assert judgement.blind or (score == 0 and judgement.needs_review)


@pytest.mark.parametrize(
    "test",
    [
        "import ast\nassert ast.literal_eval(x) == 3",
        "from dataclasses import make_dataclass\nassert make_dataclass('P', ['a'])(x).a == '3'",
        "from collections import namedtuple\nassert namedtuple('P', 'a')(x).a == '3'",
        "with open('own.txt', 'w') as file:\n    file.write(x)\nassert open('own.txt')",
        "import colorsys, this\nassert int(x) == 3",
    ],
)
def test_what_runs_no_text_of_an_answer_is_judged(test: str) -> None:
    score, judgement, _ = judge(test, {"x": "3"})
    assert (score, judgement.blind) == (2.0, False)
