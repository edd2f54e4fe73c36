"""What a reader says and what the gradebook holds, one from the other."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.grading.manual_grading.marks import Mark, Reading
from helpers.grading.manual_grading.questions import find_question
from helpers.grading.manual_grading.rubric import Item
from tests.grading import sample

POINTS = st.floats(-5, 5).map(lambda points: round(points, 2))
RUBRICS = st.lists(st.tuples(POINTS, st.sampled_from(["", "Right.", "*So*"])), max_size=4).map(
    lambda items: {at: Item(at, *item) for at, item in enumerate(items)}
)
READINGS = st.builds(
    Reading,
    st.sets(st.integers(0, 3)).map(lambda items: tuple(sorted(items))),
    st.none() | POINTS,
    st.sampled_from(["", "Which?"]),
)


@given(READINGS, RUBRICS, st.sampled_from([0.0, 2.0]), st.none() | st.just(0.5))
def test_what_the_page_shows_of_a_mark_gives_that_mark(reading, rubric, out_of, extra):
    reading = replace(reading, items=tuple(each for each in reading.items if each in rubric))
    mark = reading.mark(rubric, out_of, Mark(extra=extra))
    assert reading.if_it_gave(mark, rubric, out_of) == reading
    # Without what was said, the same points and words are shown as their own.
    other = Reading((), None, "something else").if_it_gave(mark, rubric, out_of)
    assert other.items == ()
    assert other.mark(rubric, out_of, mark) == mark


@given(READINGS, RUBRICS)
def test_points_are_never_below_zero_nor_above_what_there_is(reading, rubric):
    score = reading.mark(rubric, 2.0, Mark()).score
    assert score is None or 0 <= score <= 2


def test_of_two_questions_of_one_name_the_notebook_says_which(tmp_path):
    course = sample.make_course(tmp_path / "course")
    folder = course / "source" / sample.UNIT
    (folder / f"{sample.UNIT}.py").unlink()
    text = (folder / f"{sample.UNIT}.ipynb").read_text()
    (folder / "second.ipynb").write_text(text)
    with pytest.raises(ValueError, match="more than one question 'why': say sample/why or second/"):
        find_question(course, sample.UNIT, "why")
    assert find_question(course, sample.UNIT, "second/why").notebook == "second"


def test_a_task_is_for_formgrader(tmp_path):
    course = sample.make_course(tmp_path / "course")
    path = course / "source" / sample.UNIT / f"{sample.UNIT}.ipynb"
    notebook = json.loads(path.read_text())
    marks = {"grade_id": "look", "task": True, "grade": False, "solution": False, "points": 1}
    marks |= {"locked": True, "schema_version": 3, "cell_type": "markdown"}
    about = {"id": "look", "nbgrader": marks}
    notebook["cells"].append(
        {"cell_type": "markdown", "id": "look", "metadata": about, "source": "Look around."}
    )
    path.write_text(json.dumps(notebook))
    with pytest.raises(ValueError, match="look is a task, done anywhere in a notebook"):
        find_question(course, sample.UNIT, "look")
