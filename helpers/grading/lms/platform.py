"""What a learning platform is, and what is said between its files and ours.

A platform is one file in this folder, a subclass of `Platform` with what it overrides, and its line
in `registry.py`. Collecting, the roster and the export ask it and know no platform by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from helpers.grading.lms.origins import Origin


@dataclass(frozen=True)
class Claim:
    """Whose a file of a download is, as its path says it; what it does not say is empty.

    Attributes:
        platform: whose naming it is.
        owner: the name of the student, or of a group.
        number: of the student on the platform.
        login: with which the student signs in there, or the university's number.
        address: the e-mail address.
        file: what the file is called.
        late: whether the platform says so; None where it says nothing.
        handed_in: when, where the platform says so.
        order: grows with time on the platform; 0 where there is none.
        others: who handed it in together with that student.
    """

    platform: str
    owner: str = ""
    number: str = ""
    login: str = ""
    address: str = ""
    file: str = ""
    late: bool | None = None
    handed_in: datetime | None = None
    order: int = 0
    others: tuple[Claim, ...] = ()


@dataclass(frozen=True)
class Student:
    """One line of the roster; what is not known is empty.

    Attributes:
        id: the folder under submitted/, and nbgrader's id.
        group: with whom the student hands in one notebook.
        handed_in: when, as the roster writes it.
        ids: what platforms know the student by, by column (`canvas_id`, `sis_id`, …).
    """

    id: str
    name: str = ""
    email: str = ""
    section: str = ""
    group: str = ""
    handed_in: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Grade:
    """What a student has in a unit.

    Attributes:
        points: of the questions that count.
        bonus: of the others.
        penalty: for lateness.
        out_of: the points that there are, without bonus.
        to_read: answers that wait for a person; their points are not in it yet.
        questions: the points of each.
    """

    student: str
    points: float
    bonus: float
    penalty: float
    out_of: float
    to_read: int
    questions: Mapping[str, float] = field(default_factory=dict)

    @property
    def grade(self) -> float:
        """What counts: the bonus makes up for points lost and never lifts above what there is."""
        return max(0.0, min(self.points + self.bonus, self.out_of) - self.penalty)


class Platform:
    """What one learning platform does in its own way; the defaults say "as any other".

    Attributes:
        name: what `course export --to` calls it.
        logins: columns of a roster with which it tells students apart, the surest first, beside
            the number that its file names carry.
        number_lasts: whether that number is the same in every assignment.
        keeps_spaces: whether the names that it writes have spaces between their words.
        free_names: whether its users call themselves as they like, so that a name beside a known
            address says nothing while it is not another student's.
        time_formats: how its lists write a time, beside ISO 8601 (`datetime.strptime`).
        sidecar: a file of its downloads that says whose the folders beside it are; "" where there
            is none.
        takes_feedback: where its users hand a zip of files back to a whole class; "" where they
            cannot.
    """

    name: str
    logins: tuple[str, ...] = ()
    number_lasts: bool = True
    keeps_spaces: bool = True
    free_names: bool = False
    time_formats: tuple[str, ...] = ()
    sidecar: str = ""
    takes_feedback: str = ""

    @property
    def number(self) -> str:
        """The roster's column of the number that file names carry."""
        return f"{self.name}_id"

    def claims(self, path: PurePosixPath, sidecar: bytes) -> Sequence[Claim]:
        """Every way in which a file's path can be read as this platform writes it.

        There are several where a name can hold what separates its parts: the roster then has to
        settle which it is. None where this platform did not write it.
        """
        return ()

    def columns(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Mapping[int, str]:
        """The roster's columns that those of its lists stand for, by position.

        Args:
            header: in lower case, without `_` and double spaces.
            rows: the lines below it, which may tell more than words of some language.
        """
        return {}

    def is_student(self, row: Sequence[str]) -> bool:
        """Whether a line of its list is about a student."""
        return True

    def clean_number(self, text: str) -> str:
        """The number alone, of what its list writes in that column."""
        return text

    def assignments(self, header: Sequence[str]) -> Sequence[str]:
        """The assignments that its list of students has columns for."""
        return ()

    def title(self, unit: str, header: Sequence[str]) -> str:
        """What the assignment of a unit is called there.

        Args:
            header: of the list of students, where it is the platform's own.
        """
        return unit

    def feedback_name(self, origin: Origin, file: str) -> str:
        """What a file is called in a zip that goes back, so that it finds who handed in.

        "" where that cannot be: `origin` says too little.
        """
        return ""

    def rows(
        self, unit: str, students: Sequence[Student], grades: Mapping[str, Grade]
    ) -> Iterator[list[str]]:
        """The grade sheet that it imports: its header, then a row for each student.

        Args:
            unit: what the assignment is called there.
            students: of the roster, in its order.
            grades: by `Student.id`; who has none handed in nothing.
        """
        raise NotImplementedError


def as_number(value: float) -> str:
    """A figure with at most two decimals: 4, 3.5, 2.75."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def points_possible(grades: Mapping[str, Grade]) -> str:
    """The points that there are; nothing where there is no grade."""
    return next((as_number(grade.out_of) for grade in grades.values()), "")


def points_of(grades: Mapping[str, Grade], student: Student) -> str:
    """A student's grade; nothing where there is none."""
    return as_number(grades[student.id].grade) if student.id in grades else ""
