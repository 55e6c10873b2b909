"""Tables as numbers: standardised, or one-hot where they are words.

Which column is which, and every statistic, is learned from the training rows alone.
"""

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from .numeric import as_numbers, is_missing, is_number
from .rows import Rows

MAX_WORDS = 100  # different ones in a column; names and remarks have more


@dataclass(frozen=True)
class NumberColumn:
    """Cells -> standardised numbers (N, 1), or (N, 2) with a mark for those that were missing."""

    name: str
    median: float  # stands in for a missing number
    mean: float
    std: float
    lacks_some: bool  # in training; a mark that is never set there would have an untrained weight

    @property
    def width(self) -> int:
        return 2 if self.lacks_some else 1

    @classmethod
    def of(cls, rows: Rows, name: str) -> Self:
        """What the cells of training rows say."""
        numbers = as_numbers(rows.column(name), rows.places, name, missing=math.nan)
        known = numbers[~numbers.isnan()]
        std = known.std(correction=0).item() or 1.0
        lacks_some = len(known) < len(numbers)
        return cls(name, known.median().item(), known.mean().item(), std, lacks_some)

    def __call__(self, rows: Rows) -> Tensor:
        numbers = as_numbers(rows.column(self.name), rows.places, self.name, missing=math.nan)
        missing = numbers.isnan()
        scaled = (numbers.where(~missing, self.median) - self.mean) / self.std  # (N,)
        return torch.stack([scaled, missing.double()][: self.width], dim=1)  # (N, 1 or 2)


@dataclass(frozen=True)
class WordColumn:
    """Cells -> one-hot (N, 1 + words): in front the missing ones and those not seen in training."""

    name: str
    words: list[str]

    @property
    def width(self) -> int:
        return 1 + len(self.words)

    @classmethod
    def of(cls, rows: Rows, name: str) -> Self:
        """The words of training rows."""
        words = sorted({cell for cell in rows.column(name) if not is_missing(cell)})
        if len(words) > MAX_WORDS:
            raise ValueError(
                f"{rows.path}: {name!r} holds {len(words)} different words; up to {MAX_WORDS} can "
                f"be told apart. Leave the column out: ignore=({name!r},)"
            )
        return cls(name, words)

    def __call__(self, rows: Rows) -> Tensor:
        positions = {word: position for position, word in enumerate(self.words, start=1)}
        numbers = [positions.get(cell, 0) for cell in rows.column(self.name)]
        return F.one_hot(torch.tensor(numbers), self.width).double()


@dataclass(frozen=True)
class TableEncoder:
    """Rows of a table -> (N, F) float32."""

    columns: list[NumberColumn | WordColumn]

    @classmethod
    def of(
        cls, rows: Rows, train: Tensor, *, ignore: Collection[str], categorical: Collection[str]
    ) -> Self:
        """Encodes every column but the ignored ones, as the training rows show it."""
        for name in (*ignore, *categorical):
            rows.column(name)  # raises where there is none
        seen = rows.take(train)
        columns: list[NumberColumn | WordColumn] = []
        for name in rows.columns:
            if name in (*ignore, "split"):
                continue
            if name in categorical or not holds_numbers(seen, name):
                columns.append(WordColumn.of(seen, name))
            else:
                columns.append(NumberColumn.of(seen, name))
        if not columns:
            raise ValueError(f"{rows.path} has no columns to learn from")
        return cls(columns)

    @property
    def width(self) -> int:
        return sum(column.width for column in self.columns)

    def __call__(self, rows: Rows) -> Tensor:
        return torch.cat([column(rows) for column in self.columns], dim=1).float()

    def state_dict(self) -> list[dict[str, Any]]:
        """Plain types."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_state_dict(cls, state: list[dict[str, Any]]) -> Self:
        """The inverse of `state_dict`."""
        return cls([WordColumn(**s) if "words" in s else NumberColumn(**s) for s in state])


def holds_numbers(rows: Rows, name: str) -> bool:
    """Whether most cells that are filled in are numbers; the few others are then mistakes."""
    known = [cell for cell in rows.column(name) if not is_missing(cell)]
    if not known:
        raise ValueError(
            f"{rows.path}: {name!r} is empty in every training row. "
            f"Leave the column out: ignore=({name!r},)"
        )
    return sum(is_number(cell) for cell in known) > len(known) / 2
