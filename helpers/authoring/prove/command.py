"""What `course prove` does: proves questions, says how far it is, and prints what was found."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from helpers.authoring.prove import report, run
from helpers.authoring.prove.answers import question_names


def prove_all(
    course: Path, questions: Sequence[str], seeds: int, jobs: int | None, as_json: bool
) -> bool:
    """Whether all is as it should be with these questions or units, all if none is named.

    A terminal shows a bar; a log gets a line for each question on stderr. ValueError for a name
    that there is not.
    """
    names = [exercise.name for exercise in question_names(questions)]
    is_log, proofs = not sys.stdout.isatty(), list[run.Proof]()
    for proof in track(
        run.prove(course, names, seeds, jobs),
        description="Proving",
        total=len(names),
        transient=True,
        disable=is_log,
    ):
        proofs.append(proof)
        if is_log:
            print(report.line(proof), file=sys.stderr, flush=True)
    print(json.dumps(report.data(proofs), indent=1) if as_json else report.text(proofs))
    return all(map(report.is_proven, proofs))
