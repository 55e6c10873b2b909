"""Texts as numbers: one for each word of the training texts."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from .lines import read_text
from .rows import find, read_rows

PADDING, UNKNOWN = 0, 1  # the ids that stand for no word
WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")  # of any script, and don't is one word


def words_of(text: str) -> list[str]:
    """The lower-case words of a text."""
    # é can be one character or two: it has to be the same word
    return WORD.findall(unicodedata.normalize("NFC", text).lower())


@dataclass(frozen=True)
class Vocabulary:
    """Texts -> token ids (B, T) int64: 0 = padding, 1 = unknown, then `words` in their order."""

    words: tuple[str, ...]
    max_length: int  # what comes later in a text is left out

    @classmethod
    def of(
        cls, texts: Sequence[str], train: Tensor, *, min_count: int, max_size: int, max_length: int
    ) -> Self:
        """The most frequent words of the training rows; no other row is looked at."""
        if min(min_count, max_size, max_length) < 1:
            raise ValueError("min_count, max_vocabulary and max_length must be at least 1")
        counts = Counter(word for row in train.tolist() for word in words_of(texts[row]))
        # by count, and ties by the alphabet: the same texts in another order give the same ids
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        words = [word for word in ranked if counts[word] >= min_count][:max_size]
        if not words:
            raise ValueError(f"no word occurs {min_count} times in the training texts (min_count)")
        return cls(tuple(words), max_length)

    def __len__(self) -> int:
        return len(self.words) + 2

    def __call__(self, texts: Sequence[str]) -> Tensor:
        numbers = {word: number for number, word in enumerate(self.words, start=2)}
        rows = [
            torch.tensor(
                # a text without words is one unknown word: something has to be read
                [numbers.get(word, UNKNOWN) for word in words_of(text)[: self.max_length]]
                or [UNKNOWN]
            )
            for text in texts
        ]
        return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PADDING)


def read_texts(source: str | Path, column: str) -> list[str]:
    """Texts to predict: the lines of a .txt file, or a column of a file of rows."""
    path = find(source)
    if path.suffix.lower() != ".txt":
        return read_rows(path).column(column)
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    if not lines:
        raise ValueError(f"{path} holds no text")
    return lines
