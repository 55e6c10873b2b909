"""What is kept of the step at which a run stopped because its numbers were not finite: the folder runs/NAME/blackbox.

step.pt     the batch, and all that the step was computed from: weights, random numbers, scale, config
report.txt  the first layer that was not finite, the samples that are so alone, the loss and norm of the last steps

`python -m digits.replay runs/NAME/blackbox` runs the step again.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD

from .checkpoint import State
from .config import Config, describe
from .data import Dataset, Task, TensorSet, batches
from .device import place
from .distributed import from_first, gather_rows
from .exhaustion import unwritten
from .nonfinite import not_finite_alone, traced
from .optim import param_groups
from .precision import Precision
from .randomness import restore_torch_random_state, torch_random_state
from .sharding import is_sharded, whole
from .storage import save

Optimize = Callable[..., tuple[Tensor, Tensor, bool]]  # as in train.py
NAMED = 10  # samples at most


class BlackBox:
    """Watches the steps of a run. It costs them a copy of the state of torch's generators."""

    def __init__(
        self,
        path: Path,
        config: Config,
        task: Task,
        train_set: Dataset,
        state: State,
        precision: Precision,
        optimize: Optimize,
    ) -> None:
        self.path, self.config, self.sizes = path, config, dict(task.sizes)
        self.samples, self.state = len(train_set), state
        self.precision, self.optimize = precision, optimize

    @contextmanager
    def watch(self, inputs: Tensor, targets: Tensor) -> Iterator[None]:
        """Around a step: a FloatingPointError in it leaves the black box, and its message says what was found."""
        before = {"random": torch_random_state(), "scaler": self.precision.scaler.state_dict()}
        try:
            yield
        except FloatingPointError as error:
            box = self.fill(inputs, targets) | before
            told = from_first(self.leave, box, str(error))
            raise FloatingPointError(told) from error

    def leave(self, box: dict[str, Any], error: str) -> str:
        """Writes the folder; what was found, in words."""
        replay = f"to run it once more: python -m {__package__}.replay {self.path}"
        last = unwritten(self.path / "step.pt", partial(save, box)) or [replay]
        model, loss_fn = self.state.parts["model"], self.state.parts["loss"]
        again = Again(box, model, loss_fn, self.precision, self.config, self.optimize)
        # hooks are not called in compiled code
        compiled = self.config.compile
        with torch.compiler.set_stance("force_eager") if compiled else nullcontext():
            shards = any(is_sharded(parameter) for parameter in model.parameters())
            found = ["one process cannot run shards"] if shards else again.investigate()
        told = "\n".join([error, *found])
        steps = [f"step {n}: loss {loss:.6g}, norm {norm:.6g}" for n, loss, norm in box["last"]]
        report = "\n".join([told, "", *steps]) + "\n"
        last += unwritten(self.path / "report.txt", lambda file: file.write_text(report))
        return "\n".join([told, *last])

    def fill(self, inputs: Tensor, targets: Tensor) -> dict[str, Any]:
        """All but what the step has changed, and the batch of all processes. No weight is changed: the step was not taken."""
        progress, seed = self.state.parts["progress"], self.config.seed
        numbers = TensorSet(torch.arange(self.samples), torch.arange(self.samples))
        step = progress.step - 1  # it has been counted
        rows, _ = next(batches(numbers, self.config.batch_size, seed, step, step + 1))
        if len(inputs) < len(rows):
            inputs, targets = gather_rows(inputs), gather_rows(targets)
        return {name: whole(part.state_dict()) for name, part in self.state.parts.items()} | {
            "config": describe(self.config),
            "precision": self.precision.name,
            "sizes": self.sizes,
            "inputs": inputs,
            "targets": targets,
            "rows": rows.tolist(),
            "last": [(number, float(loss), float(norm)) for number, loss, norm in progress.last],
        }


class Again:
    """The step of a box, to be run as often as one likes on a model and a loss with the weights of the box."""

    def __init__(
        self,
        box: dict[str, Any],
        model: nn.Module,
        loss_fn: nn.Module,
        precision: Precision,
        config: Config,
        optimize: Optimize,
    ) -> None:
        device = next(model.parameters()).device
        self.inputs, self.targets = place(box["inputs"], device), box["targets"].to(device)
        self.rows, self.random, self.scaler = box["rows"], box["random"], box["scaler"]
        self.model, self.loss_fn, self.precision = model, loss_fn, precision
        self.config, self.optimize = config, optimize
        self.still = SGD(param_groups(model, loss_fn), lr=0.0)  # moves no weight

    def run(self, part: Sequence[int] | None = None) -> tuple[float, float]:
        """The mean loss and the norm of the gradient of the batch, or of a part of it."""
        restore_torch_random_state(self.random)
        self.precision.scaler.load_state_dict(self.scaler)
        inputs, targets = self.inputs, self.targets
        if part is not None:
            inputs, targets = inputs[list(part)], targets[list(part)]
        loss, norm, _ = self.optimize(
            self.model, self.loss_fn, inputs, targets, self.still, self.precision, self.config
        )
        return float(loss), float(norm)

    def investigate(self) -> list[str]:
        """What is found, in words."""
        found: list[str] = []
        with traced(self.model, self.loss_fn, found):
            loss, norm = self.run()
        lines = [f"run again: the loss is {loss:.6g} and the gradient's norm {norm:.6g}"]
        if math.isfinite(loss + norm):
            return [*lines, "so it does not follow from weights and batch: suspect the machine"]
        lines.append(f"first not finite: {found[0] if found else 'the norm, for it is too large'}")
        alone = not_finite_alone(
            lambda part: math.isfinite(sum(self.run(part))), range(len(self.rows))
        )
        rows = [str(self.rows[place]) for place in islice(alone, NAMED)]
        named = ", ".join(rows or ["none"])
        more = " and more, so suspect the weights" if len(rows) == NAMED else ""
        return [*lines, f"training samples that are so alone, counted from 0: {named}{more}"]
