"""Checkpoints: everything that a run needs to go on as if it had never stopped.

Only plain types and tensors are saved, so `torch.load(weights_only=True)` reads every one of them and nothing in a file is ever executed.
"""

from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .distributed import from_each, rank
from .optim import parameter_names
from .progress import Progress
from .randomness import random_state, restore_random_state
from .same_data import SameData
from .sharded_checkpoint import put_back
from .sharding import is_finite, load
from .storage import exists, read_newest
from .writing import Writer

FORMAT = 2


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
        average: nn.Module | None = None,
        data: SameData | None = None,
        *,
        keep: int = 2,
    ) -> None:
        # data first: where they are others, so may be the sizes of the rest
        self.parts: dict[str, Any] = {} if data is None else {"data": data}
        self.parts |= {
            "model": model,
            "loss": loss,
            "optimizer": optimizer,
            "scheduler": scheduler,
            "scaler": scaler,
            "progress": progress,
        }
        if average is not None:
            self.parts["average"] = average
        self.names = parameter_names(optimizer, model, loss)
        self.writer, self.keep = Writer(), keep

    def save(self, last: Path, *others: Path) -> None:
        """Writes the same checkpoint to each path; of the last one, `keep` in all stay. Weights that are not finite are never saved.

        The last one comes last: a run that is killed between two files does again what led to them.
        """
        payload = {name: part.state_dict() for name, part in self.parts.items()}
        wrong = [name for name, value in payload["model"].items() if not is_finite(value)]
        for name in chain.from_iterable(from_each(wrong)):
            raise FloatingPointError(f"{name} is not finite; the checkpoint before is kept")
        chances = from_each(random_state())
        payload |= {"format": FORMAT, "parameters": self.names, "random": chances}
        self.writer.save(payload, *others, last, keep=self.keep)

    def restore(self, path: Path) -> None:
        """The inverse of `save`, for a run that is built in the same way; nothing where there is no checkpoint yet."""
        if not exists(path):
            return
        payload = read_newest(path)
        missing = [name for name in (*self.parts, "parameters", "random") if name not in payload]
        if payload.get("format") != FORMAT or missing:
            raise ValueError(f"{path} is not a checkpoint of this version of the project")
        if payload["parameters"] != self.names:  # the optimizer's state is matched by position
            raise ValueError(
                f"{path} trained other parameters than this model has; "
                "start_from=PATH takes over the weights alone"
            )
        put_back(payload, path.parent, self.parts)
        for name, part in self.parts.items():
            if name == "scaler" and bool(payload[name]) != part.is_enabled():
                continue  # another precision: the scale starts anew
            load(part, payload[name])
        chances = payload["random"]
        if rank() < len(chances):  # else there were fewer processes, and chance is as at the start
            restore_random_state(chances[rank()])
