"""The command line: `course build · prove · publish · check · collect · extend · grade · read ·
feedback · report · history · export · demo · doctor`, and `count · memory` for any model.

Each command is a few lines around a function of the package. Wrong input ends with one line on
stderr and exit code 2; nothing is changed then.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from helpers.grading.sandbox.registry import DEFAULT, choices, find_backend

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Build, check and grade the course on what neural networks cost.",
)

Course = Annotated[
    Path, typer.Option("--course", help="The folder that holds source/.", show_default="here")
]
UnitName = Annotated[str, typer.Argument(metavar="UNIT", help="For example homework.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Jobs = Annotated[int | None, typer.Option(help="Workers; one for each core by default.")]
Model = Annotated[
    str, typer.Argument(help="A timm name, module:factory, or transformers' gpt2, llama.json…")
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(metavar="[NAME=]SIZES[:DTYPE]", help="8x3x224x224, mask=8x128:bool; repeatable."),
]
Tokens = Annotated[int | None, typer.Option(help="Length of a language model's text.")]
Batch = Annotated[int | None, typer.Option(help="Inputs in a batch.", show_default="1")]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="Only this student; can be repeated.")
]
Roster = Annotated[
    Path | None, typer.Option(help="The students, as CSV.", show_default="roster.csv")
]
Sandbox = Annotated[str, typer.Option(help=f"{choices()}.")]


def main() -> None:
    """Runs a command; a ValueError or a file that cannot be used becomes one line and exit 2."""
    # It compiles a grammar of web addresses, which no notebook is checked with, for a second.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    try:
        app()
    except (ValueError, OSError) as error:
        if os.environ.get("COURSE_TRACEBACK"):
            raise
        # One line, whatever the message holds: what, where, what to do.
        print(f"course: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)


@app.command()
def build(
    units: Annotated[list[str] | None, typer.Argument(help="All units, if none is named.")] = None,
    course: Course = Path(),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a notebook is out of date.")
    ] = False,
) -> None:
    """Builds each unit's notebooks from its text and, for all units, the table of units."""
    from rich.progress import track

    from helpers.authoring.build import build_units, out_of_date
    from helpers.authoring.first_cell import NOT_SET, read_origin
    from helpers.authoring.notebooks import find_unit, find_units
    from helpers.authoring.unit_files import copies
    from helpers.files import write_bytes
    from helpers.grading.commands.build import try_tests

    chosen = [find_unit(course, name) for name in units] if units else find_units(course)
    shown = track(chosen, description="Building", transient=True, disable=not sys.stdout.isatty())
    # All are built before the first is written: a unit with an error changes nothing.
    texts = build_units(shown, tables=not units)
    files = {path: text.encode() for path, text in texts.items()}
    for unit in chosen:
        files |= copies(unit)
    stale = out_of_date(files)
    if check:
        for path in stale:
            print(f"out of date: {path}")
        raise typer.Exit(1 if stale else 0)
    tried = try_tests(chosen, texts)
    for path in stale:
        write_bytes(path, files[path])
    for line in tried:
        print(line)
    print(f"{len(chosen)} units built, {len(stale)} of {len(files)} files changed")
    if not read_origin(course).is_set:
        print(NOT_SET)


@app.command()
def prove(
    questions: Annotated[
        list[str] | None, typer.Argument(help="Questions or units; all, if none is named.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Gradings that each answer goes through.")] = 40,
    jobs: Jobs = None,
    course: Course = Path(),
    as_json: AsJson = False,
) -> None:
    """Tries wrong answers by the hundred; exit code 1 for luck, a false green or a false hint."""
    from helpers.authoring.prove.command import prove_all

    raise typer.Exit(0 if prove_all(course, questions or (), seeds, jobs, as_json) else 1)


@app.command()
def publish(
    address: Annotated[
        str | None, typer.Option(help="Where students install from.", show_default="git's origin")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="For example 1.2.0.", show_default="the next one")
    ] = None,
    without_solutions: Annotated[
        bool, typer.Option("--without-solutions", help="A branch for students, with no answers.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try everything and change nothing.")
    ] = False,
    course: Course = Path(),
) -> None:
    """Makes a version that students can open: sets its address, builds, tries, commits and tags."""
    from rich.progress import track

    from helpers.authoring.publish import publish as publish_course

    progress = partial(track, transient=True, disable=not sys.stdout.isatty())
    for line in publish_course(course, address, version, without_solutions, dry_run, progress):
        print(line)


