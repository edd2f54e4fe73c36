"""Compares counters on the same models, and writes benchmarks/results/meter.md.

    python -m venv peers && peers/bin/pip install torch timm rich fvcore flopco-pytorch thop \\
        ptflops torchinfo calflops transformers torchlens
    peers/bin/pip install --no-deps --target peers/ultralytics ultralytics-thop
    python benchmarks/meter_sweep.py --out forward.jsonl
    python benchmarks/meter_sweep.py --out backward.jsonl --backward --every 10
    python benchmarks/meter.py --peers peers/bin/python --ultralytics peers/ultralytics \\
        --forward forward.jsonl --backward backward.jsonl

The peers are no dependencies of the course: they have an environment of their own, with the same
PyTorch. Every tool runs in its own process, on one thread.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from meter_cases import CASES  # noqa: E402
from meter_tool import TOOLS  # noqa: E402

#: A count is right from a hundredth under the truth to a tenth over it: norms beside the products.
LOW, HIGH = 0.99, 1.10


def run_tool(name: str, python: str, ultralytics: Path | None) -> list[dict[str, Any]]:
    """What one tool says of all cases, in a new process after each that it fails on."""
    lines: list[dict[str, Any]] = []
    done = 0
    while done < len(CASES):
        new = run_from(done, name, python, ultralytics)
        lines += new
        cases = sum("case" in line for line in new)
        if not cases:
            break
        done += cases
    return lines


def run_from(first: int, name: str, python: str, ultralytics: Path | None) -> list[dict[str, Any]]:
    """What one process of a tool printed, as one dictionary a line."""
    paths = [str(HERE), str(HERE.parent)]
    if name == "ultralytics-thop":
        if ultralytics is None:
            return []
        paths.insert(0, str(ultralytics))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    try:
        ran = subprocess.run(
            [python, str(HERE / "meter_tool.py"), name, str(first)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=900,
            start_new_session=True,
        )
        output = ran.stdout
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode()
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def lines_of(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The results of a sweep."""
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def comparison(results: dict[str, list[dict[str, Any]]]) -> str:
    """Who is right on what: each tool's MAC over the truth; 1 is right."""
    truth = {case.name: case.macs for case in CASES}
    for line in results["FlopCounterMode"]:
        if "case" in line and truth[line["case"]] is None:
            truth[line["case"]] = round(line["macs"])
    rows = []
    for case in CASES:
        true = truth[case.name]
        assert true is not None
        cells = [case.name, f"{true / 1e6:,.1f}"]
        for tool in TOOLS:
            line = next((x for x in results[tool] if x.get("case") == case.name), {})
            if "macs" not in line:
                cells.append("error" if "error" in line else "–")
                continue
            ratio = line["macs"] / true
            cells.append("right" if LOW <= ratio <= HIGH else f"× {ratio:.3g}")
        rows.append(cells)
    return table(("case", "MMAC", *TOOLS), rows)


def times(results: dict[str, list[dict[str, Any]]]) -> str:
    """Seconds for each whole model, and the memory that counting added."""
    models = [case.name for case in CASES if case.macs is None]
    rows = []
    for name in models:
        cells = [name]
        for tool in TOOLS:
            line = next((x for x in results[tool] if x.get("case") == name), {})
            cells.append(f"{line['seconds']:.2f}" if "seconds" in line else "–")
        rows.append(cells)
    for label, key in (
        ("added memory, MB", "added_memory"),
        ("after importing, MB", "base_memory"),
    ):
        cells = [label]
        for tool in TOOLS:
            values = [line[key] for line in results[tool] if key in line]
            cells.append(f"{max(values) / 1e6:,.0f}" if values else "–")
        rows.append(cells)
    return table(("model", *TOOLS), rows)


