"""Wrong pictures that `course prove` makes of a right one."""

import matplotlib.pyplot as plt
import pytest

from helpers.authoring.prove.answers import WORKED, Answer
from helpers.authoring.prove.pictures import wrong_pictures
from helpers.check import judge, plain_answer
from helpers.exercises import EXERCISES

PLOT = EXERCISES["plot_intensity"]


def right(flop, moved, once, largest):
    batches = range(1, largest + 1)
    figure, axes = plt.subplots()
    axes.plot(batches, [b * flop / (once + b * moved) for b in batches])
    axes.set(xlabel="batch", ylabel="FLOP/B")
    return figure


WRONG = {each.slip: each for each in wrong_pictures(Answer(WORKED, "", lambda: right))}


@pytest.mark.parametrize("slip", WRONG)
def test_no_wrong_picture_earns_all(slip):
    answer = plain_answer(WRONG[slip].make(), draws=True)
    assert judge(PLOT, answer, PLOT.visible_cases()).fraction < 1
    plt.close("all")


def test_they_say_what_is_wrong_with_them():
    assert {"picture: empty", "picture: axes exchanged", "picture: no name at y"} <= set(WRONG)
    assert {each.origin for each in WRONG.values()} == {WORKED}
