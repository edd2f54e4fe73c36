"""The table of a class fits the terminal, however many parts a unit has."""

from __future__ import annotations

import pytest

from helpers.grading.class_run import ClassResult, SubmissionResult
from helpers.grading.commands.grade import as_data, print_table
from helpers.grading.engine.grade_submission import CellScore, Status


def printed(
    parts: int,
    width: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...] = ("ada",),
) -> str:
    scores = tuple(CellScore(f"check_{n}", 1.0, 1.0, False) for n in range(parts))
    headings = {f"check_{n}": f"Recomputation number {n}" for n in range(parts)}
    monkeypatch.setenv("COLUMNS", str(width))
    results = tuple(SubmissionResult(name, "graded", scores, ()) for name in names)
    print_table(ClassResult("unit", results, headings))
    return capsys.readouterr().out


def test_parts_that_do_not_fit_are_numbered(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(10, 80, capsys, monkeypatch).splitlines()
    assert max(map(len, lines)) <= 80
    assert "  10  Recomputation number 9" in lines
    assert not any("Recom" in line and "number" not in line for line in lines)


def test_parts_that_fit_have_their_names(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(2, 80, capsys, monkeypatch)
    assert "Recomputation" in text
    assert "   1  Recomputation" not in text
    assert text.startswith("unit, out of 2: points")


@pytest.mark.parametrize("parts", [1, 5, 10])
def test_a_long_name_takes_nobodys_points_from_the_table(
    parts: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(parts, 80, capsys, monkeypatch, ("x" * 255, "ada")).splitlines()
    (ada,) = [line for line in lines if line.strip().startswith("ada")]
    assert ada.split() == ["ada", *["1"] * parts, str(parts)]


def test_a_folder_that_is_called_like_markup_is_shown_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = (SubmissionResult("[bold]ada", "graded", (), ()),)
    print_table(ClassResult("unit", results, {}))
    assert "[bold]ada" in capsys.readouterr().out


def test_tests_that_can_be_cheated_are_named_with_what_they_are_worth(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    scores = tuple(CellScore(f"test_{name}", 1.0, 2.0, False) for name in "abc")
    results = (SubmissionResult("ada", "graded", scores, ()),)
    headings = {score.grade_id: "Part" for score in scores}
    result = ClassResult("unit", results, headings, ("test_a", "test_c"))
    print_table(result)
    assert "can cheat for 4 of 6 points, as with any nbgrader: test_a, test_c" in (
        capsys.readouterr().out
    )
    assert as_data(result, "bwrap")["inside"] == ["test_a", "test_c"]


def test_which_questions_wait_for_a_reader_is_said_most_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what could not be read all do: that is a line of its own, and no reading."""
    monkeypatch.setenv("COLUMNS", "200")

    def result(student: str, waiting: str, status: Status = "graded") -> SubmissionResult:
        scores = tuple(CellScore(name, None, 1.0, name in waiting.split()) for name in "abc")
        return SubmissionResult(student, status, scores, ())

    results = (result("ada", "b"), result("ben", "a b"), result("cy", "a b c", "unreadable"))
    print_table(ClassResult("unit", results, dict.fromkeys("abc", "Part")))
    assert "to read, by question: b (2), a (1)\n" in capsys.readouterr().out
