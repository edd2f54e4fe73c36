"""Models that no test names, counted and predicted; writes benchmarks/results/unseen.md.

    python benchmarks/unseen.py [--groups hand-written timm] [--report] [--again]

A count is right where its MAC are those of PyTorch's FlopCounterMode in a real run (oneDNN's LSTM,
which that does not know, off; grouped products and distances, which it misses, by hand; a
quantized model's are those of the same model in floating point), a prediction where it is within
0.5 % of the second SGD step by the allocator's own events. Refused is what ends in a ValueError.
What was measured stays in results/unseen.jsonl: a run that was stopped goes on where it was. Some
groups need packages that the course does not: transformers, diffusers, torch_geometric, torchao.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from torch.utils.flop_counter import FlopCounterMode
from unseen_cases import GROUPS, Case, made

from helpers.meter import count, training_memory
from helpers.meter.measured import measured_training

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "unseen.jsonl"
CLOSE = 0.5
KINDS = ("right", "flagged", "wrong", "refused", "crashed")


def attempt(run: Callable[[], tuple[float, float | bool]]) -> dict[str, Any]:
    """A figure with what is said of it, or how it failed: refused or crashed, with why."""
    try:
        got, doubt = run()
    except ValueError as error:
        return {"is": "refused", "why": str(error)}
    except Exception as error:
        why = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return {"is": "crashed", "why": why}
    return {"got": got, "doubt": doubt}


def counted(case: Case) -> tuple[float, bool]:
    found = count(case.model, *case.inputs, convention="mac2", **case.named)
    return found.macs, bool(found.unknown)


def predicted(case: Case, how: dict[str, Any]) -> tuple[float, int]:
    found = training_memory(case.model, *case.inputs, **how)
    return found.peak, found.uncertain


def real_macs(case: Case) -> int:
    # PyTorch's counter follows gradients, and fails where weights themselves are inputs.
    model = copy.deepcopy(case.floating or case.model).eval().requires_grad_(False)
    with (
        torch.no_grad(),
        torch.backends.mkldnn.flags(enabled=False),
        FlopCounterMode(display=False) as f,
    ):
        model(*case.inputs, **case.named)
    return int(f.get_total_flops() // 2) + case.missed


def verdict(found: dict[str, Any], real: float, limit: float) -> dict[str, Any]:
    """What became of an attempt. Flagged: wrong, and it says that it may be."""
    if "why" in found:
        return {**found, "real": real}
    got = found["got"]
    error = 100 * (got / real - 1) if real else float(bool(got)) * 100
    flagged = found["doubt"] and got <= real
    wrong = "flagged" if flagged else "wrong"
    return {"is": "right" if abs(error) <= limit else wrong, "error": error, **found, "real": real}


def tried(group: str, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"group": group, "name": name}
    case = made(group, name)
    case.model.eval()
    found = attempt(lambda: counted(case))
    row["count"] = verdict(found, real_macs(case), 0)
    if case.floating is None:
        how = {"optimizer": "sgd", "loss": case.loss, **case.named}
        found = attempt(lambda: predicted(case, how))
        model = copy.deepcopy(case.model)
        real = measured_training(model, *case.inputs, foreach=False, **how)
        row["memory"] = verdict(found, real.peak, CLOSE)
    return row


def tried_again(row: dict[str, Any]) -> None:
    """A case that was measured before, by the meter as it is now."""
    case = made(row["group"], row["name"])
    case.model.eval()
    row["count"] = verdict(attempt(lambda: counted(case)), row["count"]["real"], 0)
    if "memory" in row:
        how = {"optimizer": "sgd", "loss": case.loss, **case.named}
        found = attempt(lambda: predicted(case, how))
        row["memory"] = verdict(found, row["memory"]["real"], CLOSE)


def stored() -> list[dict[str, Any]]:
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text().splitlines()]


def write_report() -> None:
    rows = stored()
    lines = [
        "# Models that no test names",
        "",
        f"{date.today()}, torch {torch.__version__}, CPU. Made by `benchmarks/unseen.py`; every"
        f" figure is in `unseen.jsonl`. Right: MAC as FlopCounterMode's, peak within"
        f" {CLOSE} %.",
        "",
        "| group | what | tried | right | flagged | wrong | refused | crashed | worst |",
        "|:--|:--|--:|--:|--:|--:|--:|--:|:--|",
    ]
    for group in [*GROUPS, "all"]:
        for what in ("count", "memory"):
            own = [row for row in rows if group in (row["group"], "all") and what in row]
            if not own:
                continue
            tally = Counter(row[what]["is"] for row in own)
            figures = [tally[kind] for kind in KINDS]
            known = [row for row in own if "error" in row[what]]
            worst = max(known, key=lambda row: abs(row[what]["error"]))
            said = f"{worst['name']} {worst[what]['error']:+.3f} %"
            cells = [group, what, len(own), *figures, said]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    both = [(row, what) for row in rows for what in ("count", "memory") if what in row]
    odd = [(row, what) for row, what in both if row[what]["is"] != "right"]
    lines += ["", "Not right:", ""] if odd else []
    for row, what in odd:
        found = row[what]
        said = (
            found.get("why") or f"{found['got']:,} for {found['real']:,} ({found['error']:+.2f} %)"
        )
        lines.append(f"- {row['name']}, {what}, {found['is']}: {said}")
    RESULTS.with_suffix(".md").write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", nargs="*", default=list(GROUPS))
    parser.add_argument("--report", action="store_true", help="write the table, run nothing")
    parser.add_argument("--again", action="store_true", help="count what was measured again")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    # PyTorch's counter cannot see into an encoder layer that runs as one kernel.
    torch.backends.mha.set_fastpath_enabled(False)
    if options.again:
        rows = stored()
        for row in rows:
            if row["group"] in options.groups:
                tried_again(row)
        RESULTS.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = {(row["group"], row["name"]) for row in stored()}
    for group in [] if options.report or options.again else options.groups:
        for name in GROUPS[group]:
            if (group, name) in done:
                continue
            try:
                row = tried(group, name)
            except Exception as error:  # the model itself does not run here
                print(f"{group} {name} does not run: {type(error).__name__}: {error}", flush=True)
                continue
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(group, name, row["count"], row.get("memory", ""), flush=True)
    write_report()


if __name__ == "__main__":
    main()