@app.command()
def collect(
    unit: UnitName,
    download: Annotated[Path, typer.Argument(help="A platform's zip, as it is, or a folder.")],
    course: Course = Path(),
    roster: Roster = None,
    due: Annotated[
        str | None, typer.Option(help="2026-11-20T23:59; what is later is late.")
    ] = None,
    replace_newer: Annotated[
        bool, typer.Option("--replace-newer", help="Also what is newer in submitted/.")
    ] = False,
    groups: Annotated[
        bool, typer.Option("--groups", help="What one of a group hands in counts for all of it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Puts what students handed in into submitted/; exit code 3 if a person has to look."""
    from helpers.grading.commands.collect import collect_command

    code = collect_command(course, unit, download, roster, due, replace_newer, groups, as_json)
    raise typer.Exit(code)


@app.command()
def extend(
    unit: UnitName,
    student: Annotated[str, typer.Argument(help="The student's id.")],
    until: Annotated[str, typer.Argument(help="2026-11-27T23:59; the due date takes it back.")],
    course: Course = Path(),
) -> None:
    """Gives one student more time for a unit: collecting and penalties go by it."""
    from helpers.grading.lms.extensions import extend as extend_unit

    print(extend_unit(course, unit, student, until))


@app.command()
def grade(
    unit: UnitName,
    course: Course = Path(),
    students: Only = None,
    jobs: Jobs = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, instead of local workers.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade what is unchanged, too.")] = False,
    timeout: Annotated[float | None, typer.Option(help="Seconds that a cell may take.")] = None,
    sandbox: Sandbox = DEFAULT.name,
    as_json: AsJson = False,
) -> None:
    """Grades all submissions of a unit; exit code 3 if one needs a person to look at it."""
    from helpers.grading.class_run import Options
    from helpers.grading.commands.grade import grade_command

    options = Options(
        students=tuple(students or ()),
        jobs=jobs,
        scheduler=scheduler,
        force=force,
        timeout=timeout,
        sandbox=find_backend(sandbox),
    )
    raise typer.Exit(grade_command(course, unit, options, as_json))


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="Your .ipynb.")],
    course: Course = Path(),
    sandbox: Sandbox = DEFAULT.name,
    as_json: AsJson = False,
) -> None:
    """Grades one notebook for yourself: no gradebook, nothing is written."""
    from helpers.grading.commands.check import check_notebook

    check_notebook(notebook, course, find_backend(sandbox), as_json)


@app.command()
def read(
    unit: UnitName,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="One that a person reads.")],
    course: Course = Path(),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it, or print its address only.")
    ] = True,
) -> None:
    """Opens a page on this machine: the answers to a question side by side, to be marked."""
    from helpers.grading.commands.read import read_command

    read_command(course, unit, question, port, browser)


