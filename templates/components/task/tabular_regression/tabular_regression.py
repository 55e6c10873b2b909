"""Tabular regression: a number for each row of a table."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data import Dataset, TensorSet
from ..metrics.regression import draw_predicted_against_true, mae, r2, rmse
from ..readers.numeric import as_numbers
from ..readers.rows import read_rows
from ..readers.splits import split_rows
from ..readers.tables import TableEncoder

# see data/auto_mpg.md
BASELINES = {
    ("data/auto_mpg.csv", "mpg"): {
        "val": {"ridge regression": 0.83},
        "test": {"ridge regression": 0.802},
    }
}


class TabularRegression:
    """Rows (B, F) float32 -> numbers (B, 1); targets (B, 1) float32, standardised for training.

    source: a .csv, .parquet, .jsonl or .npz file. A column `split` (train, val, test) says what
        a row is for; without it `val_fraction` and `test_fraction` of them are drawn.
    target: the column with the number.
    ignore: columns that are left out.
    categorical: columns of numbers that are names, such as ("cylinders",).
    """

    metric = "r2"
    higher_is_better = True
    held_out = "val"  # or "test": the set that `references` are of

    def __init__(
        self,
        source: str = "data/auto_mpg.csv",
        *,
        target: str = "mpg",
        ignore: tuple[str, ...] = (),
        categorical: tuple[str, ...] = (),
        val_fraction: float = 0.15,
        test_fraction: float = 0.15,
        split_seed: int = 0,
    ) -> None:
        self.source = source
        self.target = target
        self.ignore = ignore
        self.categorical = categorical
        self.split = partial(
            split_rows, fraction=val_fraction, test_fraction=test_fraction, seed=split_seed
        )

    def load(self, held_out: str = "val") -> tuple[Dataset, Dataset]:
        """Training set and the one held out; everything is learned from the training rows alone."""
        rows = read_rows(self.source)
        numbers = as_numbers(rows.column(self.target), rows.places, self.target)[:, None]  # (N, 1)
        train, held = self.split(rows.places, splits=rows.columns.get("split"), held_out=held_out)
        self.mean = numbers[train].mean().item()
        self.std = numbers[train].std(correction=0).item()
        if self.std == 0:
            raise ValueError(f"{rows.path}: {self.target} is {self.mean:g} in every training row")
        self.encode = TableEncoder.of(
            rows,
            train,
            ignore=(self.target, *self.ignore),
            categorical=self.categorical,
        )
        inputs = self.encode(rows)
        targets = ((numbers - self.mean) / self.std).float()
        always_the_mean = torch.zeros_like(targets[held])
        self.held_out, self.chance = held_out, r2(always_the_mean, targets[held])
        return TensorSet(inputs[train], targets[train]), TensorSet(inputs[held], targets[held])

    @property
    def sizes(self) -> dict[str, int]:
        """What a model has to know."""
        return {"in_features": self.encode.width, "out_features": 1}

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Rows as they are: no change of a number is sure to keep the target."""
        return inputs

    def in_units(self, standardised: Tensor) -> Tensor:
        """Numbers (N, 1) in the units of the target."""
        return standardised.double() * self.std + self.mean

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Figures of the whole validation set, in the units of the target."""
        predicted, true = self.in_units(outputs), self.in_units(targets)
        return {
            "r2": r2(predicted, true),
            "rmse": rmse(predicted, true),
            "mae": mae(predicted, true),
        }

    def references(self) -> dict[str, float]:
        """What R2 is compared with; chance is to answer the mean of the training rows."""
        known = BASELINES.get((self.source, self.target), {}).get(self.held_out, {})
        return {**known, "chance": self.chance}

    def figure(self, outputs: Tensor, targets: Tensor, path: Path) -> None:
        """Draws predicted against true numbers."""
        draw_predicted_against_true(
            self.in_units(outputs), self.in_units(targets), [self.target], path
        )

    def state_dict(self) -> dict[str, Any]:
        """All that predicting needs, in plain types and tensors."""
        return {
            "columns": self.encode.state_dict(),
            "mean": self.mean,
            "std": self.std,
            "chance": self.chance,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; reads no data."""
        self.encode = TableEncoder.from_state_dict(state["columns"])
        self.mean = state["mean"]
        self.std = state["std"]
        self.chance = state["chance"]

    def read(self, paths: Sequence[str | Path]) -> Tensor:
        """Files with the columns of the training data, the target not needed -> rows (B, F)."""
        return torch.cat([self.encode(read_rows(path)) for path in paths])

    def describe(self, outputs: Tensor) -> list[str]:
        """The number of each row, in the units of the target."""
        return [f"{self.target} {number:.4g}" for number in self.in_units(outputs)[:, 0].tolist()]
