"""Classes by name: learned from the training rows, then numbered."""

from collections.abc import Sequence

import torch
from torch import Tensor


def check_labels(labels: Sequence[str], places: Sequence[str]) -> None:
    """Raises where a label is missing: it would else be a class of its own."""
    for label, place in zip(labels, places, strict=True):
        if label.strip().lower() in ("", "na", "n/a", "nan"):
            raise ValueError(f"{place} has no label; fill it in or leave the row out")


def class_names(labels: Sequence[str], places: Sequence[str], train: Tensor) -> list[str]:
    """The different labels of the training rows; numbers in their own order, 9 before 10."""
    names = sorted({labels[row] for row in train.tolist()})
    if len(names) < 2:
        raise ValueError(
            f"{places[0]} and all other training rows are {names[0]!r}; two classes are needed"
        )
    if all(name.isdecimal() for name in names):
        names.sort(key=int)
    return names


def class_numbers(labels: Sequence[str], places: Sequence[str], names: Sequence[str]) -> Tensor:
    """Labels -> their positions in `names` (N,) int64."""
    numbers = {name: number for number, name in enumerate(names)}
    for label, place in zip(labels, places, strict=True):
        if label not in numbers:
            raise ValueError(
                f"{place} is {label!r}, which no training row is; they are {', '.join(names)}"
            )
    return torch.tensor([numbers[label] for label in labels])


def describe_classes(logits: Tensor, names: Sequence[str]) -> list[str]:
    """Logits (B, K) -> for each sample the most probable class, and how probable it is."""
    probabilities, numbers = logits.softmax(dim=1).max(dim=1)  # (B,)
    return [
        f"{names[number]} ({probability:.1%})"
        for number, probability in zip(numbers.tolist(), probabilities.tolist(), strict=True)
    ]