@app.command()
def feedback(
    unit: UnitName,
    course: Course = Path(),
    students: Only = None,
    jobs: Jobs = None,
    to: Annotated[
        str | None, typer.Option(help="Also one zip that a platform takes: moodle, canvas.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="That zip.", show_default="UNIT-feedback-TO.zip")
    ] = None,
    roster: Roster = None,
) -> None:
    """Writes a feedback page for every graded submission; exit code 3 if one could not be."""
    from helpers.grading.commands.feedback import feedback_command

    raise typer.Exit(feedback_command(course, unit, students, jobs, to, output, roster))


@app.command()
def report(
    unit: UnitName,
    course: Course = Path(),
    output: Annotated[
        Path | None, typer.Option(help="The page to write.", show_default="UNIT-report.html")
    ] = None,
) -> None:
    """Writes a page on the class: points, questions, misconceptions, who needs a look."""
    from helpers.grading.report.page import write_report

    written, path = write_report(course, unit, output)
    print(f"report on {len(written.grades) + written.unread} submissions in {path}")


@app.command()
def history(
    unit: UnitName,
    student: Annotated[
        str | None, typer.Argument(metavar="STUDENT", help="All students, if none is named.")
    ] = None,
    course: Course = Path(),
    as_json: AsJson = False,
) -> None:
    """Says which marks changed: when, from, to, and why."""
    from helpers.grading.commands.history import history_command

    history_command(course, unit, student, as_json)


@app.command()
def export(
    unit: UnitName,
    to: Annotated[str, typer.Option(help="A platform (moodle, canvas), or csv.")],
    course: Course = Path(),
    output: Annotated[
        Path | None, typer.Option(help="The CSV to write.", show_default="UNIT-TO.csv")
    ] = None,
    roster: Roster = None,
    title: Annotated[
        str | None, typer.Option(help="The assignment there: 'Homework (4711)' in Canvas.")
    ] = None,
    questions: Annotated[
        bool, typer.Option("--questions", help="With the points of each; for csv.")
    ] = False,
) -> None:
    """Writes a unit's grades in the columns that a course platform reads."""
    from helpers.grading.lms.export import export_grades

    for line in export_grades(course, unit, to, output, roster, title=title, questions=questions):
        print(line)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the demo course is made.")] = Path("demo"),
    course: Course = Path(),
    jobs: Jobs = None,
) -> None:
    """Makes a small class, grades its homework and shows the result."""
    from helpers.grading.commands.demo import run_demo

    run_demo(course, folder, jobs)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Says what this machine can do and how to have the rest; exit code 2 if it cannot grade."""
    from helpers.grading.commands.doctor import doctor_command

    raise typer.Exit(doctor_command(as_json))


@app.command()
def count(
    model: Model,
    input: Inputs = None,
    tokens: Tokens = None,
    batch: Batch = None,
    device: Annotated[str | None, typer.Option(help="Adds its time bound: H100, T4…")] = None,
    dtype: Annotated[str, typer.Option(help="fp32, bf16, fp16…")] = "fp32",
    backward: Annotated[bool, typer.Option("--backward", help="The gradients as well.")] = False,
    convention: Annotated[str, typer.Option(help="course, mac2 or timm.")] = "course",
    depth: Annotated[int, typer.Option(help="How deep modules are shown.")] = 1,
    decode: Annotated[int | None, typer.Option(help="One token, after so many others.")] = None,
    seconds: Annotated[float | None, typer.Option(help="A time measured: share of a peak.")] = None,
    as_json: AsJson = False,
) -> None:
    """Counts a model's MAC, FLOP, parameters and bytes, without running it."""
    from helpers.meter.flops.command import count_command

    shown = convention, as_json, tokens, batch, depth, decode, seconds
    count_command(model, input or (), device, dtype, backward, *shown)


@app.command()
def memory(
    model: Model,
    batch: Batch = None,
    input: Inputs = None,
    tokens: Tokens = None,
    optimizer: Annotated[str, typer.Option(help="sgd, adam, adamw, adam8bit…")] = "adam",
    device: Annotated[str | None, typer.Option(help="A GPU: says if it fits; else a CPU.")] = None,
    dtype: Annotated[str, typer.Option(help="fp32, bf16 or fp16.")] = "fp32",
    autocast: Annotated[str | None, typer.Option(help="bf16 or fp16 for products.")] = None,
    checkpoint: Annotated[bool, typer.Option("--checkpoint", help="Activations again.")] = False,
    fused: Annotated[bool, typer.Option("--fused", help="One kernel updates all weights.")] = False,
    data: Annotated[int | None, typer.Option(help="Ranks with a batch each; one's part.")] = None,
    zero: Annotated[int | None, typer.Option(help="ZeRO's stage: what they share.")] = None,
    tensor: Annotated[int | None, typer.Option(help="Ranks that cut each layer.")] = None,
    rank: Annotated[int, typer.Option(help="Which of all these.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Predicts what a training step's memory peaks at, without running it."""
    from helpers.meter.memory.command import memory_command

    given = input or (), tokens, checkpoint, fused, data, zero, rank, tensor
    memory_command(model, batch, optimizer, device, dtype, autocast, as_json, *given)


if __name__ == "__main__":
    main()
