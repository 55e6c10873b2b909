"""Which device a run uses, how models and batches get there, and how many cores there are."""

import os

import torch
from torch import Tensor, nn


def pick_device(name: str = "auto") -> torch.device:
    """The named device; `auto` is the accelerator that this machine has, or else the CPU."""
    if name == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)  # fails here and now, not after the data have been read
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device={name} cannot be used: {reason} Try device=auto.") from error
    return device


def cores() -> int:
    """The cores that this process may use: in a container or a scheduled job often fewer than there are."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def place_model(model: nn.Module, device: torch.device) -> None:
    """Moves a model to the device; weights of convolutions in the same format as their inputs."""
    model.to(device)
    if device.type == "cuda":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """On the device; nobody waits for a copy, which has to come from pinned memory for that."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()  # itself, where a loader has pinned it
    return tensor.to(device, non_blocking=True)


def place(inputs: Tensor, device: torch.device) -> Tensor:
    """A batch on the device; images on a GPU with their channels last, where convolutions are fastest."""
    inputs = to_device(inputs, device)
    # not on a CPU: torch 2.13 crashes in the backward pass of a GroupNorm after frozen layers
    images_on_gpu = inputs.ndim == 4 and device.type == "cuda"
    return inputs.contiguous(memory_format=torch.channels_last) if images_on_gpu else inputs
