"""What stands in a folder of a unit is asked: names, units, order, and what is refused."""

import re
import sys

import pytest

from helpers import exercises
from helpers.authoring.notebooks import find_units
from helpers.exercises.exercise import Exercise, grading_cases
from helpers.exercises.registry import complain_about_repeated_names, find_exercises
from tests import COURSE

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


@pytest.mark.parametrize("folder", ["unit_02_flops", "02_flops"])
def test_a_copied_entry_that_was_not_renamed_is_refused_with_both_lines(tmp_path, folder):
    twice = QUESTION.format(name="AREA") + QUESTION.format(name="OTHER")
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "layers.py").write_text(twice + QUESTION.format(name="AREA"))
    with pytest.raises(
        ValueError, match=r"layers\.py gives the name AREA in line 3 and again in line 21"
    ):
        complain_about_repeated_names("02_flops", [str(tmp_path)])


def test_a_copied_function_that_was_not_renamed_is_refused(tmp_path):
    (tmp_path / "homework").mkdir()
    text = "def _norm(n):\n    return n\n\n\nTEXT: str = 'a'\n\n\ndef _norm(m):\n    return m\n"
    (tmp_path / "homework" / "tasks.py").write_text(text)
    with pytest.raises(ValueError, match="gives the name _norm in line 1 and again in line 8"):
        complain_about_repeated_names("homework", [str(tmp_path)])


@pytest.mark.parametrize("unit", [unit.name for unit in find_units(COURSE)])
def test_no_module_of_a_unit_gives_a_name_twice(unit):
    complain_about_repeated_names(unit, exercises.__path__)


def question(**changed):
    """A question with a slip."""
    return Exercise(
        **{
            "points": 1,
            "topic": "twice",
            "examples": [(2, 3)],
            "hidden": lambda draw: [(4, 5)],
            "reference": lambda width, height, scale=1: 2 * scale * width * height,
            "name": "area",
            **changed,
        }
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"examples": [(2, 3), (2, 3, 4)]},
            "area: an example, (2, 3, 4), has 3 arguments, and the question has 2: width, height",
        ),
        (
            {"hidden": lambda draw: [(4,)]},
            "area: a hidden case, (4,), has 1 argument, and the question has 2: width, height",
        ),
        ({"examples": []}, "area has no example"),
        ({"examples": [(2)]}, "area: an example is 2: write a tuple of arguments"),
        ({"hidden": lambda draw: [4]}, "area: a hidden case is 4: write a tuple of arguments"),
        (
            {"examples": [(2,)]},
            "area: an example has 1 argument, and the reference names 3 (width, height, scale)",
        ),
        (
            {"reference": lambda width, *, height: width},
            "area: an example has 2 arguments, and the reference names 1 (width)",
        ),
    ],
)
def test_a_case_with_another_number_of_arguments_is_refused_with_question_and_case(
    changed, message
):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        grading_cases(question(**changed), b"seed")


def test_a_reference_that_does_not_name_its_arguments_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="area: an example has 2 arguments") as error:
        question(reference=lambda *sizes: sum(sizes)).visible_cases()
    assert str(error.value).endswith("write one parameter for each argument")
