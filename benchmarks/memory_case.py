"""Models predicted, measured, or followed by PyTorch's MemTracker, in one process.

    python benchmarks/memory_case.py predict resnet50 resnet18

Prints one line of JSON a batch, and one when a model is done. Needs torch and timm; `accelerate` is
compared if it is there.
Seconds are of processor time, so that they hold on a machine that is shared.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import timm
import torch

from helpers.meter.measured import measured_inference, measured_training
from helpers.meter.memory.device.allocator import CUDA_CONTEXT
from helpers.meter.memory.largest_batch import largest_batch
from helpers.meter.memory.predict import inference_memory, training_memory
from helpers.meter.models import default_input

BATCHES = (8, 1)

#: 16-bit autocast and foreach, as a GPU is measured.
CUDA_SETTINGS = [(autocast, foreach) for autocast in (None, "bf16") for foreach in (True, False)]

#: What a simulated small GPU lets the allocator have.
LIMIT = 16 * 10**9


def predict(name: str) -> Iterator[dict[str, Any]]:
    """Peaks on a CPU, and how long and how much memory it takes to predict them."""
    with torch.device("meta"):
        model = timm.create_model(name)
    shape = default_input(model).shape[1:]
    for batch in BATCHES:
        inputs = torch.empty(batch, *shape, device="meta")
        start = time.process_time()
        try:
            memory = training_memory(model, inputs)
        except ValueError as error:
            yield {"batch": batch, "error": str(error)}
            continue
        seconds = time.process_time() - start
        weights = sum(p.numel() * p.itemsize for p in model.parameters())
        yield {
            "batch": batch,
            "training": memory.peak,
            "inference": inference_memory(model, inputs).peak,
            "operation": memory.timeline.operations[memory.timeline.peak_at],
            "phase": memory.timeline.phases[memory.timeline.peak_at],
            "sum_of_parts": 4 * weights + memory.saved_bytes,
            "accelerate": accelerate_estimate(model),
            "seconds": seconds,
            "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }


def accelerate_estimate(model: torch.nn.Module) -> int | None:
    """What `accelerate estimate-memory` says of an Adam step in fp32; None if not installed."""
    try:
        from accelerate.commands.estimate import estimate_training_usage
        from accelerate.utils import calculate_maximum_sizes
    except ImportError:
        return None
    size, _ = calculate_maximum_sizes(model)
    return int(estimate_training_usage(size, "float32")["step"])


def measure(name: str) -> Iterator[dict[str, Any]]:
    """The CPU allocator's own peaks."""
    model = timm.create_model(name)
    shape = default_input(model).shape[1:]
    for batch in BATCHES:
        inputs = torch.randn(batch, *shape)
        inference = measured_inference(model, inputs).peak
        try:
            training = measured_training(model, inputs).peak
        except ValueError as error:
            yield {"batch": batch, "error": str(error)}
            continue
        model.zero_grad()
        yield {"batch": batch, "training": training, "inference": inference}


def memtracker(name: str) -> Iterator[dict[str, Any]]:
    """torch.distributed._tools.MemTracker under FakeTensorMode, second step, batch 8."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.distributed._tools.mem_tracker import MemTracker

    batch = BATCHES[0]
    start = time.process_time()
    # Built on meta first: some models read numbers from tensors, which fake ones refuse.
    with torch.device("meta"):
        model = timm.create_model(name).train()
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = model.to_empty(device="cpu")
        inputs = torch.randn(batch, *default_input(model).shape[1:])
        optimizer = torch.optim.Adam(model.parameters())
        tracker = MemTracker()
        tracker.track_external(model, optimizer, inputs)
        for _ in range(2):
            with tracker:
                model(inputs).square().mean().backward()
                optimizer.step()
                optimizer.zero_grad()
            tracker.reset_mod_stats()
        peak = tracker.get_tracker_snapshot("peak")[torch.device("cpu")]["Total"]
    yield {"batch": batch, "training": peak, "seconds": time.process_time() - start}


def cuda(name: str) -> Iterator[dict[str, Any]]:
    """Predicted and measured on a GPU: allocated and reserved."""
    for batch in BATCHES:
        for autocast, foreach in CUDA_SETTINGS:
            torch.cuda.empty_cache()
            model = timm.create_model(name).cuda()
            inputs = torch.randn(batch, *default_input(model).shape[1:], device="cuda")
            options: dict[str, Any] = {"foreach": foreach}
            predicted = training_memory(model, inputs, device="cuda", autocast=autocast, **options)
            dtype = torch.bfloat16 if autocast else None
            torch.cuda.reset_peak_memory_stats()
            measured = measured_training(model, inputs, autocast=dtype, **options)
            yield {
                "batch": batch,
                "autocast": autocast,
                "foreach": foreach,
                "predicted": [predicted.peak, predicted.reserved],
                "measured": [measured.peak, measured.reserved],
            }
            del model, inputs


def limit(name: str) -> Iterator[dict[str, Any]]:
    """Whether the largest batch predicted for 16 GB runs there, and one 10 % larger does not."""
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(LIMIT / total)
    with torch.device("meta"):
        twin = timm.create_model(name)
    shape = tuple(default_input(twin).shape[1:])
    # The limit is one on the allocator: the context comes on top.
    found = largest_batch(twin, shape, LIMIT + CUDA_CONTEXT)
    for batch in (found.batch, int(found.batch * 1.1) + 1):
        torch.cuda.empty_cache()
        model = timm.create_model(name).cuda()
        try:
            measured_training(model, torch.randn(batch, *shape, device="cuda"))
            runs = True
        except torch.cuda.OutOfMemoryError:
            runs = False
        yield {"batch": batch, "runs": runs, "predicted": found.batch}
        del model


KINDS = {f.__name__: f for f in (predict, measure, memtracker, cuda, limit)}

if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    kind, *models = sys.argv[1:]
    for model_name in models:
        for row in KINDS[kind](model_name):
            print(json.dumps({"kind": kind, "model": model_name, **row}), flush=True)
        print(json.dumps({"kind": kind, "model": model_name, "done": True}), flush=True)
