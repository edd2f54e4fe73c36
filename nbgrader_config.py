"""nbgrader, with this course's grading engine plugged into its own traits.

`course grade UNIT` grades a whole class with many workers; `nbgrader autograde UNIT` uses the same
parts, one submission at a time. formgrader, generate_feedback and export are nbgrader's own.
"""

from pathlib import Path

from helpers.authoring.notebooks import names_of_texts

c = get_config()  # noqa: F821 (nbgrader gives it)

c.CourseDirectory.course_id = "network_costs"
# A unit's text holds its solutions: it must never be copied into release/.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    *names_of_texts(Path(__file__).parent),
]
# For many graders at once: c.CourseDirectory.db_url = "postgresql+psycopg://user@host/gradebook"
# What a late submission loses, everything: c.LateSubmissionPlugin.penalty_method = "zero"

c.Autograde.sanitize_preprocessors = [
    "helpers.grading.preprocessors.Rebuild",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.Autograde.autograde_preprocessors = [
    "helpers.grading.preprocessors.Grade",
    "nbgrader.preprocessors.LimitOutput",
    "helpers.grading.preprocessors.SaveGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# Hidden tests stay hidden in what students get back.
c.GenerateFeedback.preprocessors = [
    "helpers.grading.report.grades.Grades",
    "helpers.grading.report.hidden_tests.HideTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
