"""Text classification: one label for each text."""

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
from ..readers.texts import PADDING, UNKNOWN, Vocabulary, read_texts

# see data/wordnet.md
KNOWN = "TF-IDF, logistic regression"
BASELINES = {"data/wordnet.csv": {"val": {KNOWN: 0.874}, "test": {KNOWN: 0.889}}}


class TokenSet(TensorSet):
    """Texts in memory: token ids (N, T), 0 = padding; a batch is as long as its longest text."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        super().__init__(inputs, targets)
        # on the CPU, where a batch can be cut without waiting for the device
        self.lengths = (inputs != PADDING).sum(dim=1).cpu()  # (N,)

    def __getitems__(self, indices: Any) -> tuple[Tensor, Tensor]:
        inputs, targets = super().__getitems__(indices)
        return inputs[:, : int(self.lengths[torch.as_tensor(indices)].max())], targets


class TextClassification:
    """Token ids (B, T) int64, 0 = padding -> logits (B, K); targets (B,) int64.

    source: a .csv, .jsonl, .parquet or .npz file. A column `split` (train, val, test) says what
        a row is for; without it `val_fraction` and `test_fraction` of each class are drawn.
    text, label: the names of its columns.
    word_dropout: the share of training words made unknown, so that those, too, are learned from.
    min_count: words that are rarer in the training rows are unknown.
    max_vocabulary: how many words are known at most.
    max_length: words of a text that are read; the rest is left out.
    """

    metric = "accuracy"
    higher_is_better = True
    held_out = "val"  # or "test": the set that `references` are of

    def __init__(
        self,
        source: str = "data/wordnet.csv",
        *,
        text: str = "text",
        label: str = "label",
        word_dropout: float = 0.1,
        min_count: int = 1,
        max_vocabulary: int = 20_000,
        max_length: int = 128,
        val_fraction: float = 0.15,
        test_fraction: float = 0.15,
        split_seed: int = 0,
    ) -> None:
        if not 0 <= word_dropout < 1:
            raise ValueError(f"word_dropout must be from 0 to below 1, not {word_dropout}")
        self.source, self.text, self.label = source, text, label
        self.word_dropout = word_dropout
        self.min_count = min_count
        self.max_vocabulary = max_vocabulary
        self.max_length = max_length
        self.split = partial(
            split_rows, fraction=val_fraction, test_fraction=test_fraction, seed=split_seed
        )

    def load(self, held_out: str = "val") -> tuple[Dataset, Dataset]:
        """Training set and the one held out; words and classes are those of the training rows."""
        rows = read_rows(self.source)
        texts, labels = rows.column(self.text), rows.column(self.label)
        check_labels(labels, rows.places)
        train, held = self.split(
            rows.places, splits=rows.columns.get("split"), labels=labels, held_out=held_out
        )
        self.classes = class_names(labels, rows.places, train)
        self.vocabulary = Vocabulary.of(
            texts,
            train,
            min_count=self.min_count,
            max_size=self.max_vocabulary,
            max_length=self.max_length,
        )
        inputs = self.vocabulary(texts)
        targets = class_numbers(labels, rows.places, self.classes)
        self.held_out, self.chance = held_out, majority_share(targets[held])
        return TokenSet(inputs[train], targets[train]), TokenSet(inputs[held], targets[held])

    @property
    def sizes(self) -> dict[str, int]:
        """What a model has to know."""
        return {
            "vocabulary_size": len(self.vocabulary),
            "max_length": self.vocabulary.max_length,
            "out_features": len(self.classes),
        }

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Token ids (B, T), some of them made unknown by `generator` alone; padding stays."""
        if not self.word_dropout:
            return inputs
        dropped = torch.rand(inputs.shape, generator=generator) < self.word_dropout  # (B, T)
        dropped = dropped.to(inputs.device, non_blocking=True) & (inputs != PADDING)
        return inputs.masked_fill(dropped, UNKNOWN)

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Figures of the whole validation set."""
        return {"accuracy": accuracy(outputs, targets), "macro_f1": macro_f1(outputs, targets)}

    def references(self) -> dict[str, float]:
        """What the accuracy is compared with."""
        known = BASELINES.get(self.source, {}).get(self.held_out, {})
        return {**known, "chance": self.chance}

    def figure(self, outputs: Tensor, targets: Tensor, path: Path) -> None:
        """Draws which class is taken for which."""
        draw_confusion(confusion_matrix(outputs, targets), self.classes, path)

    def state_dict(self) -> dict[str, Any]:
        """All that predicting needs, in plain types and tensors."""
        return {"classes": self.classes, "vocabulary": vars(self.vocabulary), "chance": self.chance}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; reads no data."""
        self.classes = state["classes"]
        self.vocabulary = Vocabulary(**state["vocabulary"])
        self.chance = state["chance"]

    def read(self, paths: Sequence[str | Path]) -> Tensor:
        """Files of rows with the column of texts, or .txt with a text a line -> ids (B, T)."""
        return self.vocabulary([text for path in paths for text in read_texts(path, self.text)])

    def describe(self, outputs: Tensor) -> list[str]:
        """The label of each text, and how probable it is."""
        return describe_classes(outputs, self.classes)
