"""What is checked before the first step, while a mistake still costs nothing."""

import torch
from torch import nn

from .config import Config
from .data import Dataset
from .device import place
from .settings import describe_part, rebuild_part


def check_parts(
    model: nn.Module, loss_fn: nn.Module, dataset: Dataset, config: Config, device: torch.device
) -> None:
    """Rebuilds the parts and runs two samples through them; raises ValueError where they do not fit each other."""
    for part in (config.task, config.model, config.loss):
        rebuild_part(describe_part(part))  # as it will be from the run's model.pt
    if len(dataset) < 2:
        raise ValueError(f"there are {len(dataset)} training samples; a run needs at least 2")
    if config.micro_batches > 1 and getattr(loss_fn, "compares_samples", False):
        raise ValueError(
            f"{type(loss_fn).__name__} compares the samples of a batch with each other, so parts "
            "of a batch do not add up to it: set micro_batches=1"
        )
    inputs, targets = dataset.__getitems__([0, 1])
    targets = targets.to(device)
    model.eval()  # nothing is drawn at random and no statistics move
    with torch.no_grad():
        outputs = model(place(inputs, device))
        if targets.is_floating_point() and outputs.shape != targets.shape:
            raise ValueError(  # torch would broadcast one against the other
                f"the model gives {tuple(outputs.shape)} where the targets are {tuple(targets.shape)}"
            )
        loss = loss_fn(outputs.float(), targets)
    if loss.ndim != 0:
        raise ValueError(f"the loss must be a single number; its shape is {tuple(loss.shape)}")
    if not outputs.isfinite().all():
        raise ValueError(
            "the model's outputs are not finite before training: see its initialisation"
        )
