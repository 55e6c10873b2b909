"""What one process computes, and then two, for test_distributed.py and test_shards.py: `torchrun --nproc-per-node 2 -m tests.two_processes FOLDER`."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from digits import distributed, sharded_checkpoint
from digits import train as training
from digits.averaging import averaged
from digits.config import Config
from digits.debug import Bench
from digits.distributed import from_each, joined, processes, rank
from digits.evaluate import evaluate
from digits.parallel import parallelize
from digits.precision import Precision
from digits.shard_files import read_shards
from digits.sharding import is_sharded
from digits.shares import share

from .short_runs import CONFIGS, on_a_full_disk, poisoned, prepared, signalled, train

CPU = torch.device("cpu")


class Pairs(nn.Module):
    """Compares all samples of a batch, by a scale of its own that is learned."""

    compares_samples = True

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        alike = (targets[:, None] == targets).float()  # (B, B)
        return (self.scale * outputs @ outputs.T - alike).square().mean()


class Scaled(nn.Module):
    """Cross-entropy of outputs times a scale that is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs * self.scale, targets)


def weighted() -> nn.Module:
    return nn.CrossEntropyLoss(weight=torch.tensor([0.2, 1.0, 5.0]), ignore_index=1)


# name: the loss, the samples of the batch, and the parts that each process computes its share in
STEPS: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    "uneven shares": (nn.CrossEntropyLoss, 7, 1),
    "uneven parts of uneven shares": (nn.CrossEntropyLoss, 13, 3),
    "class weights": (weighted, 8, 1),
    "class weights in parts": (weighted, 8, 2),
    "a loss that compares samples": (Pairs, 7, 1),
    "a loss with parameters": (Scaled, 7, 2),
    "fewer samples than processes": (nn.CrossEntropyLoss, 1, 1),
    "fewer samples than parts": (nn.CrossEntropyLoss, 3, 2),
}


def step(make_loss: Callable[[], nn.Module], samples: int, parts: int, poison: int = -1) -> dict:
    """One step on a batch; `poison` is the sample that makes it not finite."""
    torch.manual_seed(0)
    model, loss_fn = nn.Linear(4, 3), make_loss()
    inputs, targets = torch.randn(samples, 4), torch.arange(samples) % 3
    inputs[poison] = torch.inf if poison >= 0 else inputs[poison]
    config = replace(prepared(CONFIGS[0]), micro_batches=parts, max_grad_norm=None)
    parallel_model = parallelize(model, loss_fn, config, CPU)
    trained = [*model.parameters(), *loss_fn.parameters()]
    optimizer = torch.optim.SGD(trained, lr=0.0)
    rows, precision = share(samples, parts), Precision("fp32", CPU)
    batch = inputs[rows], targets[rows]
    loss, norm, stepped = training.optimize(
        parallel_model, loss_fn, *batch, optimizer, precision, config
    )
    return {
        "loss": loss,
        "norm": norm,
        "gradients": [p.grad.clone() for p in trained if p.grad is not None],
        "stepped": from_each(stepped),
    }


@torch.no_grad()
def evaluated(how: str) -> list[Tensor]:
    """What a model gives before an evaluation of the opposite weights, in it and after it."""
    model, inputs = nn.Linear(4, 3), torch.randn(5, 4)
    parallelize(model, nn.MSELoss(), replace(prepared(CONFIGS[0]), parallel=how), CPU)
    weights, outputs = list(model.parameters()), [model(inputs)]
    with averaged(mock.Mock(swap=lambda: [weight.neg_() for weight in weights]), model):
        outputs.append(model(inputs))
    return [*outputs, model(inputs)]


def compute(folder: Path) -> None:
    """Everything, by as many processes as there are."""
    own = folder / f"{processes()} processes"
    steps = {name: step(*what) for name, what in STEPS.items()}
    steps["not finite"] = step(nn.CrossEntropyLoss, 8, 1, poison=7)
    steps["evaluated"] = evaluated("ddp") + evaluated("fsdp")
    for file in CONFIGS:
        config, runs = prepared(file), own / file.stem
        train(config, runs / "whole")
        if not getattr(config.loss(), "compares_samples", False):
            train(replace(config, micro_batches=2), runs / "parts")
        for name, how in {"stopped": "ddp", "stopped fsdp": "fsdp"}.items():
            sharded = replace(config, parallel=how)
            train(sharded, runs / name, stop_after=5)
            if processes() > 1:  # goes on where one process was stopped
                train(sharded, folder / "1 processes" / file.stem / name)
        if processes() > 1:
            steps |= in_shards(config, runs)
        (runs / "signalled").mkdir(exist_ok=True)
        steps[f"exits of {file.stem}"] = signalled(config, runs / "signalled")
        bench = Bench(config)
        val_set = config.task().load()[1]
        if bench.train_set.inputs.is_floating_point():
            (runs / "poisoned").mkdir(exist_ok=True)
            steps[f"errors of {file.stem}"] = poisoned(config, runs / "poisoned")
            sharded = replace(config, parallel="fsdp")
            steps[f"errors of shards of {file.stem}"] = poisoned(sharded, runs / "poisoned")
        steps[f"evaluation of {file.stem}"] = evaluate(
            bench.model, bench.loss_fn, val_set, bench.precision, CPU, 16, at_once=5
        )
    if rank() == 0:
        torch.save(steps, own / "steps.pt")


def in_shards(config: Config, runs: Path) -> dict[str, Any]:
    """What two processes alone can do."""
    fsdp, hsdp = (replace(config, parallel=how) for how in ("fsdp", "hsdp"))
    train(fsdp, runs / "fsdp")
    train(fsdp, runs / "fsdp parts", stop_after=3)
    with mock.patch.object(sharded_checkpoint, "read_shards", wraps=read_shards) as reading:
        train(fsdp, runs / "fsdp parts")
    _, _, tensors = reading.call_args.args
    with mock.patch.dict(os.environ, {"LOCAL_WORLD_SIZE": "1"}):  # each on a machine of its own
        train(hsdp, runs / "hsdp")
    for name in ("signalled shards", "full"):
        (runs / name).mkdir(exist_ok=True)
    return {
        f"read as a whole of {runs.name}": [n for n, t in tensors.items() if not is_sharded(t)],
        f"exits of shards of {runs.name}": signalled(fsdp, runs / "signalled shards"),
        f"full disk of {runs.name}": on_a_full_disk(fsdp, runs / "full"),
    }


def die_once(folder: Path, times: int) -> None:
    """A run whose second process dies in its fifth step, as often as it is said."""
    deaths = folder / "deaths"
    real_step, config = Precision.step, prepared(CONFIGS[0])
    calls: list[int] = []

    def step_or_die(*what: Any) -> bool:
        calls.append(1)
        died = len(deaths.read_text()) if deaths.exists() else 0
        if rank() == 1 and len(calls) == 5 and died < times:
            deaths.write_text("x" * (died + 1))
            raise MemoryError("the second process has no memory left")
        return real_step(*what)

    Precision.step = step_or_die
    train(config, folder / "run")


if __name__ == "__main__":
    distributed.PATIENCE = timedelta(seconds=30)  # a hang is a failure: it must not last
    with joined():
        if len(sys.argv) > 2:
            die_once(Path(sys.argv[1]), int(sys.argv[2]))
        else:
            compute(Path(sys.argv[1]))
