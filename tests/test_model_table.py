"""Tables of layers: what they describe, and that each name has its own."""

import random

import pytest

from helpers.model_table import EXAMPLES, INPUT, draw_model, layers, own_model

NAMES = [f"student {number}" for number in range(60)]
FAMILIES = ("resnet", "vit", "gpt")


@pytest.mark.parametrize("model", [*EXAMPLES, *map(own_model, NAMES[:9])])
def test_a_row_reads_earlier_rows_and_takes_what_they_give(model):
    rows = layers(model)
    for number, row in enumerate(rows):
        assert all(INPUT <= tensor < number for tensor in row.reads)
        for tensor in row.reads:
            if tensor != INPUT:
                given = rows[tensor].channels_out, rows[tensor].places_out
                assert given == (row.channels_in, row.places_in)
        assert row.shares < number


@pytest.mark.parametrize("model", EXAMPLES)
def test_every_row_but_the_last_is_read(model):
    rows = layers(model)
    read = {tensor for row in rows for tensor in row.reads}
    assert read == set(range(INPUT, len(rows) - 1))


def test_a_name_has_one_model_and_names_have_many():
    assert own_model(" Ada ") == own_model("Ada")
    models = {own_model(name) for name in NAMES}
    assert len(models) > 50
    assert {model.split()[0] for model in models} == set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_drawn_can_be_read(family):
    for seed in range(20):
        assert layers(draw_model(random.Random(seed), family))


@pytest.mark.parametrize("text", ["", "resnet", "vit 12 x 192", "gpt 1 x 2, 3 heads, x of 4"])
def test_a_text_that_names_no_model_is_told_how_one_is_written(text):
    with pytest.raises(ValueError, match="write one as 'resnet 2-2-2-2 x 64, 224 px -> 1000'"):
        layers(text)
