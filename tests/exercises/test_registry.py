"""What stands in a folder of a unit is asked: names, units, order, and what is refused."""

import sys

import pytest

from helpers.exercises.exercise import Exercise
from helpers.exercises.registry import find_exercises

QUESTION = """\
from helpers.exercises.exercise import Exercise

{name} = Exercise(
    points=1,
    topic="twice",
    examples=[(2, 3)],
    hidden=lambda draw: [],
    reference=lambda width, height, scale=1: 2 * scale * width * height,
)
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Writes the files of a package of units and finds its questions."""
    monkeypatch.syspath_prepend(tmp_path)

    def find(files):
        for name, text in {"__init__.py": "", **files}.items():
            path = tmp_path / "some_course" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return find_exercises("some_course", [str(tmp_path / "some_course")])

    yield find
    for name in [name for name in sys.modules if name.partition(".")[0] == "some_course"]:
        del sys.modules[name]


def test_name_unit_and_parameters_are_read_off_where_it_stands(course):
    found = course(
        {"unit_02_flops/__init__.py": "", "unit_02_flops/layers.py": QUESTION.format(name="AREA")}
    )
    (question,) = found.values()
    assert (question.name, question.unit) == ("area", "02_flops")
    # As many as an example has: the reference's own switches are none of them.
    assert question.parameters == ("width", "height")
    assert question.visible_cases()[0].label == "width=2, height=3"


def test_units_come_in_the_order_of_their_folders_and_modules_in_that_of_the_chapters(course):
    found = course(
        {
            "homework/__init__.py": "",
            "homework/tasks.py": QUESTION.format(name="LAST"),
            "unit_02_flops/__init__.py": 'CHAPTERS = ("layers", "attention")',
            "unit_02_flops/attention.py": QUESTION.format(name="THIRD"),
            "unit_02_flops/extra.py": QUESTION.format(name="FOURTH"),
            "unit_02_flops/layers.py": QUESTION.format(name="SECOND")
            + QUESTION.format(name="NEXT"),
            "unit_01_start/__init__.py": "",
            "unit_01_start/parts.py": QUESTION.format(name="FIRST"),
            "shared.py": "",
        }
    )
    assert list(found) == ["first", "second", "next", "third", "fourth", "last"]


def test_two_questions_of_one_name_are_refused_with_both_places(course):
    twice = QUESTION.format(name="AREA")
    with pytest.raises(ValueError, match="two questions are called 'area'") as error:
        course(
            {
                "unit_01_start/__init__.py": "",
                "unit_01_start/parts.py": twice,
                "unit_02_flops/__init__.py": "",
                "unit_02_flops/layers.py": twice,
            }
        )
    assert "some_course.unit_01_start.parts" in str(error.value)
    assert "some_course.unit_02_flops.layers" in str(error.value)


def test_a_chapter_that_is_not_there_is_named(course):
    with pytest.raises(ValueError, match=r"some_course\.unit_02_flops has no module 'layer'"):
        course(
            {
                "unit_02_flops/__init__.py": 'CHAPTERS = ("layer",)',
                "unit_02_flops/layers.py": QUESTION.format(name="AREA"),
            }
        )


def test_a_units_folder_without_an_init_is_not_passed_over(course):
    with pytest.raises(ValueError, match=r"unit_02_flops needs an __init__\.py"):
        course({"unit_02_flops/layers.py": QUESTION.format(name="AREA")})


def test_a_reference_that_does_not_name_its_arguments_is_refused_with_what_to_do():
    question = Exercise(
        points=1,
        topic="twice",
        examples=[(2, 3)],
        hidden=lambda draw: [],
        reference=lambda *sizes: sum(sizes),
        name="area",
    )
    with pytest.raises(ValueError, match="area: an example has 2 arguments") as error:
        question.visible_cases()
    assert str(error.value).endswith("write one parameter for each argument")
