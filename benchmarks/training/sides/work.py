"""What every side trains: the generated project's model, data and settings, in the project's order of batches.

A side runs in the folder of the project, by `python with_NAME.py [tuned]`.
"""

import math
import sys
from collections.abc import Iterator
from typing import Any

import stamps
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler, TensorDataset, default_collate

sys.path.insert(0, ".")

from leaf.config import load  # the project is here only now
from leaf.optim import param_groups
from leaf.randomness import generator_for
from leaf.weights import build_model

stamps.stamp_class(nn.CrossEntropyLoss)


class Work:
    """One training, as the project's config states it.

    tuned: batches are fetched at once and AdamW is fused; otherwise as in most tutorials
    """

    def __init__(self, tuned: bool = False) -> None:
        self.config = load("configs/measured.py")
        self.tuned = tuned
        torch.manual_seed(self.config.seed)
        task = self.config.task()
        self.train_set, self.val_set = task.load()
        self.is_text = not self.train_set.inputs.is_floating_point()
        self.model = build_model(self.config.model, task.sizes)
        self.loss = nn.CrossEntropyLoss()
        self.batch_size, self.epochs = self.config.batch_size, self.config.epochs
        self.steps_per_epoch = math.ceil(len(self.train_set) / self.batch_size)
        self.total_steps = self.epochs * self.steps_per_epoch
        self.evaluate_steps = self.config.evaluate_steps or self.steps_per_epoch
        self.evaluate_epochs = self.evaluate_steps // self.steps_per_epoch
        self.log_steps = 50 if tuned else self.config.log_steps

    def optimizer(self, *, fused: bool | None = None) -> torch.optim.Optimizer:
        """AdamW with the project's groups: norms, embeddings and biases do not decay."""
        settings = dict(self.config.optimizer.keywords)
        settings["fused"] = self.tuned if fused is None else fused
        return torch.optim.AdamW(two_groups(self.model), **settings)

    def scheduler(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
        return self.config.scheduler(optimizer, self.total_steps)

    def factors(self) -> list[float]:
        """What the schedule multiplies the rate by in each step, and after the last."""
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        (factor,) = self.config.scheduler(optimizer, self.total_steps).lr_lambdas
        return [float(factor(step)) for step in range(self.total_steps + 1)]

    def order(self, epoch: int) -> Tensor:
        return torch.randperm(
            len(self.train_set), generator=generator_for(self.config.seed, "order", epoch)
        )

    def loader(self) -> DataLoader[Any]:
        """Training batches, epoch by epoch in the project's order."""
        return self._loader(self.train_set, self.batch_size, Order(self))

    def val_loader(self) -> DataLoader[Any]:
        return self._loader(self.val_set, 256, None)

    def _loader(self, samples: Any, size: int, sampler: Sampler[int] | None) -> DataLoader[Any]:
        if self.tuned:
            return DataLoader(samples, size, sampler=sampler, collate_fn=as_it_is)
        rows = TensorDataset(samples.inputs, samples.targets)
        collate = collate_texts if self.is_text else None
        return DataLoader(rows, size, sampler=sampler, collate_fn=collate)


class Order(Sampler[int]):
    """The project's order of the samples, another one each epoch."""

    def __init__(self, work: Work) -> None:
        self.work, self.epoch = work, 0

    def __len__(self) -> int:
        return len(self.work.train_set)

    def __iter__(self) -> Iterator[int]:
        self.epoch += 1
        return iter(self.work.order(self.epoch - 1).tolist())


def two_groups(model: nn.Module) -> list[dict[str, Any]]:
    """What decays and what does not."""
    groups: dict[float | None, dict[str, Any]] = {}
    for group in param_groups(model):
        decay = group.get("weight_decay")
        own = {} if decay is None else {"weight_decay": decay}
        groups.setdefault(decay, {"params": [], **own})["params"] += group["params"]
    return list(groups.values())


def collate_texts(samples: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """A batch as long as its longest text."""
    inputs, targets = default_collate(samples)
    return inputs[:, : int((inputs != 0).sum(dim=1).max())], targets


def as_it_is(batch: Any) -> Any:
    return batch


def figures(pairs: Iterator[tuple[Tensor, Tensor]], loss: nn.Module) -> dict[str, float]:
    """Mean loss and accuracy of pairs of outputs and targets."""
    outputs, targets = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    right = (outputs.argmax(dim=1) == targets).float().mean()
    return {"val_loss": float(loss(outputs, targets)), "val_accuracy": float(right)}
