"""Cells of text as numbers. What is no number is told with its place."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

MISSING = ("", "?", "-", "na", "n/a", "<na>", "nan", "null", "none")


def is_missing(cell: str) -> bool:
    """Whether a cell says that nothing is known."""
    return cell.strip().lower() in MISSING


def is_number(cell: str) -> bool:
    """Whether a cell can be read as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def as_numbers(
    cells: Sequence[str], places: Sequence[str], name: str, *, missing: float | None = None
) -> Tensor:
    """Cells of the column `name` -> (N,) float64; without `missing` every cell has to be there."""
    numbers = []
    for cell, place in zip(cells, places, strict=True):
        if is_missing(cell):
            if missing is None:
                raise ValueError(f"{place}: {name} is missing; fill it in or leave the row out")
            numbers.append(missing)
        elif not is_number(cell):
            raise ValueError(f"{place}: {name} is {cell!r}, which is no number; please correct it")
        elif not math.isfinite(float(cell)):
            raise ValueError(f"{place}: {name} is {cell!r}; it must be finite")
        else:
            numbers.append(float(cell))
    return torch.tensor(numbers, dtype=torch.float64)
