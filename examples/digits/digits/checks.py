"""What is checked before the first step, while a mistake still costs nothing."""

import copy
import sys
from collections.abc import Iterator

import torch
from torch import nn

from .config import Config
from .data import Dataset, Task, fetch
from .data_checks import check_data
from .device import place
from .distributed import is_first, processes
from .precision import Precision
from .randomness import random_state, restore_random_state
from .settings import describe_part, rebuild_part


def check_run(
    model: nn.Module,
    loss_fn: nn.Module,
    task: Task,
    train_set: Dataset,
    val_set: Dataset,
    config: Config,
    device: torch.device,
) -> None:
    """Raises ValueError where training would be wrong; prints warnings where it may be in vain."""
    compares = getattr(loss_fn, "compares_samples", False)
    ignored = getattr(loss_fn, "ignore_index", None)
    warnings = check_data(
        train_set,
        val_set,
        vocabulary_size=task.sizes.get("vocabulary_size"),
        classes=None if compares else task.sizes.get("out_features"),
        ignored=() if ignored is None else (ignored,),
    )
    check_parts(model, loss_fn, train_set, config, device)
    for warning in [*warnings, *check_first_step(model, loss_fn, train_set, config, device)]:
        if is_first():
            print(f"warning: {warning}", file=sys.stderr)


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
    last = len(dataset) % config.batch_size or config.batch_size
    if last < processes() and getattr(loss_fn, "compares_samples", False):
        raise ValueError(
            f"the last batch of an epoch has {last} samples for {processes()} processes to compare: "
            f"choose another batch_size than {config.batch_size}"
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


def check_first_step(
    model: nn.Module, loss_fn: nn.Module, dataset: Dataset, config: Config, device: torch.device
) -> Iterator[str]:
    """Warnings about the loss at the start and about parameters without a gradient, from one step on a copy."""
    # nothing may move, not even the statistics of a norm
    model, loss_fn = copy.deepcopy((model, loss_fn))
    before = random_state()
    at_once = max(2, config.batch_size // config.micro_batches)  # no more memory than a step takes
    inputs, targets = next(
        fetch(dataset, [torch.arange(min(len(dataset), at_once, 64))], workers=0)
    )
    targets = targets.to(device)
    with Precision(config.precision, device).autocast():
        outputs = model.train()(place(inputs, device))
    outputs = outputs.float()
    loss = loss_fn(outputs, targets)
    restore_random_state(before)
    named = [*model.named_parameters(), *loss_fn.named_parameters()]
    trained = {name: parameter for name, parameter in named if parameter.requires_grad}
    if trained and not loss.requires_grad:
        raise ValueError(
            "the loss has no gradient: from the weights to the loss there must be no detach(), no_grad() or argmax()"
        )
    if trained:
        gradients = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
        reached = dict(zip(trained, gradients, strict=True))
        if unreached := [name for name, gradient in reached.items() if gradient is None]:
            yield (
                f"the loss does not depend on {', '.join(unreached[:3])} ({len(unreached)} in all), so they stay as "
                "they are: use them in forward, or take them out"
            )
    if not getattr(loss_fn, "compares_samples", False):
        start = float(loss.detach())
        silent = float(loss_fn(torch.zeros_like(outputs), targets).detach())
        if start > 2 * silent > 0:
            yield (
                f"the loss starts at {start:.3g}, and would at {silent:.3g} if every output were 0: let the head "
                "start with smaller weights, as by nn.init.zeros_(self.head.weight)"
            )
