"""What a course takes for lateness, by nbgrader's own rule and due dates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nbgrader.api import Gradebook, SubmittedAssignment
from nbgrader.preprocessors import AssignLatePenalties


def set_penalties(
    gradebook: Gradebook, submissions: Iterable[SubmittedAssignment], config: Any
) -> None:
    """Write the penalty of each notebook, none where it was in time; committing is the caller's."""
    rule = AssignLatePenalties(config=config)
    rule.init_plugin()
    gradebook.db.flush()
    for submission in submissions:
        late = submission.total_seconds_late
        for notebook in submission.notebooks:
            penalty = None
            if late > 0:
                # Its score is computed by the database.
                gradebook.db.refresh(notebook)
                student, score = submission.student_id, notebook.score
                penalty = rule.plugin_inst.late_submission_penalty(student, score, late)
            if penalty is not None:
                penalty = min(max(penalty, 0.0), notebook.score)
            notebook.late_submission_penalty = penalty
