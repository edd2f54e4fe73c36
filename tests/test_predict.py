"""A guess comes before its result; both, and their ratio, are shown beside each other."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import check, predict
from helpers.predict import MIME_TYPE, Prediction, guessed, outcome

amounts = st.floats(1e-6, 1e6)


@pytest.fixture(autouse=True)
def _new_kernel(monkeypatch):
    monkeypatch.setattr(predict, "_guesses", {})
    monkeypatch.setattr(predict, "_closed", {})


def test_guess_result_and_ratio_stand_beside_each_other(capsys):
    predict.predict("deepest", 10)
    assert guessed("deepest")
    capsys.readouterr()
    outcome("deepest", 40)
    assert capsys.readouterr().out == (
        "         your guess  result  guess ÷ result\n"
        "deepest          10      40            0.25\n"
        "4 times too low\n"
    )


def test_without_a_guess_nothing_is_shown_of_the_result(capsys):
    predict.predict("deepest", ...)
    assert not guessed("deepest")
    outcome("deepest", 12345)
    out = capsys.readouterr().out
    assert out.count("no guess yet") == 3
    assert "12345" not in out
    assert predict.closed() == ()


@pytest.mark.parametrize("guess", [0, -1, "10", None, True, float("nan"), float("inf"), [3]])
def test_what_is_no_amount_is_no_guess_and_stops_nothing(guess, capsys):
    predict.predict("deepest", guess)
    assert not guessed("deepest")
    assert "a number above 0" in capsys.readouterr().out


def test_a_number_of_numpy_is_a_guess():
    predict.predict("deepest", np.float32(2.5))
    outcome("deepest", np.int64(5))
    assert predict.closed() == (Prediction("deepest", 2.5, 5.0),)


def test_before_the_result_a_guess_can_be_changed_and_taken_back():
    predict.predict("deepest", 10)
    predict.predict("deepest", 30)
    outcome("deepest", 30)
    predict.predict("other", 1)
    predict.predict("other", ...)
    assert [each.guess for each in predict.closed()] == [30]
    assert not guessed("other")


def test_after_the_result_the_first_guess_stays(capsys):
    predict.predict("deepest", 10)
    outcome("deepest", 40)
    predict.predict("deepest", 40)
    assert "your first guess, stays" in capsys.readouterr().out
    outcome("deepest", 41)
    assert predict.closed() == (Prediction("deepest", 10.0, 41.0),)


def test_a_result_that_no_guess_can_meet_is_an_error_of_the_notebook():
    predict.predict("deepest", 10)
    with pytest.raises(ValueError, match="a number above 0"):
        outcome("deepest", 0)


@given(amounts, amounts)
def test_what_is_kept_is_read_back(guess, result):
    prediction = Prediction("deepest", guess, result)
    kept = json.loads(json.dumps(prediction.bundle()))
    assert Prediction.from_data(kept[MIME_TYPE]) == prediction


@given(amounts, amounts)
def test_too_high_and_too_low_are_equally_far(guess, result):
    there, back = Prediction("", guess, result), Prediction("", result, guess)
    assert there.factor == pytest.approx(back.factor)
    assert there.factor >= 1


def test_progress_says_how_near_the_guesses_came(capsys):
    for name, guess in {"near": 10, "far": 100, "low": 2}.items():
        predict.predict(name, guess)
        outcome(name, 10)
    check.progress("01_building_blocks")
    said = " ".join(capsys.readouterr().out.split())
    assert said.endswith("3 predictions, 1 within a factor of 2; typically off by 5 times")


def test_what_is_said_breaks_between_words_on_a_phone(capsys):
    """There a line of more than 42 signs breaks wherever it is."""
    for guess in (..., [3], 3):
        predict.predict("forward_and_backward", guess)
    outcome("forward_and_backward", 4)
    capsys.readouterr()
    predict.predict("forward_and_backward", 5)
    guessed("steps_until_convergence")
    check.progress("02_flops")
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 42
    assert "forward_and_backward: 3, your first guess,\nstays: you know now\n" in said


def test_progress_draws_the_guesses_in_a_notebook(monkeypatch):
    monkeypatch.setattr(predict, "_closed", {"near": Prediction("near", 10, 8)})
    monkeypatch.setattr(predict, "in_notebook", lambda: True)
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.close("all")
    check.progress("01_building_blocks")
    (axes,) = plt.gcf().axes
    assert axes.get_title() == "Your guess: within a factor of 2"
    plt.close("all")
