"""The same learning rate in every step.

For a first look at a problem, and the yardstick that any other schedule has to beat.
"""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def constant(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """Each group keeps the learning rate that the optimizer gave it, however long the run."""
    return LambdaLR(optimizer, lambda step: 1.0)
