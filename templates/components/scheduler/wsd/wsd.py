"""Warm-up, stable, decay: level for long, down at the end.

A run can be prolonged from any checkpoint of the level stretch, since only the decay depends on
where the run ends. The decay is 1 - sqrt, which Hägele et al. found better than a straight line.

Hu et al., 2024, "MiniCPM", arXiv:2404.06395; Hägele et al., 2024, "Scaling Laws and Compute-Optimal
Training Beyond Fixed Training Durations", arXiv:2405.18392.
"""

import math
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_stable_decay(
    optimizer: Optimizer, total_steps: int, *, warmup: float = 0.05, decay: float = 0.2
) -> LambdaLR:
    """`warmup` and `decay` are the fractions of the run spent rising and falling."""
    for name, fraction in (("warmup", warmup), ("decay", decay)):
        if not 0 <= fraction < 1:
            raise ValueError(f"{name} is a fraction of the run, from 0 to below 1, not {fraction}")
    if warmup + decay > 1:
        raise ValueError(f"warmup={warmup} and decay={decay} together are longer than the run")
    factor = partial(
        warmup_stable_decay_factor,
        warmup_steps=int(warmup * total_steps),
        decay_steps=int(decay * total_steps),
        total_steps=total_steps,
    )
    return LambdaLR(optimizer, factor)


def warmup_stable_decay_factor(
    step: int, warmup_steps: int, decay_steps: int, total_steps: int
) -> float:
    """What the learning rate is multiplied by in `step`, counted from 0."""
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)  # never 0: the first step learns, too
    remaining_steps = max(0, total_steps - step)  # 0 is reached after the last step
    if remaining_steps >= decay_steps:
        return 1.0
    return 1 - math.sqrt(1 - remaining_steps / decay_steps)
