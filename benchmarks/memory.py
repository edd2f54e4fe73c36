"""Predicted against real memory of training steps; writes benchmarks/results/memory.md.

    python benchmarks/memory.py                 # CPU: the allocator's own events
    python benchmarks/memory.py --device cuda   # a GPU: memory_stats, and a simulated 16 GB limit
    python benchmarks/memory.py --report        # only write the tables again

Needs torch and timm, and runs from a checkout. What was measured stays in results/memory.jsonl: a
run that was stopped goes on where it was. With `--peers FOLDER` (a folder that `pip install
--target FOLDER --no-deps accelerate psutil pyyaml` filled) accelerate's estimate is compared too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "memory.jsonl"
THREADS = 2

MODELS = {
    "CNN": "resnet18 resnet50 resnext50_32x4d vgg11 densenet121 regnety_016 dla34 inception_v3"
    " res2net50_26w_4s cspresnet50 repvgg_a2",
    "depthwise CNN": "mobilenetv2_100 mobilenetv3_large_100 efficientnet_b0 mnasnet_100"
    " ghostnet_100 rexnet_100 mixnet_s fastvit_t8",
    "CNN without BatchNorm": "convnext_tiny convnextv2_atto convnextv2_large nf_resnet50"
    " dm_nfnet_f0 poolformer_s12",
    "transformer, MLP": "vit_small_patch16_224 deit_tiny_patch16_224 swin_tiny_patch4_window7_224"
    " beit_base_patch16_224 pvt_v2_b1 twins_svt_small xcit_tiny_12_p16_224 mixer_s32_224"
    " gmlp_s16_224 cait_xxs24_224",
    "hybrid": "coatnet_0_rw_224 maxvit_tiny_rw_224 mobilevit_s edgenext_small efficientformer_l1"
    " convit_tiny visformer_small levit_128",
}

CUDA_MODELS = (
    "resnet18 resnet50 resnext50_32x4d vgg11 densenet121 regnety_016 mobilenetv2_100"
    " mobilenetv3_large_100 efficientnet_b0 convnext_tiny convnextv2_large nf_resnet50"
    " vit_small_patch16_224 deit_tiny_patch16_224 swin_tiny_patch4_window7_224"
    " beit_base_patch16_224 xcit_tiny_12_p16_224 mixer_s32_224 coatnet_0_rw_224 mobilevit_s"
)

#: Models whose largest batch is tried on the simulated 16 GB device.
LIMITED = ("resnet50", "vit_small_patch16_224", "convnextv2_large")

Row = dict[str, Any]


def names() -> list[str]:
    return [name for group in MODELS.values() for name in group.split()]


def run_cases(kind: str, models: list[str], peers: str, timeout: float) -> Iterator[Row]:
    """What one process says of these models, row by row; one with `error` if it ends badly."""
    path = os.pathsep.join(filter(None, (peers, os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), "PYTHONPATH": path}
    command = [sys.executable, str(HERE / "memory_case.py"), kind, *models]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    timer = threading.Timer(timeout * len(models), process.kill)
    timer.start()
    seen = set()
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            row = json.loads(line)
            if "done" in row:
                seen.add(row["model"])
            yield row
    timer.cancel()
    if process.wait():
        # The model that it ended on; those after it are left for another process.
        failed = next((name for name in models if name not in seen), models[-1])
        reason = f"process ended with {process.returncode}"
        yield {"kind": kind, "model": failed, "batch": 0, "error": reason, "done": True}


def collect(cases: list[tuple[str, str]], peers: str, timeout: float) -> None:
    """Runs what has not been run, one line of progress each.

    Predictions and measurements of all models share a process, which saves starting it; MemTracker
    and GPU runs get one each.
    """
    while True:
        done = {(row["kind"], row["model"]) for row in stored() if "done" in row}
        todo = [case for case in cases if case not in done]
        if not todo:
            return
        kind = todo[0][0]
        models = [name for each, name in todo if each == kind]
        if kind not in ("predict", "measure"):
            models = models[:1]
        left = len(todo)
        for row in run_cases(kind, models, peers, timeout):
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
            left -= "done" in row
            print(f"{left} to do; {kind} {row['model']}", flush=True)


def stored() -> list[Row]:
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text().splitlines()]


def error(predicted: float, real: float) -> float:
    """In percent of the real value."""
    return 100 * (predicted / real - 1)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in ([*head], *rows)]
    rule = "|" + "|".join(":--" if column == 0 else "--:" for column in range(len(head))) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def within(errors: list[float], limit: float) -> str:
    inside = sum(abs(e) <= limit for e in errors)
    return f"{inside} of {len(errors)} within {limit} %"


def cpu_report(rows: list[Row]) -> str:
    found = {(r["kind"], r["model"], r["batch"]): r for r in rows if "batch" in r}
    both = [
        (name, batch, found["predict", name, batch], found["measure", name, batch])
        for name in names()
        for batch in (1, 8)
        if ("predict", name, batch) in found and ("measure", name, batch) in found
    ]
    failed = [case for case in both if "error" in case[2] or "error" in case[3]]
    ran = [case for case in both if case not in failed]
    lines, training, inference, seconds = [], [], [], []
    for name, batch, predicted, real in ran:
        errors = [error(predicted[what], real[what]) for what in ("training", "inference")]
        training.append(errors[0])
        inference.append(errors[1])
        seconds.append(predicted["seconds"])
        tracker = found.get(("memtracker", name, batch), {})
        peers = [tracker.get("training"), predicted["accelerate"], predicted["sum_of_parts"]]
        lines.append(
            [
                name,
                str(batch),
                f"{real['training'] / 2**20:,.1f}",
                f"{errors[0]:+.4f}",
                f"{predicted['operation'].removeprefix('aten.')}, {predicted['phase']}",
                f"{real['inference'] / 2**20:,.1f}",
                f"{errors[1]:+.4f}",
                *(f"{error(p, real['training']):+.1f}" if p else "–" for p in peers),
                f"{predicted['seconds']:.2f}",
                f"{tracker['seconds']:.1f}" if "seconds" in tracker else "–",
            ]
        )
    head = "model|batch|training, MiB|error, %|peak in|inference, MiB|error, %|MemTracker, %"
    head += "|accelerate, %|sum of parts, %|s|MemTracker, s"
    trackers = [r for r in rows if r["kind"] == "memtracker"]
    tracked = [
        error(r["training"], found["measure", r["model"], r["batch"]]["training"])
        for r in trackers
        if "training" in r and "training" in found.get(("measure", r["model"], r["batch"]), {})
    ]
    parts = [error(p["sum_of_parts"], r["training"]) for _, _, p, r in ran]
    summary = [
        f"- {len(ran)} steps of {len({case[0] for case in ran})} models.",
        _spread("Training peak", training) + f"; {within(training, 0.5)}, {within(training, 1)}.",
        _spread("Inference peak", inference) + f"; {within(inference, 0.5)}.",
        _spread("MemTracker, batch 8", tracked) + f"; {within(tracked, 0.5)}." if tracked else "",
        _spread("Sum of parts (16 B a parameter and what autograd keeps)", parts) + ".",
        f"- Processor time to predict a training step: median {statistics.median(seconds):.2f} s, "
        f"longest {max(seconds):.2f} s ({_slowest(ran)}).",
        f"- Peak RSS of a process that predicts both batches: at most "
        f"{max(case[2]['rss'] for case in ran) / 2**20:,.0f} MiB, PyTorch and timm included.",
    ]
    notes = [f"- {name}, batch {batch}: {_reason(p, r)}" for name, batch, p, r in failed]
    notes += [f"- MemTracker, {row['model']}: {row['error']}" for row in trackers if "error" in row]
    return "\n".join(
        [
            "## CPU: one Adam step in fp32, the second; the allocator's own events",
            "",
            *filter(None, summary),
            "",
            table(head.split("|"), lines),
            "",
            *(["Not run:", "", *notes, ""] if notes else []),
        ]
    )


def _spread(what: str, errors: list[float]) -> str:
    median = statistics.median(map(abs, errors))
    return f"- {what}: {min(errors):+.4f} … {max(errors):+.4f} %, median |error| {median:.4f} %"


def _slowest(ran: list[Any]) -> str:
    name, batch, *_ = max(ran, key=lambda case: case[2]["seconds"])
    return f"{name}, batch {batch}"


def _reason(predicted: Row, real: Row) -> str:
    return predicted.get("error") or real["error"]


def cuda_report(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        if row["kind"] != "cuda" or "predicted" not in row:
            continue
        pairs = list(zip(row["predicted"], row["measured"], strict=True))
        lines.append(
            [
                row["model"],
                str(row["batch"]),
                row["autocast"] or "fp32",
                "yes" if row["foreach"] else "no",
                *(f"{real / 2**20:,.0f} ({error(p, real):+.2f} %)" for p, real in pairs),
            ]
        )
    limits = [
        [r["model"], str(r["predicted"]), str(r["batch"]), "runs" if r["runs"] else "out of memory"]
        for r in rows
        if r["kind"] == "limit" and "runs" in r
    ]
    if not lines:
        return "## GPU\n\nNot run: no GPU was at hand. `--device cuda` runs it.\n"
    head = ["model", "batch", "precision", "foreach", "allocated, MiB", "reserved, MiB"]
    tail = table(["model", "predicted", "tried", ""], limits) if limits else ""
    return f"## GPU\n\n{table(head, lines)}\n\nA limit of 16 GB, simulated:\n\n{tail}\n"


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((x.split(":")[1].strip() for x in lines if "model name" in x), platform.machine())


def write_report() -> None:
    """Writes results/memory.md from what is stored."""
    import torch

    rows = stored()
    where = f"{processor()}, {os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}"
    used = ", ".join(f"{name} {version(name)}" for name in ("torch", "timm"))
    residues = HERE / "results" / "memory_residues.md"
    text = [
        "# Memory: predicted against real",
        "",
        f"{date.today()}, {where}, {THREADS} threads, {used}, Python "
        f"{platform.python_version()}. Made by `benchmarks/memory.py`; every figure is from "
        "`memory.jsonl` beside this file.",
        "",
        cpu_report(rows),
        cuda_report(rows),
        residues.read_text() if residues.exists() else "",
    ]
    target = RESULTS.with_suffix(".md")
    part = target.with_suffix(".part")
    part.write_text("\n".join(text).rstrip() + "\n")
    part.replace(target)
    print(target.relative_to(HERE.parent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--models", nargs="*", help="only these")
    parser.add_argument("--peers", default="", help="folder with accelerate")
    parser.add_argument("--timeout", type=float, default=600, help="seconds a model may take")
    parser.add_argument("--report", action="store_true", help="write the tables, run nothing")
    options = parser.parse_args()
    if not options.report:
        RESULTS.parent.mkdir(exist_ok=True)
        if options.device == "cpu":
            kinds, chosen = ("predict", "measure", "memtracker"), options.models or names()
            cases = [(kind, name) for kind in kinds for name in chosen]
        else:
            cases = [("cuda", name) for name in options.models or CUDA_MODELS.split()]
            cases += [("limit", name) for name in LIMITED]
        collect(cases, options.peers, options.timeout)
    write_report()


if __name__ == "__main__":
    main()
