"""Models that no test names, counted and predicted; writes benchmarks/results/unseen.md.

    python benchmarks/unseen.py [--groups hand-written timm] [--report]

A count is right where its MAC are those of PyTorch's FlopCounterMode in a real run (oneDNN's LSTM,
which that does not know, off; Mixtral's experts by hand), a prediction where it is within 0.5 % of
the second SGD step by the allocator's own events. Refused is what ends in a ValueError. What was
measured stays in results/unseen.jsonl. The transformers group needs that package, which the course
does not.
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
from unseen_cases import groups, made

from helpers.meter import count, training_memory
from helpers.meter.measured import measured_training

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "unseen.jsonl"
CLOSE = 0.5

#: What PyTorch's counter misses: two experts of three products, for 48 tokens and two layers.
MISSED = {"Mixtral": 2 * 48 * 2 * 3 * 64 * 128}


def attempt(run: Callable[[], float]) -> tuple[float | None, str]:
    """A figure, or how it failed: refused or crashed, with why."""
    try:
        return run(), ""
    except ValueError as error:
        return None, f"refused: {error}"
    except Exception as error:
        return None, f"crashed: {type(error).__name__}: {' '.join(str(error).split())}"


def real_macs(model: Any, inputs: Any, named: Any) -> int:
    with (
        torch.no_grad(),
        torch.backends.mkldnn.flags(enabled=False),
        FlopCounterMode(display=False) as f,
    ):
        model(*inputs, **named)
    return int(f.get_total_flops() // 2)


def verdict(got: float | None, why: str, real: float, limit: float) -> dict[str, Any]:
    if got is None:
        return {"is": why.partition(":")[0], "why": why}
    error = 100 * (got / real - 1) if real else float(bool(got)) * 100
    return {
        "is": "right" if abs(error) <= limit else "wrong",
        "error": error,
        "got": got,
        "real": real,
    }


def tried(group: str, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"group": group, "name": name}
    model, inputs, named = made(group, name)
    model.eval()
    got, why = attempt(lambda: count(model, *inputs, convention="mac2", **named).macs)
    real_count = real_macs(model, inputs, named) + MISSED.get(name, 0)
    row["count"] = verdict(got, why, real_count, 0)
    memory = attempt(lambda: training_memory(model, *inputs, optimizer="sgd", **named).peak)
    real = measured_training(copy.deepcopy(model), *inputs, optimizer="sgd", foreach=False, **named)
    row["memory"] = verdict(*memory, real.peak, CLOSE)
    return row


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
        "| group | what | tried | right | wrong | refused | crashed | worst |",
        "|:--|:--|--:|--:|--:|--:|--:|:--|",
    ]
    for group in [*groups(), "all"]:
        for what in ("count", "memory"):
            own = [row for row in rows if group in (row["group"], "all") and what in row]
            if not own:
                continue
            tally = Counter(row[what]["is"] for row in own)
            figures = [tally[kind] for kind in ("right", "wrong", "refused", "crashed")]
            known = [row for row in own if "error" in row[what]]
            worst = max(known, key=lambda row: abs(row[what]["error"]))
            said = f"{worst['name']} {worst[what]['error']:+.3f} %"
            cells = [group, what, len(own), *figures, said]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    odd = [
        (row, what) for row in rows for what in ("count", "memory") if row[what]["is"] != "right"
    ]
    lines += ["", "Not right:", ""] if odd else []
    for row, what in odd:
        found = row[what]
        said = (
            found.get("why") or f"{found['got']:,} for {found['real']:,} ({found['error']:+.2f} %)"
        )
        lines.append(f"- {row['name']}, {what}: {said}")
    RESULTS.with_suffix(".md").write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", nargs="*", default=list(groups()))
    parser.add_argument("--report", action="store_true", help="write the table, run nothing")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    # PyTorch's counter cannot see into an encoder layer that runs as one kernel.
    torch.backends.mha.set_fastpath_enabled(False)
    done = {(row["group"], row["name"]) for row in stored()}
    for group in [] if options.report else options.groups:
        for name in groups()[group]:
            if (group, name) in done:
                continue
            try:
                row = tried(group, name)
            except Exception as error:  # the model itself does not run here
                print(f"{group} {name} does not run: {type(error).__name__}: {error}", flush=True)
                continue
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(group, name, row["count"], row["memory"], flush=True)
    write_report()


if __name__ == "__main__":
    main()
