"""How several processes train one model: each holds a copy of it (ddp) or a shard of it (fsdp, hsdp), and gradients are averaged.

The loss of a batch is its mean over the samples of all processes. A process weights its share so that the mean over the processes is
that mean, and so the gradient is that of the whole batch, however unevenly it was shared out.
"""

import os
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from .config import Config
from .data import Batch
from .distributed import GatherRows, gather_rows, mean, processes, rank
from .evaluate import samples_in
from .randomness import generator_for, seed_everything
from .sharding import shard


def parallelize(
    model: nn.Module, loss_fn: nn.Module, config: Config, device: torch.device
) -> nn.Module:
    """What the steps call in place of the model: the model itself in a single process."""
    if processes() == 1:
        return model
    check_processes(model, device)
    if rank():  # from one seed come the same weights, but dropout must not be the same
        own = generator_for(config.seed, "process", rank()).initial_seed()
        seed_everything(own, deterministic=config.deterministic)
    if config.parallel != "ddp":
        shard(model, loss_fn, config.parallel, device)
        return model
    for parameter in loss_fn.parameters():  # it is called outside of the model
        parameter.register_post_accumulate_grad_hook(average_gradient)
    # one copy of the gradient, not two
    return DistributedDataParallel(model, gradient_as_bucket_view=True)


def check_processes(model: nn.Module, device: torch.device) -> None:
    """Raises ValueError where several processes would compute something else than one."""
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if device.type != "cpu" and here > torch.accelerator.device_count():
        raise ValueError(
            f"{here} processes want a device each, and there are {torch.accelerator.device_count()}: "
            "start as many as there are with --nproc-per-node, or set device=cpu"
        )
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and not isinstance(module, nn.SyncBatchNorm):
            raise ValueError(
                f"{name} ({type(module).__name__}) would see the samples of its own process alone: use GroupNorm, or "
                "nn.SyncBatchNorm.convert_sync_batchnorm(model) on GPUs"
            )


def average_gradient(parameter: nn.Parameter) -> None:
    """The mean over the processes; averaging again what was averaged before does not change it."""
    if parameter.grad is not None:
        parameter.grad.copy_(mean(parameter.grad))


def parts_of(model: nn.Module, inputs: Tensor, targets: Tensor, count: int) -> Iterator[Batch]:
    """A batch in parts, each with at least one sample. Copies of a model exchange their gradients in the last one alone."""
    count = min(count, len(targets))
    pairs = [(inputs, targets)]
    if count > 1:
        cut = inputs.tensor_split(count), targets.tensor_split(count)
        pairs = list(zip(*cut, strict=True))
    for number, pair in enumerate(pairs, start=1):
        if isinstance(model, DistributedDataParallel):
            model.require_backward_grad_sync = number == count
        yield pair


def samples_of(loss_fn: nn.Module, targets: Tensor, parts: int) -> Tensor | None:
    """How many samples the parts of a batch are weighted by, the mean of the processes; None for a batch that is not cut."""
    if parts == 1 and processes() == 1:
        return None
    return mean(samples_in(loss_fn, targets))


def weighted_loss(
    loss_fn: nn.Module, outputs: Tensor, targets: Tensor, samples: Tensor | None
) -> Tensor:
    """The loss of a part of a batch by its share of the batch's `samples`, so that all parts add up to the batch's mean.

    A loss that compares samples needs all of them: every process computes it from the outputs of all processes.
    """
    if processes() > 1 and getattr(loss_fn, "compares_samples", False):
        return loss_fn(GatherRows.apply(outputs), gather_rows(targets))  # type: ignore[no-any-return]
    mean_loss: Tensor = loss_fn(outputs, targets)
    return mean_loss if samples is None else mean_loss * (samples_in(loss_fn, targets) / samples)
