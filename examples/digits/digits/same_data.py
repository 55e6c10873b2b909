"""Whether a run goes on with the data that it was begun with: every checkpoint holds marks of what the task had loaded.

The same on every device and for any number of processes, of which each knows all rows.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from .data import Dataset
from .probe import Rows

GROUPS = 256  # of rows, at most: for each a number
ROUNDING = 1e-4  # sums in another order, by other threads, standardise a little differently


class SameData:
    """Marks of two sets. Raises ValueError when those in a checkpoint are of other data.

    noted: where there is such a list, how they differ is noted in it instead
    """

    def __init__(
        self, train_set: Dataset, val_set: Dataset, noted: list[str] | None = None
    ) -> None:
        sets = {"training": train_set, "validation": val_set}
        self.marks = {name: marks_of(name, dataset) for name, dataset in sets.items()}
        self.noted = noted

    def state_dict(self) -> dict[str, Any]:
        return self.marks

    def load_state_dict(self, state: dict[str, Any]) -> None:
        changes = [*differences(state, self.marks)]
        if changes and self.noted is None:
            raise ValueError(
                f"the data are not those that this run has trained on: {'; '.join(changes)}. "
                "--resume goes on with them all the same, --fresh starts anew"
            )
        if self.noted is not None and changes:
            print(f"goes on with other data: {'; '.join(changes)}")
            self.noted += changes


def marks_of(name: str, dataset: Dataset) -> dict[str, Any]:
    """The number of rows of a set, and a mark of the inputs and of the targets that are looked at."""
    rows = Rows(name, dataset)
    return {"rows": len(dataset), "inputs": mark(rows.inputs), "targets": mark(rows.targets)}


def mark(values: Tensor) -> dict[str, Any]:
    """What tells these (N, ...) from others: a hash of whole numbers, sums of others, since those may be rounded differently."""
    kind = f"{values.dtype} {tuple(values.shape[1:])}"
    if not values.is_floating_point():
        return {"kind": kind, "hash": hashlib.sha256(values.numpy().tobytes()).hexdigest()}
    chance = torch.Generator().manual_seed(0)
    samples = values.flatten(1) if values.ndim > 1 else values[:, None]  # (N, P)
    weights = torch.randn(samples.shape[1], dtype=torch.float64, generator=chance)
    sums = torch.cat([part.double() @ weights for part in samples.split(1024)])  # (N,)
    sums *= torch.randn(len(sums), dtype=torch.float64, generator=chance)  # the order counts
    groups = sums.tensor_split(min(len(sums), GROUPS))
    return {"kind": kind, "sums": [float(group.sum()) for group in groups]}


def differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """How the sets with the new marks differ from those with the old ones, in words."""
    for name in new:
        if old[name]["rows"] != new[name]["rows"]:
            yield f"the {name} set has {new[name]['rows']} rows instead of {old[name]['rows']}"
            continue
        kinds = ("inputs", "targets")
        changed = [kind for kind in kinds if not alike(old[name][kind], new[name][kind])]
        if changed:
            yield f"the {name} set has other {' and '.join(changed)}"


def alike(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether two marks are of the same numbers, but for rounding."""
    if old["kind"] != new["kind"] or "hash" in new:
        return old == new
    ours, theirs = (torch.tensor(marks["sums"], dtype=torch.float64) for marks in (new, old))
    usual = float(theirs.abs().median())
    return len(ours) == len(theirs) and torch.allclose(
        ours, theirs, rtol=ROUNDING, atol=ROUNDING * usual
    )
