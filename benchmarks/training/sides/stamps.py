"""Times and losses of the training steps, taken at the one place that every side has: where the loss has been computed.

From one loss to the next is one whole step, whoever wrote the loop. Losses of evaluations have no graph and are not counted.
"""

import atexit
import json
import os
import resource
import sys
import time
from typing import Any

import torch
from torch import Tensor

wall: list[float] = []  # seconds of the clock
cpu: list[float] = []  # seconds of the processor, of the whole process
losses: list[Tensor] = []


def stamp(loss: Tensor) -> None:
    """Notes a training step; nothing waits for the loss."""
    if torch.is_grad_enabled():
        losses.append(loss.detach())
        wall.append(time.perf_counter())
        cpu.append(time.process_time())


def stamp_class(loss_class: Any) -> None:
    """Lets every loss of a class be noted."""
    forward = loss_class.forward

    def stamped(self: Any, outputs: Tensor, targets: Tensor) -> Tensor:
        loss: Tensor = forward(self, outputs, targets)
        stamp(loss)
        return loss

    loss_class.forward = stamped


@atexit.register
def write() -> None:
    """All of it, into the file that STAMPS names."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    record = {
        "wall": wall,
        "cpu": cpu,
        "losses": [float(loss) for loss in losses],
        "peak_bytes": peak if sys.platform == "darwin" else peak * 1024,
    }
    with open(os.environ["STAMPS"], "w") as file:
        json.dump(record, file)