def errors(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Each case that a tool could not count."""
    return [
        f"- {tool}, {line['case']}: {line['error']}"
        for tool in TOOLS
        for line in results[tool]
        if "error" in line
    ]


def sweep_report(title: str, lines: list[dict[str, Any]]) -> list[str]:
    """How many architectures were counted, and each that was not, with the reason."""
    counted = [line for line in lines if "macs" in line]
    compared = [line for line in counted if "pytorch_flops" in line]
    equal = [line for line in compared if 2 * line["macs"] == line["pytorch_flops"]]
    priceless = sum(bool(line["unknown"]) for line in counted)
    report = [
        f"### {title}",
        "",
        f"- {len(counted)} of {len(lines)} architectures counted;"
        f" {priceless} of them with an operation without price.",
        f"- {len(equal)} of {len(compared)} compared have exactly the products of PyTorch.",
    ]
    if compared:
        ours = statistics.median(line["build_s"] + line["course_s"] for line in compared)
        theirs = statistics.median(line["build_s"] + line["pytorch_s"] for line in compared)
        faster = sum(line["course_s"] <= line["pytorch_s"] for line in compared)
        report.append(
            f"- Median, built and counted: {ours:.3f} s, `FlopCounterMode` {theirs:.3f} s;"
            f" faster on {faster} of {len(compared)}."
        )
    for line in lines:
        reason = line.get("build_error") or line.get("course_error")
        if reason:
            report.append(f"- not counted: {line['model']}: {reason}")
        elif line.get("pytorch_error"):
            report.append(f"- `FlopCounterMode` failed: {line['model']}: {line['pytorch_error']}")
        elif line in compared and line not in equal:
            report.append(
                f"- differs: {line['model']}: {line['macs']}, {line['pytorch_flops'] / 2}"
            )
        if line.get("unknown"):
            report.append(f"- without price: {line['model']}: {', '.join(line['unknown'])}")
    return [*report, ""]


def published() -> list[str]:
    """The timm convention against the GMAC that timm publishes."""
    import timm

    from helpers.meter import count

    with (HERE / "timm_published.csv").open() as file:
        rows = list(csv.DictReader(file))
    equal, differing = 0, []
    for row in track(rows, description="published GMAC"):
        size = int(row["size"])
        with torch.device("meta"):
            model = timm.create_model(row["model"]).eval()
            if model.pretrained_cfg["input_size"][-1] != size and hasattr(model, "patch_embed"):
                model = timm.create_model(row["model"], img_size=size).eval()
        gmac = count(model, (1, 3, size, size), convention="timm").macs / 1e9
        if round(gmac, 2) == float(row["gmacs"]):
            equal += 1
        else:
            differing.append(f"- {row['model']} at {size}: {gmac:.4f}, published {row['gmacs']}")
    return [
        f"{equal} of {len(rows)} equal, to the two digits that are published",
        "(timm's results/benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv, its first rows).",
        *differing,
    ]


def processor() -> str:
    """The processor's name and how many of its cores this process may use."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=sys.executable, help="the peers' python")
    parser.add_argument("--ultralytics", type=Path, help="folder of ultralytics-thop")
    parser.add_argument("--forward", type=Path, nargs="*", default=[])
    parser.add_argument("--backward", type=Path, nargs="*", default=[])
    parser.add_argument("--jobs", type=int, default=1, help="tools that run at the same time")
    options = parser.parse_args()
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = pool.map(lambda tool: run_tool(tool, options.peers, options.ultralytics), TOOLS)
        results = dict(zip(TOOLS, track(runs, "tools", total=len(TOOLS)), strict=True))
    listed = subprocess.run(
        [options.peers, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True
    ).stdout
    names = ("fvcore", "flopco", "thop", "ptflops", "torchinfo", "calflops", "torchlens")
    peers = ", ".join(line for line in listed.split() if line.startswith(names))
    report = [
        "# Counters compared",
        "",
        f"{date.today()}, {processor()}, Python {platform.python_version()},"
        f" torch {torch.__version__}, timm {version('timm')}. {peers}",
        "",
        "Written by `benchmarks/meter.py`; its docstring has the commands.",
        "",
        "## Who is right on what",
        "",
        "MAC of one forward pass over the truth: by hand for layers, and for whole models the",
        f"products that PyTorch dispatches. Right is from {LOW} to {HIGH}: some tools count the",
        "norms as well. FLOP are halved where a tool counts two for a MAC.",
        "",
        comparison(results),
        "",
        *errors(results),
        "",
        "## Seconds to build and count, and memory",
        "",
        f"One process of one thread for each tool, {options.jobs} at a time on a machine that did",
        f"other work (load {os.getloadavg()[1]:.1f}); the faster of two runs. Memory is the peak",
        "resident set:",
        "what importing took, and what counting all cases added to it.",
        "",
        times(results),
        "",
        "## Every architecture of timm",
        "",
        *(sweep_report("Forward, eval mode, batch 1", lines_of(options.forward))),
        *(sweep_report("Forward and backward, train mode, batch 2", lines_of(options.backward))),
        "## What timm publishes",
        "",
        *published(),
        "",
    ]
    path = HERE / "results" / "meter.md"
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text("\n".join(report))
    unfinished.replace(path)
    print(f"wrote {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
