"""Checkpoints: everything that a run needs to go on as if it had never stopped.

Only plain types and tensors are saved, so `torch.load(weights_only=True)` reads every one of them and nothing in a file is ever executed.
The checkpoint before the last one is kept as well: should the last one be damaged, the run goes on from there.
"""

import os
import sys
import zipfile
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
FAILURES = 3  # saves in a row that may fail, such as on a full disk, before the run stops


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
        self.failures = 0  # in a row

    def save(self, last: Path, *others: Path) -> None:
        """Writes the same checkpoint to each path; the last one before it stays beside it. Weights that are not finite are never saved."""
        for name, value in self.parts["model"].state_dict().items():
            if value.is_floating_point() and not value.isfinite().all():
                raise FloatingPointError(f"{name} is not finite; the checkpoint before is kept")
        payload = {name: part.state_dict() for name, part in self.parts.items()}
        payload |= {"format": FORMAT, "parameters": self.names, "random": random_state()}
        try:
            save(payload, last, keep=True)
            for path in others:
                save(payload, path)
        except (OSError, RuntimeError) as error:  # torch tells of a full disk by a RuntimeError
            self.failures += 1
            told, reason = f"{last} cannot be written", str(error).splitlines()[0]
            if self.failures == FAILURES:
                raise OSError(f"{told}, {FAILURES} times in a row: {reason}") from error
            print(f"{told}, and training goes on: {reason}", file=sys.stderr)
        else:
            self.failures = 0

    def restore(self, path: Path) -> None:
        """The inverse of `save`, for a run that is built in the same way."""
        payload = read_newest(path)
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


def save(payload: dict[str, Any], path: Path, *, keep: bool = False) -> None:
    """Writes a file whole or not at all, even when the machine dies: the old file stays until the new one is on disk.

    keep: the file that it replaces stays as `before(path)`
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            torch.save(payload, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if keep and path.exists():
        os.replace(path, before(path))
    os.replace(temporary, path)
    if os.name == "posix":  # makes the new name durable as well
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def before(path: Path) -> Path:
    """Where the checkpoint before the last one is kept: `last.pt` -> `before_last.pt`."""
    return path.with_name(f"before_{path.name}")


def exists(path: Path) -> bool:
    """Whether there is something to go on from: between two renames only the older one is there."""
    return path.exists() or before(path).exists()


def read_newest(path: Path) -> dict[str, Any]:
    """The last checkpoint, or the one before it where the last one is damaged."""
    try:
        return read(path)
    except (ValueError, FileNotFoundError) as error:
        if not before(path).exists():
            raise
        print(f"{error}. Going on from {before(path)}.", file=sys.stderr)
        payload = read(before(path))
        path.unlink(missing_ok=True)  # it must not become the one that is kept
        return payload


def read(path: Path) -> dict[str, Any]:
    """A file that `save` wrote, on the CPU; each part is copied to its device when it is loaded."""
    try:
        with zipfile.ZipFile(
            path
        ) as archive:  # torch does not look at the checksums that it writes
            if damaged := archive.testzip():
                raise ValueError(f"the checksum of {damaged} is wrong")
        payload = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no checkpoint {path}") from None
    except Exception as error:  # torch raises half a dozen types for a broken file
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be read as a checkpoint: {reason}") from error
    if not isinstance(payload, dict):
        raise ValueError(f"{path} is not a checkpoint: it holds a {type(payload).__name__}")
    return payload
