"""Warm-up, then half a cosine down to a floor.

The warm-up lets Adam's averages and a network's norms settle before steps are large. The curve is a
function of the step alone, so a resumed run goes on along it. It is stepped after every optimizer
step: a schedule counted in epochs changes with the batch size.

Loshchilov and Hutter, 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts",
arXiv:1608.03983 (the cosine); Goyal et al., 2017, "Accurate, Large Minibatch SGD", arXiv:1706.02677
(the warm-up).
"""

import math
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_cosine(
    optimizer: Optimizer, total_steps: int, *, warmup: float = 0.05, floor: float = 0.0
) -> LambdaLR:
    """`warmup` is the fraction of the run spent rising; the end is `floor` times the highest."""
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup is a fraction of the run, from 0 to below 1, not {warmup}")
    if not 0 <= floor <= 1:
        raise ValueError(f"floor is a fraction of the learning rate, from 0 to 1, not {floor}")
    factor = partial(
        warmup_cosine_factor,
        warmup_steps=int(warmup * total_steps),
        total_steps=total_steps,
        floor=floor,
    )
    return LambdaLR(optimizer, factor)


def warmup_cosine_factor(step: int, warmup_steps: int, total_steps: int, floor: float) -> float:
    """What the learning rate is multiplied by in `step`, counted from 0."""
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)  # never 0: the first step learns, too
    # the floor is reached after the last step, which with floor=0 would otherwise be wasted
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2
