"""Which rows train and which validate. As a column says, or at random from a seed."""

from collections.abc import Sequence

import torch
from torch import Tensor


def split_rows(
    places: Sequence[str],
    *,
    splits: Sequence[str] | None,
    labels: Sequence[str] | None = None,
    fraction: float,
    seed: int,
) -> tuple[Tensor, Tensor]:
    """Training rows (N,) and validation rows (M,): disjoint, together all, in the file's order.

    Without `splits` it is a pure function of (seed, fraction, labels). With `labels` every class
    gives the same fraction of its rows, so that none is missing on one side.
    """
    if splits is not None:
        is_val = as_told(splits, places)
    else:
        if not 0 < fraction < 1:
            raise ValueError(f"val_fraction must be between 0 and 1, not {fraction}")
        is_val = at_random(labels or [""] * len(places), places, fraction, seed)
    train, val = (~is_val).nonzero()[:, 0], is_val.nonzero()[:, 0]
    if not (len(train) and len(val)):
        present, absent = ("train", "val") if len(train) else ("val", "train")
        raise ValueError(f"{places[0]} and all other rows are {present}; some must be {absent}")
    return train, val


def as_told(splits: Sequence[str], places: Sequence[str]) -> Tensor:
    """Whether each row validates (N,), from the words train and val."""
    for split, place in zip(splits, places, strict=True):
        if split not in ("train", "val"):
            raise ValueError(f"{place}: split is {split!r}; it must be train or val")
    return torch.tensor([split == "val" for split in splits])


def at_random(labels: Sequence[str], places: Sequence[str], fraction: float, seed: int) -> Tensor:
    """Whether each row validates (N,): the same fraction of every label, and at least one row."""
    members: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        members.setdefault(label, []).append(row)
    generator = torch.Generator().manual_seed(seed)
    is_val = torch.zeros(len(labels), dtype=torch.bool)
    for label, rows in sorted(members.items()):
        if len(rows) == 1:
            raise ValueError(
                f"{places[rows[0]]} is the only row{f' of {label!r}' if label else ''}; one to "
                "train and one to validate are needed. Add more, or leave it out."
            )
        count = min(max(round(fraction * len(rows)), 1), len(rows) - 1)
        chosen = torch.randperm(len(rows), generator=generator)[:count]
        is_val[torch.tensor(rows)[chosen]] = True
    return is_val
