"""Which device a run uses."""

import torch


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
