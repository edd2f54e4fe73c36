"""Unit 10: its numbers worked by hand, and what a handed-in plan earns."""

from pathlib import Path

import pytest

import helpers
from helpers import training_plan
from helpers.check import judge
from helpers.exercises import EXERCISES
from helpers.exercises.plan_answer import every_plan, fastest_plan, memory_trouble, read_answer
from helpers.parts import part_of
from helpers.training_plan import (
    Plan,
    held_bytes,
    own_task,
    step_seconds,
)
from tests.exercises.questions import right

BILLION = 10**9
FIT = EXERCISES["fit_it"]
NAMES = ["Ada", "Grace", "Radia", "Ken", "Lynn"]


def verdict(given):
    return judge(FIT, lambda: given, FIT.visible_cases())


def handed_in(name, plan, **changes):
    return {"name": name, **vars(plan), **changes}


def test_seventy_billion_parameters_on_eight_cards():
    # 140 + 140 + 840 GB; shared by eight 17.5, 17.5, 105
    assert right("zero_ledger", 70 * BILLION, 8, 1, "mixed 16") == {
        "weights": 140 * BILLION,
        "gradients": 140 * BILLION,
        "states": 105 * BILLION,
    }
    assert sum(right("zero_ledger", 70 * BILLION, 8, 3, "mixed 16").values()) == 140 * BILLION
    assert right("fewest_devices", 70 * BILLION, 80 * BILLION, 3) == 14


def test_stages_1_and_2_have_a_floor():
    # 4 B a parameter whole: 20 billion take 80 GB, and leave no room for a share
    assert right("fewest_devices", 20 * BILLION, 80 * BILLION, 1) is None
    assert right("fewest_devices", 13 * BILLION, 80 * BILLION, 2) == 4  # 26 whole, 182 shared


def test_a_ring_of_eight_at_450_gigabytes_a_second():
    # 2 · 7/8 · 14 GB ÷ 450 GB/s = 54.4 ms; 14 steps of 5 µs
    seconds = right("all_reduce_seconds", 14 * BILLION, 8, 450 * BILLION, 5e-6)
    assert seconds == pytest.approx({"latency": 70e-6, "bandwidth": 0.05444}, rel=1e-3)


def test_an_mlp_of_eight_ranks():
    assert right("tensor_mlp", 4096, 8192, 32_768, 8) == {
        "weights": 2 * 2 * 8192 * 4096,
        "kept": 2 * 4096 * (8192 + 2 * 4096),
        "sent": 8 * 4096 * 8192 * 7 // 8,
    }


def test_four_stages_and_eight_micro_batches_wait_3_slots_of_11():
    assert right("pipeline_bubble", 4, 8) == {"idle share": 3 / 11, "for a tenth": 27}


def test_lora_leaves_an_eighth_of_seven_billion():
    held = right("lora_bytes", 7 * BILLION, 128, 4096, 16)
    thin = 2 * 128 * 4096 * 16
    assert sum(held.values()) == 14 * BILLION + 16 * thin
    assert sum(held.values()) < 16 * 7 * BILLION / 7.8


@pytest.mark.parametrize("name", NAMES)
def test_the_fastest_plan_earns_everything(name):
    assert verdict(handed_in(name, fastest_plan(own_task(name)))).fraction == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_plan_that_fits_earns_and_one_that_does_not_earns_nothing(name):
    task = own_task(name)
    fastest = step_seconds(task, fastest_plan(task)).total
    for plan in list(every_plan(task))[::40]:
        fits = held_bytes(task, plan).total <= task.machine.room
        times = step_seconds(task, plan).total / fastest
        found = verdict(handed_in(name, plan))
        earned = 0.4 + 0.2 * sum(times <= most for most in (3, 1.5, 1.1))
        assert found.fraction == pytest.approx(earned if fits else 0)
        assert bool(found.hint) == (found.fraction < 1)
        assert len(found.misconceptions) == (found.fraction < 1)


def slow_plans(name, loss):
    task = own_task(name)
    for plan in every_plan(task):
        if memory_trouble(task, plan):
            continue
        said = read_answer(handed_in(name, plan), {})
        if said["1.1 × the fastest"] == f"no: {loss}":
            yield plan


@pytest.mark.parametrize(
    ("loss", "hint", "holds"),
    [
        ("fp32", "products in fp32", lambda plan: plan.precision == "fp32"),
        ("tensor ranks wait", "nothing hides", lambda plan: plan.tensor > 1),
        ("data ranks wait", "how often does your stage send", lambda plan: plan.tensor < 8),
        ("computed again", "a pass forward is done twice", lambda plan: plan.checkpointing),
    ],
)
def test_a_hint_is_true_of_the_plan(loss, hint, holds):
    seen = 0
    for name in NAMES:
        for plan in list(slow_plans(name, loss))[:3]:
            assert holds(plan)
            assert hint in verdict(handed_in(name, plan)).hint
            seen += 1
    assert seen


@pytest.mark.parametrize(
    ("trouble", "hint"),
    [
        ("states", "states alone are more than a device has"),
        ("batch", "what grows with the batch"),
        ("one sequence", "even for one sequence"),
        ("context", "keeps 2 GiB for its context"),
    ],
)
def test_a_plan_too_large_is_told_by_what(trouble, hint):
    tried = [
        (name, plan)
        for name in NAMES
        for plan in every_plan(own_task(name))
        if memory_trouble(own_task(name), plan) == trouble
    ]
    name, plan = tried[len(tried) // 2]
    assert hint in verdict(handed_in(name, plan)).hint


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (3, "a dict with your name and your plan"),
        ({}, "your own name"),
        ({"name": "  "}, "your own name"),
        (handed_in("nobody yet", fastest_plan(own_task("nobody yet"))), "your own name"),
        ({"name": "Ada"}, "the plan lacks 'batch'"),
        (handed_in("Ada", Plan(1, 1, False, "mixed", "adam", 3, 1)), "sequences, and an update"),
        (handed_in("Ada", fastest_plan(own_task("Ada")), zero="3"), "zero is one of 0, 1, 2, 3"),
    ],
)
def test_what_is_no_plan_for_the_task_is_said_in_a_line(given, says):
    found = verdict(given)
    assert found.fraction == 0
    assert says in found.hint


def test_what_a_search_starts_from_is_there_when_it_is_graded():
    source = Path(helpers.__file__).parents[1] / "source/10_many_devices/many_devices.py"
    cell = source.read_text().split("task = own_task(MY_NAME")[0].rsplit("# %%", 1)[1]
    assert "skip-grading" not in cell


def gives_traffic(times):
    def step_traffic(parameters, devices, stage, passes):
        return 2 * parameters * (devices - 1) * times(stage, passes) // devices

    return step_traffic


@pytest.mark.parametrize(
    ("times", "hint"),
    [
        (lambda s, n: (2, 2, n + 1, 2 * n + 1)[s], "only a share of the gradients"),
        (lambda s, n: (2, 2, 2 * n, 3 * n)[s], "keeps all weights"),
        (lambda s, n: (2 * n, 2 * n, 2 * n, 3 * n)[s], "added up at home"),
    ],
)
def test_traffic_counted_too_often_or_too_seldom_is_told_by_what(times, hint):
    question = EXERCISES["step_traffic"]
    assert hint in judge(question, gives_traffic(times), question.visible_cases()).hint


def test_graded_answers_cannot_import_the_fastest_plan():
    assert not hasattr(training_plan, "fastest_plan")
    assert not part_of(Path("exercises/plan_answer.py")).students
