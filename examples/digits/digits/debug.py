"""Looks into a model before a long run.

    python -m digits.debug shapes configs/baseline.py

shapes     the layers, what they give, their parameters
gradients  the gradient of every parameter, and those without one
overfit    a right model learns one batch by heart
find_lr    the loss while the learning rate grows
anomaly    the operation that gives the first NaN of a backward pass
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from .checks import check_parts
from .config import Config, load
from .data import Batch, batches
from .device import pick_device, place
from .errors import told_plainly
from .optim import build_optimizer, freeze, train_mode
from .precision import Precision
from .randomness import seed_everything
from .shapes import Row, recorded_shapes
from .train import optimize
from .weights import build_model


class Bench:
    """The parts of a config, built for a few steps outside a run."""

    def __init__(self, config: Config, *, lr: float | None = None) -> None:
        seed_everything(config.seed, deterministic=config.deterministic)
        self.config, self.device = config, pick_device(config.device)
        self.task = config.task()
        self.train_set, _ = self.task.load()
        self.model = build_model(config.model, self.task.sizes).to(self.device)
        freeze(self.model, config.freeze)
        self.loss_fn = config.loss().to(self.device)
        check_parts(self.model, self.loss_fn, self.train_set, config, self.device)
        optimizer = config.optimizer if lr is None else partial(config.optimizer, lr=lr)
        self.optimizer = build_optimizer(optimizer, self.model, self.loss_fn)
        self.precision = Precision(config.precision, self.device)
        train_mode(self.model)

    def batches(self, count: int) -> Iterator[Batch]:
        """The first batches of a run, on the device."""
        size, seed, workers = self.config.batch_size, self.config.seed, self.config.workers
        stream = batches(self.train_set, size, seed, 0, count, workers, self.device)
        return ((place(x, self.device), y.to(self.device)) for x, y in stream)

    def step(self, batch: Batch) -> float:
        """One optimizer step; its loss."""
        loss, _, _ = optimize(
            self.model, self.loss_fn, *batch, self.optimizer, self.precision, self.config
        )
        return float(loss)


def shapes(config: Config) -> None:
    """Prints a row a layer, for one batch."""
    bench = Bench(config)
    rows: list[Row] = []
    bench.model.eval()
    inputs, _ = next(bench.batches(1))
    with torch.no_grad(), recorded_shapes(bench.model, rows):
        bench.model(inputs)
    print(f"{'input':<32}{'':<20}{tuple(inputs.shape)}")
    for name, kind, shape, count in rows:
        print(f"{name:<32}{kind:<20}{shape:<28}{count:>10,}")


def gradients(config: Config) -> None:
    """Prints the norm of each parameter's gradient on one batch, and why it may have none."""
    bench = Bench(config)
    inputs, targets = next(bench.batches(1))
    bench.loss_fn(bench.model(inputs).float(), targets).backward()
    for name, parameter in bench.model.named_parameters():
        if parameter.grad is None:
            reason = "not reached by the loss" if parameter.requires_grad else "frozen"
            print(f"{name:<40}  no gradient: {reason}")
        else:
            norm, weight = float(parameter.grad.norm()), float(parameter.detach().norm())
            print(f"{name:<40}  gradient {norm:.3e}  weight {weight:.3e}")


def overfit(config: Config, steps: int = 300) -> float:
    """Trains on one batch over and over; the last loss, which a right model brings near its least."""
    bench = Bench(config)
    batch = next(bench.batches(1))
    losses = [bench.step(batch) for _ in range(steps)]
    for step in range(0, steps, steps // 10):
        print(f"step {step:4}  loss {losses[step]:.5f}")
    print(f"step {steps:4}  loss {losses[-1]:.5f}")
    return losses[-1]


def find_lr(config: Config, low: float = 1e-6, high: float = 1.0, steps: int = 100) -> float:
    """Raises the learning rate from `low` to `high` and prints the loss; returns where it falls fastest."""
    bench = Bench(config, lr=low)
    growth = (high / low) ** (1 / (steps - 1))
    smooth, average, rates = [], 0.0, []
    for step, batch in enumerate(bench.batches(steps)):
        rates.append(low * growth**step)
        for group in bench.optimizer.param_groups:
            group["lr"] = rates[-1]
        average = 0.9 * average + 0.1 * bench.step(batch)
        smooth.append(average / (1 - 0.9 ** (step + 1)))  # without the pull of the initial zero
        if step % 10 == 0:
            print(f"lr {rates[-1]:.1e}  loss {smooth[-1]:.4f}")
        if smooth[-1] > 4 * min(smooth) + 1e-3:
            break
    falls = [smooth[i + 5] - smooth[i] for i in range(len(smooth) - 5)]
    best = rates[falls.index(min(falls))]
    print(f"the loss falls fastest around optimizer.lr={best:.1e}")
    return best


def anomaly(config: Config, steps: int = 20) -> None:
    """A few steps in which torch names the forward operation whose gradient is NaN. Several times slower."""
    bench = Bench(config)
    with torch.autograd.set_detect_anomaly(True):
        for step, batch in enumerate(bench.batches(steps)):
            print(f"step {step:4}  loss {bench.step(batch):.5f}")


TOOLS = {tool.__name__: tool for tool in (shapes, gradients, overfit, find_lr, anomaly)}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.debug",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("config", type=Path)
    parser.add_argument("changes", nargs="*", metavar="key=value")
    options = parser.parse_intermixed_args()
    with told_plainly():
        TOOLS[options.tool](load(options.config, options.changes))


if __name__ == "__main__":
    main()
