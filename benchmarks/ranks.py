"""What each rank holds and sends, predicted and real; writes benchmarks/results/ranks.md.

    python benchmarks/ranks.py [--cases mlp lstm] [--kinds ddp] [--ranks 2] [--report]

Real ranks are processes of this machine over gloo, one thread each (`helpers.meter.ranks`). The
peak is that of the second step, by the allocator's own events; bytes sent are the kernel's own
count. What was measured stays in results/ranks.jsonl: a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import ranks_cases
import tensor_cases
import torch

from helpers.meter.memory.predict import training_memory
from helpers.meter.memory.ranks.plan import Plan
from helpers.meter.ranks import Job, RanksError, run_ranks

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "ranks.jsonl"
STAGES = {"ddp": 0, "zero1": 1, "zero2": 2, "fsdp": 3, "plain": 0}
#: These run with four ranks as well.
WITH_FOUR = ("mlp", "uneven", "decoder", "lstm", "residual")
#: These are cut among four ranks as well, and among two of four that shard what they have by FSDP2.
CUT_BY_FOUR = ("mlp", "blocks", "decoder", "vit", "llama", "llama_tied", "gemma2", "qwen3_moe")
SECONDS = 240
#: Jobs that share a start of PyTorch.
BATCH = 8


def jobs(cases: list[str]) -> list[Job]:
    """All with two ranks as DDP and FSDP2 first; then the other stages, then four ranks."""
    shared = [f"ranks_cases:{name}" for name in ranks_cases.CASES if name in cases]
    first = [Job(kind, 2, model) for kind in ("fsdp", "ddp") for model in shared]
    stages = [Job(kind, 2, model) for kind in ("zero1", "zero2") for model in shared]
    four = [
        Job(kind, 4, f"ranks_cases:{name}")
        for name in cases
        if name in WITH_FOUR
        for kind in ("ddp", "zero1", "zero2", "fsdp")
    ]
    cut = [
        Job("plain", 2, f"tensor_cases:{name}", 2) for name in tensor_cases.CASES if name in cases
    ]
    cut += [
        Job(kind, 4, f"tensor_cases:{name}", tensor)
        for name in cases
        if name in CUT_BY_FOUR
        for kind, tensor in (("plain", 4), ("fsdp", 2))
    ]
    return first + four + stages + cut


def predicted(job: Job, rank: int) -> dict[str, int]:
    torch.manual_seed(0)
    cases = tensor_cases if job.tensor > 1 else ranks_cases
    model, inputs, units, *_ = getattr(cases, case_of(job))()
    cut = model.plan if job.tensor > 1 else None
    data = job.ranks // job.tensor
    plan = Plan(STAGES[job.kind], data, rank, tuple(units), tensor=job.tensor, cut=cut)
    memory = training_memory(model, *inputs, foreach=False, plan=plan)
    return {"peak": memory.peak, "sent": memory.sent.total}


def compared(batch: list[Job]) -> Iterator[dict[str, Any]]:
    """Of each job every rank's peak and the bytes sent, real and predicted; an error in a line."""
    try:
        found: list[Any] = list(run_ranks(batch, seconds=SECONDS * len(batch)))
    except RanksError as error:
        if len(batch) > 1:  # one of them fails: each on its own
            for job in batch:
                yield from compared([job])
            return
        found = [error]
    for job, real in zip(batch, found, strict=True):
        row: dict[str, Any] = {"case": case_of(job), "kind": job.kind, "ranks": job.ranks}
        row["tensor"] = job.tensor
        try:
            if isinstance(real, RanksError):
                raise real
            guesses = [predicted(job, rank) for rank in range(job.ranks)]
        except (RanksError, ValueError) as error:
            yield {**row, "error": str(error)}
            continue
        row["peaks"] = [rank.peak for rank in real]
        row["predicted"] = [guess["peak"] for guess in guesses]
        row["sent"] = [rank.sent for rank in real]
        row["sent_predicted"] = [guess["sent"] for guess in guesses]
        yield row


def case_of(job: Job) -> str:
    return job.model.partition(":")[2]


def errors(row: dict[str, Any]) -> list[float]:
    """Of each rank's peak, in percent."""
    return [100 * (p / r - 1) for p, r in zip(row["predicted"], row["peaks"], strict=True)]


