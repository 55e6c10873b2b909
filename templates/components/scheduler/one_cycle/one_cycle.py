"""One cycle: up to the highest learning rate and far down again.

Torch's own class, which begins at a 25th of the learning rate and ends at a 250 000th, with half a
cosine each way. Its state holds the length of the run: a longer run needs a schedule of its own.

Smith and Topin, 2018, "Super-Convergence: Very Fast Training of Neural Networks Using Large
Learning Rates", arXiv:1708.07120.
"""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import OneCycleLR


def one_cycle(optimizer: Optimizer, total_steps: int, *, rise: float = 0.3) -> OneCycleLR:
    """`rise` is the fraction of the run spent rising, to the learning rate of the optimizer."""
    if not 0 < rise < 1:
        raise ValueError(f"rise is a fraction of the run, above 0 and below 1, not {rise}")
    return OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=total_steps,
        # a rise of one step is left out: torch would divide by its length, which is zero
        pct_start=rise if rise * total_steps > 1 else 0.0,
        cycle_momentum=False,  # the default would overwrite the momentum or betas of the optimizer
    )
