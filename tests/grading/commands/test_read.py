"""`course read`: what it refuses, in one line and with exit code 2."""

import pytest

from helpers import cli
from tests import COURSE
from tests.grading import sample


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["homeworks", "why"], "no unit 'homeworks' in source/: use one of sample"),
        (["sample", "whi"], "sample has no question 'whi' that a person reads: there are why"),
        (["sample", "why"], "has no gradebook yet: run `course grade` first"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, monkeypatch, capsys, given, said):
    course = sample.make_course(tmp_path / "course")
    arguments = ["course", "read", *given, "--course", str(course), "--no-browser"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("course: ")
    assert said in line
    assert not (course / "gradebook.db").exists()


def test_the_page_comes_with_the_package():
    assert {path.suffix for path in (COURSE / "helpers/grading/manual_grading/page").iterdir()} == {
        ".html",
        ".css",
        ".js",
    }
