"""A staircase whose drops are placed by hand.

The milestones are fractions of the run, not counts as in torch's MultiStepLR, so that they keep
their places when the run, the batch size or the data grow.

Zagoruyko and Komodakis, 2016, "Wide Residual Networks", arXiv:1605.07146.
"""

from collections.abc import Sequence
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def multi_step(
    optimizer: Optimizer,
    total_steps: int,
    *,
    milestones: Sequence[float] = (0.5, 0.75),
    factor: float = 0.1,
) -> LambdaLR:
    """At each of the `milestones` the learning rate is multiplied by `factor`."""
    if not all(0 < milestone < 1 for milestone in milestones):
        raise ValueError(f"milestones are fractions of the run, between 0 and 1, not {milestones}")
    if not 0 < factor < 1:
        raise ValueError(f"factor is what a drop leaves, above 0 and below 1, not {factor}")
    stairs = partial(
        multi_step_factor, total_steps=total_steps, milestones=tuple(milestones), factor=factor
    )
    return LambdaLR(optimizer, stairs)


def multi_step_factor(
    step: int, total_steps: int, milestones: Sequence[float], factor: float
) -> float:
    """What the learning rate is multiplied by in `step`, counted from 0."""
    passed = sum(step >= milestone * total_steps for milestone in milestones)
    return factor**passed