def sent_error(row: dict[str, Any]) -> float:
    """Of what all ranks send together, in percent."""
    return 100 * (sum(row["sent_predicted"]) / sum(row["sent"]) - 1)


def stored() -> list[dict[str, Any]]:
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text().splitlines()]


def predict_again() -> None:
    """Predictions of what was measured before, by the meter as it is now."""
    rows = stored()
    for row in rows:
        if "error" not in row:
            job = job_of(row)
            guesses = [predicted(job, rank) for rank in range(job.ranks)]
            row["predicted"] = [guess["peak"] for guess in guesses]
            row["sent_predicted"] = [guess["sent"] for guess in guesses]
    RESULTS.write_text("".join(json.dumps(row) + "\n" for row in rows))


def job_of(row: dict[str, Any]) -> Job:
    tensor = row.get("tensor", 1)
    file = "tensor_cases" if tensor > 1 else "ranks_cases"
    return Job(row["kind"], row["ranks"], f"{file}:{row['case']}", tensor)


def shared_as(job: Job) -> str:
    if job.tensor == 1:
        return job.kind
    return f"tensor {job.tensor}" + (f", {job.kind}" if job.kind != "plain" else "")


def write_report() -> None:
    rows = stored()
    ran = [row for row in rows if "error" not in row]
    worst = max(ran, key=lambda row: max(map(abs, errors(row))))
    inside = sum(all(abs(e) <= 0.5 for e in errors(row)) for row in ran)
    whole = {row["case"] for row in ran if row.get("tensor", 1) == 1}
    cut = {row["case"] for row in ran if row.get("tensor", 1) > 1}
    lines = [
        "# Several ranks: predicted against real",
        "",
        f"{date.today()}, torch {torch.__version__}, Adam in fp32, gloo, one thread a rank. Made by"
        " `benchmarks/ranks.py`; figures are in `ranks.jsonl` beside this file. `zero2` is FSDP2"
        " with `reshard_after_forward=False`; `tensor` are ranks that share each layer, as"
        " transformers or PyTorch's `parallelize_module` cut it.",
        "",
        f"- {len(ran)} jobs of {len(whole)} models, and of {len(cut)} that are cut; {inside} have"
        " every rank's peak within 0.5 %.",
        f"- Worst: {worst['case']}, {worst['kind']}, {worst['ranks']} ranks:"
        f" {max(errors(worst), key=abs):+.3f} %.",
        "",
        "| model | as | ranks | peak of rank 0, MiB | error of each rank, % | sent by all, MiB"
        " | error, % |",
        "|:--|:--|--:|--:|--:|--:|--:|",
    ]
    for row in ran:
        each = " ".join(f"{error:+.3f}" for error in errors(row))
        shared, peak = shared_as(job_of(row)), row["peaks"][0] / 2**20
        lines.append(
            f"| {row['case']} | {shared} | {row['ranks']} | {peak:,.2f} |"
            f" {each} | {sum(row['sent']) / 2**20:,.2f} | {sent_error(row):+.2f} |"
        )
    failed = [row for row in rows if "error" in row]
    lines += ["", "Not run:", ""] if failed else []
    lines += [f"- {row['case']}, {row['kind']}, {row['ranks']}: {row['error']}" for row in failed]
    RESULTS.with_suffix(".md").write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    every = [*ranks_cases.CASES, *tensor_cases.CASES]
    parser.add_argument("--cases", nargs="*", default=every)
    parser.add_argument("--kinds", nargs="*", default=list(STAGES))
    parser.add_argument("--ranks", nargs="*", type=int, default=[2, 4])
    parser.add_argument("--report", action="store_true", help="write the table, run nothing")
    parser.add_argument("--again", action="store_true", help="predict what was measured again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    # Ranks look for the models beside this file.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    done = {job_of(row) for row in stored()}
    if options.again:
        predict_again()
    todo = [] if options.report or options.again else jobs(options.cases)
    todo = [job for job in todo if job.kind in options.kinds and job.ranks in options.ranks]
    todo = [job for job in dict.fromkeys(todo) if job not in done]
    for start in range(0, len(todo), BATCH):
        for row in compared(todo[start : start + BATCH]):
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
            shown = row.get("error") or " ".join(f"{error:+.3f} %" for error in errors(row))
            print(row["case"], row["kind"], row["ranks"], shown, flush=True)
    write_report()


if __name__ == "__main__":
    main()
