"""Runs built notebooks once, as their readers will: what fails is found before it is released.

The same run notes which reference costs the released notebooks ask for (`Trial.reference`).
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from helpers import recorded_calls
from helpers.authoring.markers import TEST
from helpers.authoring.notebooks import Unit
from helpers.authoring.unit_files import files_beside
from helpers.exercises import EXERCISES
from helpers.files import Files, write_bytes
from helpers.recorded_calls import Recorded

#: What each check has to say, by kind of notebook.
EXPECTED = {"release": "no answer yet", "solution": "right"}
#: Seconds for a cell; more kernels at once than this want more memory than a laptop has.
TIMEOUT, MOST_AT_ONCE = 600, 4

_FIRST = "from helpers.authoring import trial as _trial; _trial.note_reference({note})"
_LAST = "print(_trial.said())"


@dataclass(frozen=True)
class Trial:
    """What a notebook did: each check's status, and the calls of `helpers.reference`."""

    statuses: Mapping[str, str]
    reference: Mapping[str, Recorded]


def try_units(
    units: Iterable[Unit], texts: Mapping[Path, str], note: bool = False
) -> Iterator[tuple[Unit, dict[str, Trial]]]:
    """Runs each unit's released and solved notebook, several at once.

    `note`: whether to note the calls of `helpers.reference`. ValueError, naming notebook and cell,
    for one that fails or a check that says anything else than `EXPECTED`.
    """
    at_once = min(MOST_AT_ONCE, len(os.sched_getaffinity(0)))
    with ThreadPoolExecutor(at_once) as pool:
        runs = {
            unit: {kind: pool.submit(_try, unit, kind, texts, note) for kind in EXPECTED}
            for unit in units
        }
        try:
            for unit, by_kind in runs.items():
                yield unit, {kind: run.result() for kind, run in by_kind.items()}
        finally:
            pool.shutdown(cancel_futures=True)


def _try(unit: Unit, kind: str, texts: Mapping[Path, str], note: bool) -> Trial:
    path = unit.path(kind)
    beside = files_beside(unit.folder)
    name = str(path.relative_to(unit.course))
    trial = run_notebook(texts[path], name, unit.course, note, beside)
    for exercise in EXERCISES.values():
        said = trial.statuses.get(exercise.name, "was not checked")
        if exercise.unit == unit.name and said != EXPECTED[kind]:
            raise ValueError(
                f"{path.relative_to(unit.course)}: check of {exercise.name} says {said!r}, "
                f"where {EXPECTED[kind]!r} is expected"
            )
    return trial


def run_notebook(
    text: str, name: str, course: Path, note: bool = False, beside: Files = ()
) -> Trial:
    """Runs a notebook in a folder that holds only what lies `beside` it, with the course's
    `helpers`. ValueError if it fails."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from nbformat.v4 import new_code_cell

    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith(TEST):
            # What students get has no answer yet; a solution has no such marks left.
            cell.metadata.setdefault("tags", []).append("raises-exception")
    first = new_code_cell(_FIRST.format(note=note))
    notebook.cells = [first, *notebook.cells, new_code_cell(_LAST)]
    with TemporaryDirectory() as folder:
        for file, data in beside:
            write_bytes(Path(folder, file), data)
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT,
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=ERROR"],
        )
        try:
            client.execute(env={**os.environ, "PYTHONPATH": str(course.resolve())})
        except CellExecutionError as error:
            raise ValueError(f"{name} fails with {error.ename}: {error.evalue}") from None
        except CellTimeoutError:
            raise ValueError(f"{name}: a cell takes longer than {TIMEOUT} s") from None
        except DeadKernelError:
            raise ValueError(f"{name}: its kernel ended, for want of memory?") from None
    said = json.loads(notebook.cells[-1].outputs[0].text)
    return Trial(said["statuses"], recorded_calls.loads(said["reference"]))


#: In the kernel of a trial: results of `helpers.reference`, by function and call.
_noted: dict[str, dict[str, Any]] = {}


def note_reference(note: bool) -> None:
    """In the kernel: from now on the calls of `helpers.reference` are noted, if that is asked."""
    if not note:
        return
    from helpers import reference

    for name, function in list(vars(reference).items()):
        if callable(function) and not name.startswith("_"):
            setattr(reference, name, _noting(name, function))


def _noting(name: str, function: Any) -> Any:
    @functools.wraps(function)
    def noting(*args: Any, **named: Any) -> Any:
        result = function(*args, **named)
        _noted.setdefault(name, {})[recorded_calls.call_of(*args, **named)] = result
        return result

    return noting


def said() -> str:
    """In the kernel: what the checks said and which reference costs were asked for, as JSON."""
    from helpers.check import last_verdicts

    tables = {name: Recorded(name, (), tuple(calls.items())) for name, calls in _noted.items()}
    statuses = {name: verdict.status for name, verdict in last_verdicts.items()}
    return json.dumps({"statuses": statuses, "reference": recorded_calls.dumps(tables)})
