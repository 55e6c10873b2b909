"""Which rows train, which validate and which test. As a column says, or at random from a seed."""

from collections.abc import Sequence

import torch
from torch import Tensor

SPLITS = ("train", "val", "test")


def split_rows(
    places: Sequence[str],
    *,
    splits: Sequence[str] | None,
    labels: Sequence[str] | None = None,
    fraction: float,
    test_fraction: float = 0.0,
    seed: int,
    held_out: str = "val",
) -> tuple[Tensor, Tensor]:
    """Training rows (N,), and those (M,) that validate or test: `held_out`; in the file's order.

    Without `splits` it is a pure function of (seed, fractions, labels). With `labels` every class
    gives the same fraction of its rows, so that none is missing on one side. Which rows test does
    not depend on `fraction`, which rows validate not on `test_fraction`, and which rows train not
    on `held_out`.
    """
    if held_out not in ("val", "test"):
        raise ValueError(f"held_out must be val or test, not {held_out!r}")
    if splits is not None:
        numbers = as_told(splits, places)
    else:
        if not 0 < fraction < 1:
            raise ValueError(f"val_fraction must be between 0 and 1, not {fraction}")
        if not 0 <= test_fraction < 1 - fraction:
            raise ValueError(
                f"test_fraction must be from 0 to below {1 - fraction:g}, not {test_fraction}: "
                "val_fraction and it leave rows to train"
            )
        numbers = at_random(labels or [""] * len(places), places, fraction, test_fraction, seed)
    train, val, test = ((numbers == number).nonzero()[:, 0] for number in range(len(SPLITS)))
    if not (len(train) and len(val)):
        absent, present = ("val", "train or test") if len(train) else ("train", "val or test")
        raise ValueError(f"{places[0]} and all other rows are {present}; some must be {absent}")
    if held_out == "test" and not len(test):
        raise ValueError(
            f"{places[0]} and all other rows are train or val, so there is no test set. Write "
            "test into the split of some; without a split, set test_fraction and train anew"
        )
    return train, test if held_out == "test" else val


def as_told(splits: Sequence[str], places: Sequence[str]) -> Tensor:
    """The number of each row's split in SPLITS (N,), from its word."""
    for split, place in zip(splits, places, strict=True):
        if split not in SPLITS:
            raise ValueError(f"{place}: split is {split!r}; it must be train, val or test")
    return torch.tensor([SPLITS.index(split) for split in splits])


def at_random(
    labels: Sequence[str], places: Sequence[str], fraction: float, test_fraction: float, seed: int
) -> Tensor:
    """The number of each row's split (N,): each label trains and validates; with three rows, tests."""
    members: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        members.setdefault(label, []).append(row)
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.zeros(len(labels), dtype=torch.int64)
    for label, rows in sorted(members.items()):
        if len(rows) == 1:
            raise ValueError(
                f"{places[rows[0]]} is the only row{f' of {label!r}' if label else ''}; one to "
                "train and one to validate are needed. Add more, or leave it out."
            )
        test = min(max(round(test_fraction * len(rows)), 1), len(rows) - 2) if test_fraction else 0
        val = min(max(round(fraction * len(rows)), 1), len(rows) - test - 1)
        order = torch.tensor(rows)[torch.randperm(len(rows), generator=generator)]
        numbers[order[:val]] = SPLITS.index("val")
        numbers[order[len(rows) - test :]] = SPLITS.index("test")  # of the other end of the order
    return numbers
