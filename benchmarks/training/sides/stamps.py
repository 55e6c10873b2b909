"""Times and losses of the training steps, taken at the one place that every side has: where the loss has been computed.

From one loss to the next is one whole step, whoever wrote the loop. Losses of evaluations have no graph and are not counted.

Where sides take turns, of TURN seconds, a process stops itself when its turn is over, first with its first loss; the clock stands still for
it until it is told to go on.
"""

import atexit
import json
import math
import os
import resource
import signal
import sys
import time
from typing import Any

import torch
from torch import Tensor

TURN = float(os.environ.get("TURN", "inf"))

wall: list[float] = []  # seconds of the clock, without other sides' turns
cpu: list[float] = []  # seconds of the processor, of the whole process
losses: list[Tensor] = []


class Clock:
    """turn_began: when this side was last told to go on; stood_still: the seconds of all others' turns"""

    turn_began = -math.inf
    stood_still = 0.0

    def wait_for_a_turn(self) -> None:
        stopped = time.perf_counter()
        os.kill(os.getpid(), signal.SIGSTOP)
        self.turn_began = time.perf_counter()
        self.stood_still += self.turn_began - stopped


clock = Clock()


def stamp(loss: Tensor) -> None:
    """Notes a training step; nothing waits for the loss."""
    if torch.is_grad_enabled():
        losses.append(loss.detach())
        wall.append(time.perf_counter() - clock.stood_still)
        cpu.append(time.process_time())
        if time.perf_counter() - clock.turn_began > TURN:
            clock.wait_for_a_turn()


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
