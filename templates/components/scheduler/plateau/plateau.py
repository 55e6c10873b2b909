"""Lower the learning rate when the validation loss stops falling.

Torch's own class. It is stepped after each evaluation, with the validation loss, and not after
each optimizer step as every other schedule; `patience` therefore counts evaluations.
"""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau


def plateau(
    optimizer: Optimizer, total_steps: int, *, patience: int = 2, factor: float = 0.5
) -> ReduceLROnPlateau:
    """`patience` evaluations in a row may bring no lower loss; one more, and `factor` is applied.

    `total_steps` is ignored: the loss decides, not the length of the run.
    """
    if patience < 0:
        raise ValueError(f"patience is a number of evaluations, at least 0, not {patience}")
    if not 0 < factor < 1:
        raise ValueError(f"factor is what a drop leaves, above 0 and below 1, not {factor}")
    # torch skips drops smaller than eps: at 0 all groups drop together, as small as they may be
    return ReduceLROnPlateau(optimizer, mode="min", factor=factor, patience=patience, eps=0.0)
