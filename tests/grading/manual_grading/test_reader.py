"""What is read by hand stands in the gradebook as formgrader would have written it."""

import json
import shutil

import pytest
from nbgrader.api import Gradebook

from helpers.grading.commands.history import read_history
from helpers.grading.manual_grading.marks import Reading
from helpers.grading.manual_grading.reader import Reader, RefusedError, Wanted
from tests.grading.manual_grading import classroom
from tests.grading.manual_grading.classroom import QUESTION, UNIT, formgrader, rows


@pytest.fixture
def reader(course):
    with Reader(course, UNIT, QUESTION) as opened:
        opened.state()
        yield opened


def whose(reader):
    """The page's names of answers, by student."""
    return {name: answer for answer, name in reader.names().items()}


def shown(reader):
    """Each student's answer as the page has it."""
    answers = {answer["id"]: answer for answer in reader.state()["answers"]}
    return {student: answers[answer] for student, answer in whose(reader).items()}


def read(reader, readings):
    """Marks these students' answers as the page does; returns what it is told."""
    now = shown(reader)
    return reader.save(
        [Wanted(now[name]["id"], now[name]["version"], what) for name, what in readings.items()]
    )


def items(reader):
    return [item["id"] for item in reader.state()["rubric"]]


#: What a reader says, and formgrader's requests for the same: of a grade, and of a comment.
SAME = {
    "points": (Reading(points=1.5), {"manual_score": 1.5}, None),
    "no points": (Reading(points=0.0), {"manual_score": 0}, None),
    # formgrader's page takes more than there is for all that there is.
    "too many": (Reading(points=3.0), {"manual_score": 2}, None),
    "too few": (Reading(points=-1.0), {"manual_score": 0}, None),
    "a comment": (Reading(note="Which ones?"), None, "Which ones?"),
    "both": (Reading(points=1.0, note="Which?"), {"manual_score": 1}, "Which?"),
    "an item": (Reading((1,)), {"manual_score": 2}, "Right."),
    "two items": (
        Reading((1, 2), note="*So*"),
        {"manual_score": 1.5},
        "Right.\n\nToo long.\n\n*So*",
    ),
    "an item that takes": (Reading((2,)), {"manual_score": 0}, "Too long."),
    "its own points": (Reading((1,), 0.5), {"manual_score": 0.5}, "Right."),
}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The gradebook after a class was read here, and after formgrader marked it the same. Each is
    said of an answer, and of one that was left as it was."""
    folder = tmp_path_factory.mktemp("both")
    texts = {"answered": "Warps hide latency.", "left": "YOUR ANSWER HERE"}
    answers = {f"{name}, {kind}": texts[kind] for name in SAME for kind in texts}
    here = classroom.make(folder / "here", answers)
    there = shutil.copytree(here, folder / "there")
    with Reader(here, UNIT, QUESTION) as reader:
        reader.add_item(2, "Right.")
        reader.add_item(-0.5, "Too long.")
        read(reader, {student: SAME[student.split(",")[0]][0] for student in answers})
    for student in answers:
        _, mark, comment = SAME[student.split(",")[0]]
        formgrader(there, student, mark, comment)
    return rows(here), rows(there)


@pytest.mark.parametrize("name", SAME)
def test_a_mark_is_what_formgrader_would_have_written(both, name):
    here, there = ([row for row in rows if row[0].startswith(f"{name}, ")] for rows in both)
    assert here == there
    assert len(here) == 2 * 7


@pytest.mark.parametrize("student", ["ada", "fay"])
def test_a_mark_that_is_taken_back_waits_again_as_in_formgrader(course, tmp_path, student):
    other = shutil.copytree(course, tmp_path / "other")
    formgrader(other, student, {"manual_score": 2}, "Good")
    formgrader(other, student, {"manual_score": None}, "")
    with Reader(course, UNIT, QUESTION) as reader:
        read(reader, {student: Reading(points=2.0, note="Good")})
        read(reader, {student: Reading()})
    assert rows(course) == rows(other)


def test_points_of_a_question_that_is_worth_nothing_are_credit_on_top(course, tmp_path):
    for place in (course, tmp_path / "other"):
        if place != course:
            shutil.copytree(course, place)
            # "Full credit", and points in the other field.
            formgrader(place, "ada", {"manual_score": 0, "extra_credit": 1.5})
            continue
        with Gradebook(f"sqlite:///{place / 'gradebook.db'}", "network_costs") as gradebook:
            gradebook.find_graded_cell(QUESTION, UNIT, UNIT).max_score = 0
            gradebook.db.commit()
    with Reader(course, UNIT, QUESTION) as reader:
        read(reader, {"ada": Reading(points=1.5)})
        assert (shown(reader)["ada"]["points"], shown(reader)["ada"]["score"]) == (1.5, 1.5)
    assert rows(course) == rows(tmp_path / "other")


def test_credit_on_top_that_formgrader_gave_stays(course, reader):
    formgrader(course, "ada", {"manual_score": 1, "extra_credit": 0.5})
    read(reader, {"ada": Reading(points=2.0)})
    (row,) = (row for row in rows(course) if row[:2] == ("ada", QUESTION))
    assert row[3:6] == (2.0, 0.5, 0)


def test_each_change_leaves_a_line_by_hand_and_what_formgrader_did_comes_first(course, reader):
    formgrader(course, "ada", {"manual_score": 1})
    read(reader, {"ada": Reading(points=2.0), "ben": Reading(points=0.5)})
    said = [
        (each.student, each.before, each.after, each.why)
        for each in read_history(course, UNIT)
        if each.cell == QUESTION and each.after is not None and each.student != "fay"
    ]
    assert said == [
        ("ada", None, 1.0, "by hand"),
        ("ada", 1.0, 2.0, "by hand"),
        ("ben", None, 0.5, "by hand"),
    ]


def test_what_could_not_be_read_is_like_no_other(course):
    """Our words stand for each: one click must not mark all who sent something broken."""
    for student in ("ada", "ben"):
        (path,) = (course / "autograded" / student / UNIT).glob("*.ipynb")
        notebook = json.loads(path.read_text())
        about = {"status": "unreadable", "remarks": ["cut off"]}
        notebook["metadata"].setdefault("course", {})["graded"] = about
        path.write_text(json.dumps(notebook))
    with Reader(course, UNIT, QUESTION) as reader:
        groups = reader.state()["groups"]
        answers = whose(reader)
    for kind in ("similar", "equal"):
        assert sorted(name for group in groups[kind] for name in group) == sorted(answers.values())
        assert [answers["ada"]] in groups[kind]
        assert [answers["ben"]] in groups[kind]


def test_similar_answers_are_together_and_no_name_is_in_what_the_page_gets(reader):
    state = reader.state()
    names = whose(reader)
    groups = [
        {student for student in names if names[student] in group}
        for group in state["groups"]["similar"]
    ]
    assert {"ada", "ben", "cy"} in groups
    assert {"dan"} in groups
    assert not any(f'"{student}"' in json.dumps(state) for student in names)
    assert (state["out_of"], len(state["answers"])) == (2.0, 6)


def test_a_mark_survives_and_is_shown_with_its_items(course, reader):
    reader.add_item(1, "Right.")
    read(reader, {"ada": Reading(tuple(items(reader)), note="Well put.")})
    with Reader(course, UNIT, QUESTION) as again:
        again.state()
        ada = shown(again)["ada"]
    assert (ada["items"], ada["note"], ada["score"], ada["waits"]) == ([1], "Well put.", 1.0, False)


def test_what_another_window_marked_is_not_overwritten(course, reader):
    before = shown(reader)["ada"]
    with Reader(course, UNIT, QUESTION) as other:
        other.state()
        read(other, {"ada": Reading(points=2.0)})
    said = reader.save([Wanted(before["id"], before["version"], Reading(points=0.0))])
    assert said["lines"] == ["1 answers or their marks were changed elsewhere: look again"]
    assert shown(reader)["ada"]["score"] == 2.0


def test_an_answer_that_was_graded_anew_is_looked_at_first(course, reader):
    before = shown(reader)
    classroom.grade(course, {"ada": "Something else altogether."})
    said = reader.save(
        [
            Wanted(before[name]["id"], before[name]["version"], Reading(points=2.0))
            for name in ("ada", "ben")
        ]
    )
    assert said["again"]
    now = shown(reader)
    assert (now["ada"]["score"], now["ada"]["waits"]) == (None, True)
    assert "Something else" in now["ada"]["html"]
    assert now["ben"]["score"] == 2.0


def test_a_marked_answer_that_changed_waits_with_its_points(course, reader):
    read(reader, {"ada": Reading(points=2.0)})
    classroom.grade(course, {"ada": "Something else altogether."})
    ada = shown(reader)["ada"]
    assert (ada["score"], ada["waits"]) == (2.0, True)
    read(reader, {"ada": Reading(points=2.0)})
    assert shown(reader)["ada"]["waits"] is False


def test_rows_that_are_gone_are_one_line_and_the_others_are_marked(course, reader):
    before = shown(reader)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "network_costs") as gradebook:
        gradebook.remove_student("ada")
    shutil.rmtree(course / "autograded" / "eva")
    said = reader.save(
        [
            Wanted(before[name]["id"], before[name]["version"], Reading(points=1.0))
            for name in ("ada", "ben", "eva")
        ]
    )
    assert said["lines"] == ["2 answers are no longer there: a grading has replaced them"]
    state = reader.state()
    assert shown(reader)["ben"]["score"] == 1.0
    assert [line.split(",")[0] for line in state["lines"]] == ["1 answers cannot be shown"]


def test_an_item_that_changes_changes_the_marks_that_have_it(course, reader):
    reader.add_item(1, "Right.")
    (item,) = items(reader)
    read(reader, {name: Reading((item,)) for name in ("ada", "ben", "cy")})
    # Marked elsewhere since: it has the item no longer.
    formgrader(course, "cy", {"manual_score": 0.25})
    assert reader.change_item(item, 1.5, "Quite right.") == 2
    now = shown(reader)
    assert [now[name]["score"] for name in ("ada", "ben", "cy")] == [1.5, 1.5, 0.25]
    assert [row[7] for row in rows(course) if row[1] == QUESTION][:3] == [
        "Quite right.",
        "Quite right.",
        "Right.",
    ]
    assert now["cy"]["items"] == []


def test_an_item_in_use_is_not_removed(course, reader):
    reader.add_item(1, "Right.")
    (item,) = items(reader)
    read(reader, {"ada": Reading((item,))})
    with pytest.raises(RefusedError, match="1 answers have this item"):
        reader.remove_item(item)
    read(reader, {"ada": Reading()})
    reader.remove_item(item)
    assert items(reader) == []
    with pytest.raises(RefusedError, match="look again"):
        read(reader, {"ada": Reading((item,))})


def test_a_save_is_whole_or_not_at_all(course, reader, monkeypatch):
    before = rows(course)
    monkeypatch.setattr(type(reader._readings), "keep", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        read(reader, {"ada": Reading(points=1.0), "ben": Reading(points=1.0)})
    assert rows(course) == before


@pytest.mark.parametrize(
    ("question", "line"),
    [
        ("check_mean", "sample has no question 'check_mean' that a person reads: there are why"),
        ("mean", "sample has no question 'mean' that a person reads: there are why"),
        ("../why", "sample has no question '../why' that a person reads: there are why"),
    ],
)
def test_what_is_no_question_to_read_is_refused(course, question, line):
    with pytest.raises(ValueError, match="no question") as refused:
        Reader(course, UNIT, question)
    assert str(refused.value) == line


def test_a_unit_that_is_not_graded_is_refused(course):
    (course / "gradebook.db").unlink()
    with pytest.raises(ValueError, match="run `course grade` first"):
        Reader(course, UNIT, QUESTION)
