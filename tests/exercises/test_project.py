"""The project: numbers worked by hand, what is near enough, and answers that earn nothing."""

import json
import re
from functools import cache

import pytest

from helpers.check import judge
from helpers.exercises import EXERCISES, grading_cases
from helpers.model_table import INPUT, layers, own_model
from helpers.reference import model_sheet
from tests import COURSE
from tests.exercises.questions import plain, right

PROJECT = [exercise for exercise in EXERCISES.values() if exercise.unit == "project"]
each_question = pytest.mark.parametrize("exercise", PROJECT, ids=lambda each: each.name)
GPT = "gpt 1 x 4, 2 heads, 3 of 5"


@cache
def formulas():
    """The solution's functions, and those that the notebook gives, by name."""
    path = COURSE / "solution" / "project" / "project.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    names = {"layers": layers, "INPUT": INPUT}
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and re.match(r"def (learned|tensor|keeps|sheet)", source):
            exec(source, names)
    return names


def graded(exercise, answer, seed=b"a grading"):
    return judge(exercise, answer, grading_cases(exercise, seed), explained=False).fraction


def test_a_gpt_of_one_block_by_hand():
    # 5 · 4 words, 3 · 4 positions; 4 → 12, 4 → 4, 4 → 16, 16 → 4 with biases; three norms.
    assert right("sheet_parameters", GPT) == 20 + 12 + (60 + 20 + 80 + 68) + 3 * 8
    # 192 weights and the head's 20 at 3 tokens; 6 pairs of 4 channels, twice.
    assert right("sheet_macs", GPT, 2) == 2 * (3 * (192 + 20) + 2 * 6 * 4)
    assert right("sheet_bytes", GPT, 4) == 284 / 2


def test_a_forward_pass_peaks_where_the_mlp_is_widest():
    # 3 tokens: what waits (4), what goes into GELU and what comes out (16 each).
    assert right("sheet_forward", GPT, 1) == 4 * (284 + 3 * (4 + 16 + 16))


def test_a_step_of_a_gpt_of_one_block_by_hand():
    rows = layers(GPT)
    moments = model_sheet.step_moments(rows, 1)
    # Kept of 3 tokens: into norms, 3 · 4; behind them, 3 · 4; queries, keys, values 12;
    # attention 4; into GELU and out of it 16 each. Notes: 2 a norm, a number a head. Logarithms
    # of 5 words.
    kept = 4 * 3 * (12 + 12 + 12 + 4 + 16 + 16 + 5)
    notes = 4 * 3 * (3 * 2 + 2)
    first = moments[0]
    assert (first.kept, first.notes, first.tensor_gradients) == (kept, notes, 2 * 4 * 3 * 5)
    assert first.states == 12 * 284
    last = moments[-1]
    assert (last.kept, last.notes, last.weight_gradients) == (0, 0, 4 * 284)


def test_the_moments_that_the_text_works_out_are_right():
    text = (COURSE / "source" / "project" / "project.py").read_text(encoding="utf-8")
    table = re.findall(r"^# \|(?:loss|\d+ [a-z ]+)\|(.+)\|$", text, re.MULTILINE)
    moments = model_sheet.step_moments(layers(GPT), 1)
    for line, moment in zip(table, moments, strict=False):
        parts = (moment.kept + moment.notes, moment.weight_gradients, moment.tensor_gradients)
        said = [int(each) for each in line.split("|")]
        assert said == [each // 4 for each in (*parts, moment.total)]
    assert len(table) == 7
    assert right("sheet_adam", GPT, 1) == 4 * 1198
    assert f'`"{GPT}"` with one text' in text


@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("model", [GPT, "resnet 1-1-1-1 x 2, 64 px -> 20"])
def test_the_peak_is_what_the_text_asks_for(model, batch):
    """To the byte, as a hint is looked for among exact numbers."""
    solution = formulas()
    assert solution["sheet_adam"](model, batch) == right("sheet_adam", model, batch)
    assert solution["sheet_forward"](model, batch) == right("sheet_forward", model, batch)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda peak, weights: peak - 2 * weights, "Adam remember"),
        (lambda peak, weights: peak / 4, "exactly a quarter"),
    ],
)
def test_a_slip_in_the_peak_is_explained(wrong, words):
    def answer(model, batch):
        weights = 4 * model_sheet.parameter_count(layers(model))
        return wrong(solution(model, batch), weights)

    solution = formulas()["sheet_adam"]
    exercise = EXERCISES["sheet_adam"]
    assert words in judge(exercise, answer, exercise.public_cases()).hint


def test_in_a_row_arithmetic_and_traffic_overlap():
    rows = layers(GPT)
    (head,) = (number for number, row in enumerate(rows) if row.shares >= 0)
    moved = 4 * (20 + 3 * 4 + 3 * 5)
    assert model_sheet.row_bytes(rows, head) == moved
    # At endless arithmetic time is traffic; the embedding reads 3 rows of its 5.
    traffic = sum(model_sheet.row_bytes(rows, number) for number in range(len(rows)))
    assert right("sheet_seconds", GPT, 1e30, 1.0) == traffic
    assert model_sheet.row_bytes(rows, 0) == 4 * (3 * 4 + 3 * 4)


@pytest.mark.parametrize("memory", [30_000, 10**6])
def test_the_largest_batch_fits_and_one_more_does_not(memory):
    batch = right("sheet_batch", GPT, memory)
    assert model_sheet.adam_peak(layers(GPT), batch) <= memory
    assert model_sheet.adam_peak(layers(GPT), batch + 1) > memory


@each_question
@pytest.mark.parametrize(
    ("off", "share"),
    [(0.009, 1), (0.011, 0.5), (0.049, 0.5), (0.051, 0.25), (0.19, 0.25), (0.21, 0)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_nearer_earns_more(exercise, off, share, sign):
    def answer(*args):
        return plain(exercise.reference(*args)) * (1 + sign * off)

    assert graded(exercise, answer) == share


@each_question
def test_a_copied_number_earns_nothing(exercise):
    for args in exercise.examples:
        copied = plain(exercise.reference(*args))
        assert graded(exercise, lambda *_, copied=copied: copied) == 0


@each_question
def test_numbers_of_the_examples_alone_earn_nothing(exercise):
    known = {args: plain(exercise.reference(*args)) for args in exercise.examples}
    assert graded(exercise, lambda *args: known.get(args, 1)) == 0


@each_question
def test_cases_when_graded_are_of_every_family(exercise):
    drawn = [case for case in grading_cases(exercise, b"1") if case.hidden]
    assert {case.args[0].split()[0] for case in drawn} == {"resnet", "vit", "gpt"}


def test_one_part_of_the_points_is_said_with_the_hint():
    exercise = EXERCISES["sheet_adam"]

    def sum_of_parts(model, batch):
        rows = layers(model)
        kept = model_sheet.kept_numbers(rows)
        return 16 * model_sheet.parameter_count(rows) + 4 * batch * kept

    verdict = judge(exercise, sum_of_parts, exercise.public_cases())
    assert (verdict.status, verdict.fraction) == ("partly right", 0.25)
    assert verdict.hint.startswith("near enough for 25% of the points; a sum of parts")


def test_a_students_own_model_is_like_those_that_are_drawn():
    for name in ("Ada", "Grace", "Radia"):
        rows = layers(own_model(name))
        assert 10**6 < model_sheet.parameter_count(rows) < 5 * 10**7
        assert model_sheet.adam_peak(rows, 8) < 2**30
