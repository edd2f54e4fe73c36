"""What a course takes for lateness, by nbgrader's own rule and due dates."""

from __future__ import annotations

from typing import Any

from nbgrader.api import Gradebook, SubmittedAssignment
from nbgrader.preprocessors import AssignLatePenalties


def set_penalties(gradebook: Gradebook, submission: SubmittedAssignment, config: Any) -> None:
    """Write the penalty of each notebook of a submission, none where it was in time."""
    rule = AssignLatePenalties(config=config)
    rule.init_plugin()
    gradebook.db.flush()
    late = submission.total_seconds_late
    for notebook in submission.notebooks:
        # Its score is computed by the database.
        gradebook.db.refresh(notebook)
        penalty = None
        if late > 0:
            student, score = submission.student_id, notebook.score
            penalty = rule.plugin_inst.late_submission_penalty(student, score, late)
        if penalty is not None:
            penalty = min(max(penalty, 0.0), notebook.score)
        notebook.late_submission_penalty = penalty
