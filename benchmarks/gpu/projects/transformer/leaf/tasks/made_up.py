"""Texts that are made up in memory, all of one length: each class has words of its own, among those that all share."""

import torch

from ..data import Dataset
from ..readers.texts import Vocabulary
from .text_classification import TextClassification, TokenSet

CLASSES = 10
WORDS = 1022  # with padding and the unknown word 1024
OWN_WORDS = 8  # of a class
OWN_SHARE = 0.05  # of a text
HELD_OUT = 256


class MadeUpTexts(TextClassification):
    """Token ids (B, T) int64 -> logits (B, 10); targets (B,) int64. No word is made unknown.

    samples: how many there are to train with
    length: words of each text; with its CLS a model reads one token more
    """

    chance = 1 / CLASSES

    def __init__(self, *, samples: int = 1024, length: int = 511) -> None:
        super().__init__("made up", word_dropout=0.0, max_length=length)
        self.samples = samples
        self.classes = [str(number) for number in range(CLASSES)]
        self.vocabulary = Vocabulary(tuple(f"word{number}" for number in range(WORDS)), length)

    def load(self, held_out: str = "val") -> tuple[Dataset, Dataset]:
        """Training set and the one held out, the same each time."""
        generator = torch.Generator().manual_seed(0)

        def drawn(count: int) -> Dataset:
            targets = torch.arange(count) % CLASSES
            shape = (count, self.max_length)
            shared = torch.randint(2, 2 + WORDS, shape, generator=generator)
            own = (
                torch.randint(OWN_WORDS, shape, generator=generator)
                + 2
                + OWN_WORDS * targets[:, None]
            )
            is_own = torch.rand(shape, generator=generator) < OWN_SHARE
            return TokenSet(torch.where(is_own, own, shared), targets)

        return drawn(self.samples), drawn(HELD_OUT)
