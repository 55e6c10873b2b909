"""The losses of a training and the time of its steps, by what every side does once a step: its optimizer's step.

The first quarter of the steps warms up: it compiles, and fills caches. The device is waited for before the first step that is measured
and after the last one, and nowhere between.
"""

import json
import os
import resource
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

WARM_UP = 1 / 4  # of the steps


class Stamps:
    """Writes the file that STAMPS names, once the last of `steps` steps is done."""

    def __init__(self, loss_class: type[nn.Module], steps: int) -> None:
        self.steps, self.warm_up = steps, int(WARM_UP * steps)
        self.loss = torch.zeros(())  # the newest one
        self.losses: list[Tensor] = []  # on the device: nothing waits for them
        self.begin = 0.0
        forward = loss_class.forward

        def noted(module: nn.Module, outputs: Tensor, targets: Tensor) -> Tensor:
            loss: Tensor = forward(module, outputs, targets)
            self.loss = loss.detach()
            return loss

        loss_class.forward = noted  # type: ignore[method-assign]
        register_optimizer_step_post_hook(self.stepped)

    def stepped(self, *of_the_optimizer: Any) -> None:
        """Called at the end of each step."""
        self.losses.append(self.loss)
        if len(self.losses) == self.warm_up:
            self.begin = now()
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
        elif len(self.losses) == self.steps:
            self.write(now() - self.begin)

    def write(self, seconds: float) -> None:
        record = {
            "steps": self.steps - self.warm_up,
            "seconds": seconds,
            "peak_bytes": peak_bytes(),
            "losses": [float(loss) for loss in self.losses],
        }
        Path(os.environ["STAMPS"]).write_text(json.dumps(record))


def now() -> float:
    """Seconds, when the device has done all that it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_bytes() -> int:
    """Memory of the device at its fullest, or that of the process on a CPU."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def steps_of(config: Any) -> int:
    """How many steps a training has whose batches are all full."""
    epochs: int = config.epochs
    steps, rest = divmod(config.task.keywords["samples"], config.batch_size)
    if rest:
        raise ValueError(f"the last batch of an epoch has {rest} samples, not {config.batch_size}")
    return epochs * steps
