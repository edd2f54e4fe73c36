"""The report as one HTML page. Whatever a student named or wrote is escaped by the template."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from helpers.files import refuse_path, write_text
from helpers.grading.report import pictures
from helpers.grading.report.data import ClassReport, read_class
from helpers.text_table import visible


def write_report(course: Path, unit: str, output: Path | None = None) -> tuple[ClassReport, Path]:
    """Write the page, whole or not at all; returns what it says and where it is.

    Raises ValueError, in one line, for a unit that is not graded or a file that cannot be written.
    """
    path = output or Path(f"{unit}-report.html")
    refuse_path(path)
    report = read_class(course, unit)
    write_text(path, page(report))
    return report, path


def page(report: ClassReport) -> str:
    """The page's text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("helpers.grading.report", ""),
        autoescape=True,
        # Text of whoever's, and not the pictures.
        finalize=lambda value: visible(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    grades = np.array([each.grade for each in report.grades])
    drawn: dict[str, Any] = {}
    if report.grades:
        drawn["distribution"] = Markup(pictures.distribution(report))
    if any(question.difficulty is not None for question in report.questions):
        drawn["difficulty"] = Markup(pictures.difficulty(report))
    if report.hints:
        drawn["misconceptions"] = Markup(pictures.misconceptions(report))
    if report.guesses:
        drawn["guesses"] = Markup(pictures.guesses(report))
    return environment.get_template("page.html").render(
        report=report,
        quartiles=[float(each) for each in np.quantile(grades, [0.25, 0.5, 0.75])]
        if report.grades
        else [],
        mean=float(grades.mean()) if report.grades else 0.0,
        pictures=drawn,
        who=lambda student: _who(report, student),
        breakable=lambda name: Markup("_<wbr>").join(name.split("_")),
        today=date.today().isoformat(),
    )


def _who(report: ClassReport, student: str) -> str:
    name = report.names.get(student)
    return f"{name} ({student})" if name else student
