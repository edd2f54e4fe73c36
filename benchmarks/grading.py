"""Grades the same class with several graders and writes benchmarks/results/grading.md.

    python benchmarks/grading.py --cohort 100 --plain-sample 12

Who grades, and what, is in graders.py. Plain nbgrader (its stock preprocessors), nbgrader in a
process pool and Otter-Grader grade only the first `--plain-sample` submissions; their rate is
measured on those.

CPU seconds are those of all processes of a run, from the system's own accounts; this script adopts
what a run leaves behind (bubblewrap ends before the processes in it), so that they are counted.
Memory is the peak of the sum over a run's processes of their proportional shares.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from datetime import date
from importlib.metadata import version
from importlib.util import cache_from_source, find_spec
from pathlib import Path

import accounting
from graders import ONE_WORKER, ROOT, TWO_WORKERS, Run, graders, make_course

HOW = [
    "- Wall times hold starting: PyTorch, timm and nbgrader are imported, from bytecode.",
    "- Peak memory is the sum of all processes' proportional shares, sampled every second.",
    "- Some of Dask's processor time is not seen: its workers end before what they started.",
    "- An answer in words has no score from a machine in any of them.",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohort", type=int, default=100)
    parser.add_argument("--plain-sample", type=int, default=12)
    parser.add_argument("--large", type=int, default=0, help="size of a second, large class")
    parser.add_argument("--otter", help="a Python that has otter-grader and what the course needs")
    parser.add_argument("--only", nargs="*", help="names of graders; all by default")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "grading.md")
    options = parser.parse_args()
    if not Path(cache_from_source(str(find_spec("torch").origin))).exists():
        parser.error(
            "packages are not compiled, so every grader would do that in every process: "
            "make the environment with `make`, or run python -m compileall on it"
        )
    accounting.adopt_orphans()
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="course-benchmark-") as folder:
        secret = os.urandom(32).hex()
        for grader in graders(options.cohort, options.plain_sample, options.otter, options.large):
            if options.only and grader.name not in options.only:
                continue
            place = Path(folder) / grader.name.replace(" ", "-")
            course = make_course(place, grader.size, secret, grader.stock, grader.released)
            print(f"{grader.name}: {grader.size} submissions …", flush=True)
            run = grader.grade(grader.name, course, grader.size)
            run.workers = grader.workers
            print(f"  {run.seconds:.1f} s, {run.rate:.2f}/s, CPU {run.cpu:.1f} s", flush=True)
            runs.append(run)
            # Written after each, so that an interrupted run has said what it measured.
            options.out.write_text(report(runs))
    print(f"wrote {options.out}")


def report(runs: list[Run]) -> str:
    """The results as Markdown."""
    by_name = {run.name: run for run in runs}
    plain, reference = by_name.get("plain nbgrader"), by_name.get(ONE_WORKER)
    lines = [
        "# Grading a class",
        "",
        f"{accounting.machine()}, {date.today().isoformat()}. Python {platform.python_version()}, "
        f"torch {version('torch')}, nbgrader {version('nbgrader')}. The homework; written by "
        "`benchmarks/grading.py`.",
        "",
        f"Load of the machine when this was written: {os.getloadavg()[1]:.1f} (5 minutes).",
        "",
        "| grader | submissions | wall s | per minute | × plain | CPU s each | peak MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        times = f"{run.rate / plain.rate:.1f}" if plain else ""
        lines.append(
            f"| {run.name} | {run.submissions} | {run.seconds:.1f} | {60 * run.rate:.1f} "
            f"| {times} | {run.cpu / run.submissions:.2f} | {run.memory:.0f} |"
        )
    lines += ["", "## The students' own code", ""]
    for run in runs:
        if run.student_seconds:
            each = run.student_seconds / run.submissions
            bound = run.seconds / (run.student_seconds / run.workers)
            lines.append(
                f"- {run.name}: {each:.2f} s a submission in the student's cells and functions; "
                f"the run took {bound:.2f} times (their sum ÷ {run.workers}), starting included."
            )
    two = by_name.get(TWO_WORKERS)
    if reference and two:
        lines += ["", "## One worker and two", ""]
        lines.append(
            f"- {two.rate / reference.rate:.2f} times the throughput of one worker, for "
            f"{two.memory - reference.memory:.0f} MiB more at the peak."
        )
    lines += ["", "## Scores, question by question", ""]
    for run in runs:
        if reference is not None and run is not reference:
            lines.append(f"- {_difference(run, reference)}")
    for run in runs:
        lines += [f"- {run.name}: {problem}" for problem in run.problems]
    lines += ["", "## How this was read", "", *HOW]
    return "\n".join(lines) + "\n"


def _difference(run: Run, reference: Run) -> str:
    compared, other = 0, []
    for student, scores in run.scores.items():
        if student not in reference.scores:  # of a larger class
            continue
        for question, score in scores.items():
            compared += 1
            expected = reference.scores.get(student, {}).get(question)
            if score != expected and (None in (score, expected) or abs(score - expected) > 1e-6):
                other.append(f"{student} {question}: {score} and {expected}")
    if not other:
        return f"{run.name}: all {compared} the same as {reference.name}."
    examples = "; ".join(other[:3])
    return f"{run.name}: {len(other)} of {compared} differ from {reference.name} ({examples})."


if __name__ == "__main__":
    main()
