"""What is checked of the data before the first step or a test: errors where it would be wrong, warnings where it may be in vain.

Rows are taken evenly from each set, few where each has to be decoded, so it takes a second or two even for large ones.
"""

import inspect
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .data import Dataset, Task, TensorSet, fetch

ON_DISK = 256  # rows of a set that are looked at
NUMBERS = 2**24  # in memory so many rows as hold these
LARGE = 1e4  # far from 0 for inputs and targets that are standardised
LEAK = 0.01  # of the validation rows: so many may be training rows as well before it is told
RARE = 0.05  # of the most frequent class: a class with fewer rows is told


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


def check_data(
    train_set: Dataset,
    val_set: Dataset,
    *,
    vocabulary_size: int | None = None,
    classes: int | None = None,
    ignored: Sequence[int] = (),
) -> list[str]:
    """Raises ValueError for data that no step can be taken with; warnings, in words.

    classes: how many there are; None where targets are not the numbers of outputs
    ignored: targets that stand for none of them
    """
    train, val = Rows("training", train_set), Rows("validation", val_set)
    for rows in (train, val):
        check_rows(rows)
        if vocabulary_size is not None:
            wrong = (rows.inputs < 0) | (rows.inputs >= vocabulary_size)
            rows.refuse(wrong, f"a token outside of 0 to {vocabulary_size - 1}")
        if classes is not None and not rows.targets.is_floating_point():
            known = torch.tensor([*range(classes), *ignored])
            wrong = ~torch.isin(rows.targets, known)
            rows.refuse(wrong, f"a class outside of 0 to {classes - 1}")
    ours, theirs = (tuple(rows.inputs.shape[1:]) for rows in (train, val))
    if ours != theirs and vocabulary_size is None:  # texts are as long as the longest of a batch
        raise ValueError(
            f"training samples are {ours}, validation samples {theirs}: make them alike"
        )
    if len(train.numbers) > 1 and bool((train.inputs == train.inputs[:1]).all()):
        raise ValueError("all training samples are the same: there is nothing to tell them by")
    return [*large(train), *large(val), *leaked(train, val), *unbalanced(train, val, classes)]


def check_rows(rows: Rows) -> None:
    """Raises where inputs or targets have a wrong length, type or value."""
    for kind, values in (("input", rows.inputs), ("target", rows.targets)):
        if len(values) != len(rows.numbers):
            raise ValueError(
                f"{len(rows.numbers)} rows of the {rows.name} set give {len(values)} {kind}s"
            )
        if values.dtype not in (torch.float32, torch.int64):
            raise ValueError(
                f"the {kind}s of the {rows.name} set are {values.dtype}: make numbers torch.float32, "
                "classes and tokens torch.int64"
            )
        rows.refuse(~values.isfinite(), f"{kind}s that are not finite")


def large(rows: Rows) -> Iterator[str]:
    """Rows with a number that is far from all that a model is made for."""
    for kind, values in (("inputs", rows.inputs), ("targets", rows.targets)):
        if values.is_floating_point() and (found := rows.where(values.abs() > LARGE)):
            yield (
                f"{kind} of the {rows.name} set are as large as {float(values.abs().max()):.2g}, such as "
                f"in row {found[0]}: standardise them, or leave such rows out"
            )


def leaked(train: Rows, val: Rows) -> Iterator[str]:
    """Held out rows that were seen in training, so that they measure memory."""
    seen = set(fingerprints(train.inputs))
    found = [row for row, key in enumerate(fingerprints(val.inputs)) if key in seen]
    if len(found) > LEAK * len(val.numbers):
        looked = "" if train.complete and val.complete else " that were looked at"
        yield (
            f"{len(found)} of {len(val.numbers)} {val.name} rows{looked}, such as row {val.numbers[found[0]]}, "
            "are training rows as well: remove them from one of the two"
        )


def fingerprints(inputs: Tensor) -> Iterator[int]:
    """A number for each sample (N, ...), the same for the same sample; padding does not count."""
    return (hash(row.tobytes().rstrip(b"\0")) for row in inputs.flatten(1).numpy())


def unbalanced(train: Rows, val: Rows, classes: int | None) -> Iterator[str]:
    """Classes that are missing, or so rare that the usual figures do not show them."""
    if classes is None or train.targets.is_floating_point():
        return
    counts = {rows.name: Counter(rows.targets.tolist()) for rows in (train, val)}
    for rows in (train, val):
        missing = [number for number in range(classes) if not counts[rows.name][number]]
        if missing and rows.complete:
            yield f"no {rows.name} row is of class {missing[0]}: nothing can be said about it"
    (often, most), (rarely, least) = (counts["training"].most_common()[i] for i in (0, -1))
    if least < RARE * most:
        yield (
            f"class {rarely} has {least} training rows and class {often} has {most}: accuracy hides the rare one; "
            "look at macro_f1, or count it for more with loss.class_weights"
        )


def with_test_set(task: Task) -> tuple[Dataset, Dataset]:
    """Training and test set, with a warning of test rows that were trained on."""
    if "held_out" not in inspect.signature(task.load).parameters:
        raise ValueError(
            f"{type(task).__name__}.load knows no test set: give it held_out='val' as a second "
            "parameter, and let it return the test set for held_out='test'"
        )
    train_set, test_set = task.load("test")
    for warning in leaked(Rows("training", train_set), Rows("test", test_set)):
        print(f"warning: {warning}", file=sys.stderr)
    return train_set, test_set
