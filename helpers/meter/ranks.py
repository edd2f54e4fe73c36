"""What ranks that train together really hold and send: real processes of this machine, over gloo.

`run_ranks` starts one Python process, which imports PyTorch once and forks a process for each rank.
They train a small model for some steps with plain data parallelism (DDP), with ZeRO-1
(ZeroRedundancyOptimizer) or with ZeRO-3 (FSDP2), and say what the last step held and sent. Bytes
sent are the kernel's own count of each TCP connection (Linux; elsewhere None).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from helpers.meter.rank_bytes import bytes_of, bytes_sent, difference, highest, storages_of

#: A step is measured again while the profiler loses what decides its peak.
_MOST_STEPS = 4


@dataclass(frozen=True)
class Job:
    """`kind`: "ddp", "zero1", "zero2" (FSDP2 that keeps what it gathered until the backward pass),
    "fsdp", "plain" (one group of ranks), "lora" (DDP of which only thin matrices learn), or a
    collective of `collectives`.

    `tensor`: so many ranks share each layer. `model`: a `module:function` that gives a model, its
    inputs, the names of submodules that FSDP2 shards each on its own, and a function that cuts the
    model on a device mesh, where layers are shared; the chain of layers below, if empty.
    """

    kind: str
    ranks: int
    model: str = ""
    tensor: int = 1


@dataclass(frozen=True)
class Rank:
    """Bytes of one rank in its second step; of a collective only what it sent.

    Attributes:
        weights, gradients, states: held after the step, as far as they lie on this rank.
        peak: held at the highest moment.
        sent: given to the network; None where the system does not say.
    """

    weights: int
    gradients: int
    states: int
    peak: int
    sent: int | None


class RanksError(RuntimeError):
    """Ranks that cannot be run here, as where no process may listen. Says why in one line."""


def run_ranks(jobs: Sequence[Job], seconds: float = 120) -> list[tuple[Rank, ...]]:
    """Runs jobs one after another: of each, what every rank held and sent. Raises RanksError."""
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    environment |= {"TORCH_CPP_LOG_LEVEL": "ERROR", "KINETO_LOG_LEVEL": "6"}
    # Ranks of one machine: no name of it has to be known to a server of names.
    environment.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    given = json.dumps([asdict(job) for job in jobs])
    try:
        code, out, errors = _run([sys.executable, "-m", __name__], given, seconds, environment)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RanksError(f"the ranks did not come to an end: {type(error).__name__}") from None
    if code:
        said = errors.strip().splitlines()
        raise RanksError(f"the ranks failed: {said[-1] if said else 'they say nothing'}")
    return [tuple(Rank(**rank) for rank in job) for job in json.loads(out)]


def _run(
    command: list[str], given: str, seconds: float, environment: dict[str, str]
) -> tuple[int, str, str]:
    """How a program ended and what it said. Whatever it has started ends with it."""
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    ) as program:
        try:
            out, errors = program.communicate(given, timeout=seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
        return program.returncode, out, errors


#: Numbers of the tensor that a collective is tried with.
NUMBERS = 1_000_000
#: The model that is trained: so many layers of width × width without biases, and rows of input.
LAYERS, WIDTH, ROWS, RANK = 8, 512, 64, 8


#: What the first rank of each job held and sent on 2 cores of a Xeon, torch 2.15.0, 2026-11-29.
RECORDED = {
    Job("ddp", 2): (Rank(8_388_608, 8_388_608, 16_777_216, 36_831_276, 8_390_572),),
    Job("zero1", 2): (Rank(8_388_608, 8_388_608, 8_388_608, 28_442_652, 12_585_452),),
    Job("fsdp", 2): (Rank(4_194_304, 4_194_304, 8_388_608, 20_447_272, 16_786_740),),
    Job("ddp", 4): (Rank(8_388_608, 8_388_608, 16_777_216, 36_831_276, 12_586_936),),
    Job("zero1", 4): (Rank(8_388_608, 8_388_608, 4_194_304, 24_248_340, 18_879_862),),
    Job("fsdp", 4): (Rank(2_097_152, 2_097_152, 4_194_304, 12_582_952, 25_195_474),),
    Job("lora", 2): (Rank(8_650_752, 262_144, 524_288, 11_157_576, 262_984),),
    Job("plain", 2, tensor=2): (Rank(4_194_304, 4_194_304, 8_388_608, 18_481_196, 921_536),),
    Job("plain", 4, tensor=4): (Rank(2_097_152, 2_097_152, 4_194_304, 9_306_156, 1_388_352),),
    Job("fsdp", 4, tensor=2): (Rank(2_097_152, 2_097_152, 4_194_304, 10_354_728, 9_319_360),),
    Job("reduce-scatter", 4): (Rank(0, 0, 0, 0, 6_001_776),),
}


def _main() -> None:
    # What gloo says of its connections, in some versions of PyTorch, is no part of the result.
    result = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # All that a rank needs, once, before the ranks part: an optimizer brings dynamo.
    import torch
    import torch._dynamo
    import torch.distributed.device_mesh
    import torch.distributed.fsdp
    import torch.distributed.optim
    import torch.nn.parallel

    torch.set_num_threads(1)
    jobs = [Job(**job) for job in json.load(sys.stdin)]
    with result:
        json.dump([_job(job) for job in jobs], result)


def _job(job: Job) -> list[dict[str, Any]]:
    """Forks the ranks and waits for them. Raises RuntimeError where one fails."""
    with tempfile.TemporaryDirectory() as folder:
        children = [_forked(job, rank, Path(folder)) for rank in range(job.ranks)]
        statuses = [os.waitpid(child, 0)[1] for child in children]
        if any(statuses):
            said = sorted(Path(folder).glob("error*"))
            why = said[0].read_text("utf-8") if said else "one was killed"
            raise SystemExit(why)
        return [json.loads(Path(folder, str(rank)).read_text("utf-8")) for rank in range(job.ranks)]


def _forked(job: Job, rank: int, folder: Path) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        found = _in_group(job, rank, folder)
        Path(folder, str(rank)).write_text(json.dumps(asdict(found)), "utf-8")
        status = 0
    except BaseException as error:
        line = (str(error).splitlines() or [""])[0]
        Path(folder, f"error{rank}").write_text(f"{type(error).__name__}: {line}", "utf-8")
    finally:
        os._exit(status)


def _in_group(job: Job, rank: int, folder: Path) -> Rank:
    import torch.distributed as dist

    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=job.ranks)
    try:
        collectives = _collectives(job.ranks)
        if job.kind in collectives:
            return _collective(collectives[job.kind])
        return _training(job, rank)
    finally:
        dist.barrier()
        dist.destroy_process_group()


def _collectives(ranks: int) -> dict[str, Callable[[], Any]]:
    import torch
    import torch.distributed as dist

    tensor = torch.ones(NUMBERS)
    share = torch.ones(NUMBERS // ranks)
    return {
        "all-reduce": lambda: dist.all_reduce(tensor),
        "all-gather": lambda: dist.all_gather_into_tensor(tensor, share),
        "reduce-scatter": lambda: dist.reduce_scatter_tensor(share, tensor),
    }


def _collective(run: Callable[[], Any]) -> Rank:
    import torch.distributed as dist

    dist.barrier()
    before = bytes_sent()
    run()
    return Rank(0, 0, 0, 0, difference(before, bytes_sent()))


def _training(job: Job, rank: int) -> Rank:
    import torch
    import torch.distributed as dist
    from torch.profiler import ProfilerActivity, profile

    torch.manual_seed(0)
    model, inputs, units, *cutting = _of(job, rank)
    mesh = None
    if job.tensor > 1:
        sizes = job.ranks // job.tensor, job.tensor
        both = dist.init_device_mesh("cpu", sizes, mesh_dim_names=("data", "tensor"))
        cutting[0](model, both["tensor"])
        mesh = both["data"]
    model, optimizer = _made(job.kind, model, units, mesh)

    def step() -> None:
        _mean_of_squares(model(*inputs)).backward()
        optimizer.step()

    step()
    parameters = list(model.parameters())
    inner = getattr(optimizer, "optim", optimizer)
    states = [t for each in inner.state.values() for t in each.values() if torch.is_tensor(t)]
    standing = bytes_of([*parameters, *model.buffers(), *states, *inputs])
    for _ in range(_MOST_STEPS):
        optimizer.zero_grad()
        dist.barrier()
        before = bytes_sent()
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            step()
        sent = difference(before, bytes_sent())
        gradients = [p.grad for p in parameters if p.grad is not None]
        least, most = highest(profiler.profiler.kineto_results, set(storages_of(gradients)))
        unsure = torch.tensor([int(least < most)])
        dist.all_reduce(unsure)
        if not unsure.item():
            break
    return Rank(
        weights=bytes_of(parameters),
        gradients=bytes_of(gradients),
        states=bytes_of(t for t in states if t.dim()),
        peak=standing + least,
        sent=sent,
    )


def _of(job: Job, rank: int) -> tuple[Any, ...]:
    """The model of a job, its inputs, what of it is sharded on its own, and how it is cut."""
    import torch

    if job.model:
        module, _, function = job.model.partition(":")
        return getattr(import_module(module), function)()  # type: ignore[no-any-return]
    x = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(rank))
    return (
        layers_of(job.kind),
        (x,),
        [str(number) for number in range(0, 2 * LAYERS, 2)],
        _cut_layers,
    )


def _cut_layers(model: Any, mesh: Any) -> None:
    """The chain of layers, every second one cut by rows and those before by columns."""
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        parallelize_module,
    )

    styles = (ColwiseParallel(), RowwiseParallel())
    parallelize_module(
        model, mesh, {str(2 * number): styles[number % 2] for number in range(LAYERS)}
    )


def _mean_of_squares(output: Any) -> Any:
    return output.float().square().mean()


def _made(kind: str, model: Any, units: Sequence[str], mesh: Any = None) -> tuple[Any, Any]:
    """A rank's model, wrapped as `kind` says on a mesh (of all ranks, if None); its optimizer."""
    import torch
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.optim import ZeroRedundancyOptimizer
    from torch.nn.parallel import DistributedDataParallel

    if kind in ("fsdp", "zero2"):
        options: dict[str, Any] = {"reshard_after_forward": False} if kind == "zero2" else {}
        for name in units:
            fully_shard(model.get_submodule(name), mesh=mesh, **options)
        fully_shard(model, mesh=mesh, **options)
        return model, torch.optim.Adam(model.parameters(), foreach=False)
    if kind == "plain":
        return model, torch.optim.Adam(model.parameters(), foreach=False)
    if kind not in ("ddp", "zero1", "lora"):
        raise ValueError(f"no job {kind!r}")
    wrapped = DistributedDataParallel(model, gradient_as_bucket_view=True)
    learn = [p for p in wrapped.parameters() if p.requires_grad]
    if kind == "zero1":
        return wrapped, ZeroRedundancyOptimizer(learn, torch.optim.Adam, foreach=False)
    return wrapped, torch.optim.Adam(learn, foreach=False)


def layers_of(kind: str) -> Any:
    """The model that ranks train, a chain of layers and ReLUs, as one process has it."""
    from torch import nn

    layers = [_Adapted() if kind == "lora" else _plain() for _ in range(LAYERS)]
    return nn.Sequential(*(each for layer in layers for each in (layer, nn.ReLU())))


def _plain() -> Any:
    from torch import nn

    return nn.Linear(WIDTH, WIDTH, bias=False)


class _Adapted:
    """A frozen layer with two thin matrices beside it that learn (LoRA)."""

    def __new__(cls) -> Any:
        from torch import nn

        class Adapted(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.frozen = _plain().requires_grad_(False)
                self.down = nn.Linear(WIDTH, RANK, bias=False)
                self.up = nn.Linear(RANK, WIDTH, bias=False)

            def forward(self, x: Any) -> Any:
                return self.frozen(x) + self.up(self.down(x))

        return Adapted()


if __name__ == "__main__":
    _main()
