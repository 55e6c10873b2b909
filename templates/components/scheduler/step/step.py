"""A staircase: equal stretches, each a factor lower.

The number of drops is the setting, not the length of a stretch as in torch's StepLR, so that the
staircase fits a run of any length and stands at the lowest learning rate in the last stretch.

He, Zhang, Ren and Sun, 2016, "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
"""

from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def step_decay(
    optimizer: Optimizer, total_steps: int, *, drops: int = 2, factor: float = 0.1
) -> LambdaLR:
    """`drops` times during the run the learning rate is multiplied by `factor`."""
    if not isinstance(drops, int) or drops < 1:
        raise ValueError(f"drops is a whole number, at least 1, not {drops}")
    if not 0 < factor < 1:
        raise ValueError(f"factor is what a drop leaves, above 0 and below 1, not {factor}")
    stairs = partial(step_decay_factor, total_steps=total_steps, drops=drops, factor=factor)
    return LambdaLR(optimizer, stairs)


def step_decay_factor(step: int, total_steps: int, drops: int, factor: float) -> float:
    """What the learning rate is multiplied by in `step`, counted from 0."""
    stretch = step * (drops + 1) // total_steps
    return factor ** min(stretch, drops)
