"""The rows of a set that are looked at: taken evenly, and few where each has to be decoded, so it takes a second or two even for large sets."""

from collections.abc import Iterator

import torch
from torch import Tensor

from .data import Dataset, TensorSet, fetch

ON_DISK = 256  # rows of a set that are looked at
NUMBERS = 2**24  # in memory so many rows as hold these


class Rows:
    """The rows of a set that are looked at: numbers (N,), inputs (N, ...) and targets (N, ...)."""

    def __init__(self, name: str, dataset: Dataset) -> None:
        if not len(dataset):
            raise ValueError(f"the {name} set is empty")
        count = min(len(dataset), ON_DISK)
        if isinstance(dataset, TensorSet):
            count = max(count, min(len(dataset), NUMBERS // max(1, dataset.inputs[0].numel())))
        self.name, self.complete = name, count == len(dataset)
        last = len(dataset) - 1
        self.numbers = torch.linspace(0, last, count, dtype=torch.float64).round().long()
        inputs, targets = next(fetch(dataset, [self.numbers], workers=0))
        self.inputs, self.targets = inputs.cpu(), targets.cpu()

    def where(self, values: Tensor) -> list[int]:
        """The numbers of the rows for which any of these (N, ...) is true."""
        return self.numbers[values.reshape(len(values), -1).any(dim=1)].tolist()

    def refuse(self, wrong: Tensor, what: str) -> None:
        """Raises for the first row for which any of these (N, ...) is true."""
        if rows := self.where(wrong):
            raise ValueError(f"row {rows[0]} of the {self.name} set has {what}; rows count from 0")


def fingerprints(inputs: Tensor) -> Iterator[int]:
    """A number for each sample (N, ...), the same for the same sample; padding does not count."""
    return (hash(row.tobytes().rstrip(b"\0")) for row in inputs.flatten(1).numpy())
