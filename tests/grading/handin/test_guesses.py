"""Guesses are read from what was handed in as data, and as what may be a lie."""

import json

import pytest

from helpers.grading.handin.guesses import guesses_in, kept_in
from helpers.grading.handin.ipynb import read_notebook
from helpers.grading.handin.rebuild import rebuild
from helpers.grading.handin.template import make_template
from helpers.predict import MIME_TYPE, Prediction

GOOD = {"version": 1, "name": "deepest", "guess": 10, "result": 40.0}
ASKING = 'predict("deepest", ...)'


def showing(*given):
    """A code cell that shows these as predictions."""
    shown = [
        {"output_type": "display_data", "data": {MIME_TYPE: data}, "metadata": {}} for data in given
    ]
    return {"cell_type": "code", "metadata": {}, "source": "", "outputs": shown}


def template():
    asking = {
        "cell_type": "code",
        "id": "predict_deepest",
        "metadata": {"course": {"predict": "depth", "guesses": {"deepest": "3"}}},
        "source": ASKING,
        "outputs": [],
        "execution_count": None,
    }
    return make_template(
        {"cells": [asking], "metadata": {}, "nbformat": 4, "nbformat_minor": 5},
    )


def rebuilt(*cells):
    file = {"cells": list(cells), "metadata": {"course": {"guesses": [GOOD]}}, "nbformat": 4}
    return rebuild(template(), read_notebook(json.dumps(file).encode())).notebook


def test_what_the_notebook_shows_is_kept_beside_its_cells():
    assert kept_in(rebuilt(showing(GOOD))) == (Prediction("deepest", 10.0, 40.0),)


def test_of_two_guesses_the_first_counts():
    assert guesses_in([showing(GOOD), showing({**GOOD, "guess": 40})])["deepest"].guess == 10


def test_only_a_prediction_of_the_unit_is_kept_and_only_from_outputs():
    assert kept_in(rebuilt(showing({**GOOD, "name": "<script>"}))) == ()


@pytest.mark.parametrize(
    "data",
    [
        None,
        "deepest: 10",
        [GOOD],
        {**GOOD, "version": 2},
        {**GOOD, "version": True},
        {**GOOD, "guess": "10"},
        {**GOOD, "guess": True},
        {**GOOD, "guess": float("nan")},
        {**GOOD, "guess": -1},
        {**GOOD, "result": 10**400},
        {**GOOD, "name": ["deepest"]},
        {**GOOD, "more": 1},
    ],
)
def test_what_is_no_prediction_is_left_out(data):
    assert guesses_in([showing(data)]) == {}


@pytest.mark.parametrize(
    "cells",
    [None, {}, [None], [[]], [{"outputs": {}}], [{"outputs": [None, {"data": [MIME_TYPE]}]}]],
)
def test_cells_of_any_shape_are_looked_through(cells):
    assert guesses_in(cells) == {}


def test_a_guess_stands_in_the_place_of_the_cell_that_asks_for_it():
    written = {
        "cell_type": "code",
        "id": "predict_deepest",
        "metadata": {},
        "source": 'predict("deepest", 10)',
        "outputs": [],
    }
    assert [cell["source"] for cell in rebuilt(written)["cells"]] == ['predict("deepest", 10)']
    assert [cell["source"] for cell in rebuilt()["cells"]] == [ASKING]
