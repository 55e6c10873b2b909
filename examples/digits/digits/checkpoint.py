"""Checkpoints: everything that a run needs to go on as if it had never stopped.

Only plain types and tensors are saved, so `torch.load(weights_only=True)` reads every one of them and nothing in a file is ever executed.
"""

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .optim import parameter_names
from .progress import Progress
from .randomness import random_state, restore_random_state

FORMAT = 1


class State:
    """The parts of a run that change as it goes, saved and restored by one list of names."""

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        optimizer: Optimizer,
        scheduler: LRScheduler,
        scaler: torch.amp.GradScaler,
        progress: Progress,
    ) -> None:
        self.parts: dict[str, Any] = {
            "model": model,
            "loss": loss,
            "optimizer": optimizer,
            "scheduler": scheduler,
            "scaler": scaler,
            "progress": progress,
        }
        self.names = parameter_names(optimizer, model, loss)

    def save(self, *paths: Path) -> None:
        """Writes the same checkpoint to each path. Weights that are not finite are never saved."""
        for name, value in self.parts["model"].state_dict().items():
            if value.is_floating_point() and not value.isfinite().all():
                raise FloatingPointError(f"{name} is not finite; the checkpoint before is kept")
        payload = {name: part.state_dict() for name, part in self.parts.items()}
        payload |= {
            "format": FORMAT,
            "parameters": self.names,
            "random": random_state(),
        }
        for path in paths:
            save(payload, path)

    def restore(self, path: Path) -> None:
        """The inverse of `save`, for a run that is built in the same way."""
        payload = read(path)
        missing = [name for name in (*self.parts, "parameters", "random") if name not in payload]
        if payload.get("format") != FORMAT or missing:
            raise ValueError(f"{path} is not a checkpoint of this version of the project")
        if payload["parameters"] != self.names:  # the optimizer's state is matched by position
            raise ValueError(
                f"{path} trained other parameters than this model has; "
                "start_from=PATH takes over the weights alone"
            )
        for name, part in self.parts.items():
            if name == "scaler" and bool(payload[name]) != part.is_enabled():
                continue  # another precision: the scale starts anew
            part.load_state_dict(payload[name])
        restore_random_state(payload["random"])


def save(payload: dict[str, Any], path: Path) -> None:
    """Writes a file whole or not at all, even when the machine dies: the old file stays until the new one is on disk."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        torch.save(payload, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    if os.name == "posix":  # makes the new name durable as well
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def read(path: Path) -> dict[str, Any]:
    """A file that `save` wrote, on the CPU; each part is copied to its device when it is loaded."""
    try:
        payload = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no checkpoint {path}") from None
    except Exception as error:  # torch raises half a dozen types for a broken file
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be read as a checkpoint: {reason}") from error
    if not isinstance(payload, dict):
        raise ValueError(f"{path} is not a checkpoint: it holds a {type(payload).__name__}")
    return payload
