"""What is checked of the data before the first step or a test: errors where it would be wrong, warnings where it may be in vain.

Of a large set some rows are looked at, so it takes a second or two.
"""

import inspect
import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import torch

from .data import Dataset, Task
from .outliers import first_far
from .probe import Rows, fingerprints

ALIKE = 0.5  # of the rows of a set: more are not copied, but made the same
LEAK = 0.01  # of the validation rows: so many may be training rows as well before it is told
RARE = 0.05  # of the most frequent class: a class with fewer rows is told


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
    return [*wild(train), *wild(val), *leaked(train, val), *unbalanced(train, val, classes)]


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


def wild(rows: Rows) -> Iterator[str]:
    """Rows with a number that is far from all others."""
    for one, values in (("an input", rows.inputs), ("a target", rows.targets)):
        if values.is_floating_point() and (found := first_far(values)):
            row, number, count = found
            alike = f", the first of {count}," if count > 1 else ""
            yield (
                f"row {rows.numbers[row]} of the {rows.name} set{alike} has {one} of {number}, as the model gets it, far from all others: "
                "correct it, or leave such rows out"
            )


def leaked(train: Rows, val: Rows) -> Iterator[str]:
    """Held out rows that were seen in training, so that they measure memory."""
    ours, theirs = ([*fingerprints(rows.inputs)] for rows in (train, val))
    for rows, keys in ((train, ours), (val, theirs)):
        ((key, count),) = Counter(keys).most_common(1)
        if count > max(1, ALIKE * len(keys)):  # they are in both sets, and nobody's memory
            yield (
                f"{count} of {len(keys)} {rows.name} rows are the same, such as row {rows.numbers[keys.index(key)]}: "
                "nothing tells them apart, so look at what they are made from"
            )
            return
    seen = set(ours)
    found = [row for row, key in enumerate(theirs) if key in seen]
    if len(found) > LEAK * len(val.numbers):
        looked = "" if train.complete and val.complete else " that were looked at"
        yield (
            f"{len(found)} of {len(val.numbers)} {val.name} rows{looked}, such as row {val.numbers[found[0]]}, "
            "are training rows as well: remove them from one of the two"
        )


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
