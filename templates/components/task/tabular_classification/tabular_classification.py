"""Tabular classification: one label for each row of a table."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data import Dataset, TensorSet
from ..metrics.classification import (
    accuracy,
    confusion_matrix,
    draw_confusion,
    macro_f1,
    majority_share,
)
from ..readers.classes import check_labels, class_names, class_numbers, describe_classes
from ..readers.rows import read_rows
from ..readers.splits import split_rows
from ..readers.tables import TableEncoder

# see data/penguins.md
BASELINES = {
    ("data/penguins.csv", "sex"): {
        "val": {"logistic regression": 0.84},
        "test": {"logistic regression": 0.904},
    }
}


class TabularClassification:
    """Rows (B, F) float32 -> logits (B, K); targets (B,) int64.

    source: a .csv, .parquet, .jsonl or .npz file. A column `split` (train, val, test) says what
        a row is for; without it `val_fraction` and `test_fraction` of each class are drawn.
    target: the column with the label.
    ignore: columns that are left out.
    categorical: columns of numbers that are names, such as ("postcode",).
    """

    metric = "accuracy"
    higher_is_better = True
    held_out = "val"  # or "test": the set that `references` are of

    def __init__(
        self,
        source: str = "data/penguins.csv",
        *,
        target: str = "sex",
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
        labels = rows.column(self.target)
        check_labels(labels, rows.places)
        train, held = self.split(
            rows.places, splits=rows.columns.get("split"), labels=labels, held_out=held_out
        )
        self.classes = class_names(labels, rows.places, train)
        self.encode = TableEncoder.of(
            rows,
            train,
            ignore=(self.target, *self.ignore),
            categorical=self.categorical,
        )
        inputs = self.encode(rows)
        targets = class_numbers(labels, rows.places, self.classes)
        self.held_out, self.chance = held_out, majority_share(targets[held])
        return TensorSet(inputs[train], targets[train]), TensorSet(inputs[held], targets[held])

    @property
    def sizes(self) -> dict[str, int]:
        """What a model has to know."""
        return {"in_features": self.encode.width, "out_features": len(self.classes)}

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Rows as they are: no change of a number is sure to keep the label."""
        return inputs

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Figures of the whole validation set."""
        return {"accuracy": accuracy(outputs, targets), "macro_f1": macro_f1(outputs, targets)}

    def references(self) -> dict[str, float]:
        """What the accuracy is compared with."""
        known = BASELINES.get((self.source, self.target), {}).get(self.held_out, {})
        return {**known, "chance": self.chance}

    def figure(self, outputs: Tensor, targets: Tensor, path: Path) -> None:
        """Draws which class is taken for which."""
        draw_confusion(confusion_matrix(outputs, targets), self.classes, path)

    def state_dict(self) -> dict[str, Any]:
        """All that predicting needs, in plain types and tensors."""
        return {
            "classes": self.classes,
            "columns": self.encode.state_dict(),
            "chance": self.chance,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; reads no data."""
        self.classes = state["classes"]
        self.encode = TableEncoder.from_state_dict(state["columns"])
        self.chance = state["chance"]

    def read(self, paths: Sequence[str | Path]) -> Tensor:
        """Files with the columns of the training data, the label not needed -> rows (B, F)."""
        return torch.cat([self.encode(read_rows(path)) for path in paths])

    def describe(self, outputs: Tensor) -> list[str]:
        """The label of each row, and how probable it is."""
        return describe_classes(outputs, self.classes)
