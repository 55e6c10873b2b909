"""Images that are made up in memory: each class has a pattern of its own, under noise."""

import torch

from ..data import Dataset, TensorSet
from ..readers.images import Normalisation
from .image_classification import ImageClassification

CLASSES = 10
SHAPE = (3, 32, 32)
HELD_OUT = 256
NOISE = 8.0  # so much that the loss takes some hundred steps to fall


class MadeUpImages(ImageClassification):
    """Images (B, 3, 32, 32) float32 -> logits (B, 10); targets (B,) int64. Training images are not varied.

    samples: how many there are to train with
    """

    chance = 1 / CLASSES

    def __init__(self, *, samples: int = 1024) -> None:
        super().__init__("made up", augment=0.0)
        self.samples = samples
        self.classes = [str(number) for number in range(CLASSES)]
        self.shape = SHAPE
        self.normalise = Normalisation(1.0, torch.zeros(SHAPE[0]), torch.ones(SHAPE[0]))

    def load(self, held_out: str = "val") -> tuple[Dataset, Dataset]:
        """Training set and the one held out, the same each time."""
        generator = torch.Generator().manual_seed(0)
        patterns = torch.randn(CLASSES, *SHAPE, generator=generator)

        def drawn(count: int) -> Dataset:
            targets = torch.arange(count) % CLASSES
            noise = torch.randn(count, *SHAPE, generator=generator)
            return TensorSet(patterns[targets] + NOISE * noise, targets)

        return drawn(self.samples), drawn(HELD_OUT)
