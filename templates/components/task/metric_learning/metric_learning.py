"""Metric learning: embeddings in which images of a class lie close.

For retrieval (find more like this one) and verification (are these two the same?).
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..data import Dataset, TensorSet
from ..metrics.retrieval import chance, draw_embeddings, map_at_r, recall_at_1
from ..readers.augmentation import random_affine
from ..readers.classes import check_labels, class_names, class_numbers
from ..readers.image_files import ImageFiles, LazyImages
from ..readers.images import Normalisation, read_images, read_inputs
from ..readers.splits import split_rows

# see data/digits.md
BASELINES = {"data/digits.csv": {"val": {"raw pixels": 0.701}, "test": {"raw pixels": 0.567}}}


class MetricLearning:
    """Images (B, C, H, W) float32 -> embeddings (B, D), compared by cosine; targets (B,) int64.

    source: a folder with a folder of images for each class; a .npz file with `images` and `labels`;
        or a .csv file with a column `label` and one for each pixel. `split` (folders
        train/, val/, test/) says what an image is for; without it fractions are drawn.
    embedding_dim: D.
    image_size: pixels a side. None: as they are, and 64 for image files.
    channels: 1 (grey) or 3. None: as they are.
    augment: how far training images are turned, shifted and zoomed; 0 = not at all.
    """

    metric = "map_at_r"
    higher_is_better = True
    held_out = "val"  # or "test": the set that `references` are of

    def __init__(
        self,
        source: str = "data/digits.csv",
        *,
        embedding_dim: int = 32,
        image_size: int | None = None,
        channels: int | None = None,
        augment: float = 1.0,
        val_fraction: float = 0.15,
        test_fraction: float = 0.15,
        split_seed: int = 0,
    ) -> None:
        if embedding_dim < 1:
            raise ValueError(f"embedding_dim must be at least 1, not {embedding_dim}")
        if augment < 0:
            raise ValueError(f"augment must be 0 or more, not {augment}")
        self.source = source
        self.embedding_dim = embedding_dim
        self.image_size = image_size
        self.channels = channels
        self.augment_strength = augment
        self.split = partial(
            split_rows, fraction=val_fraction, test_fraction=test_fraction, seed=split_seed
        )

    def load(self, held_out: str = "val") -> tuple[Dataset, Dataset]:
        """Training set and the one held out; everything is learned from the training rows alone."""
        images = read_images(self.source, size=self.image_size, channels=self.channels)
        check_labels(images.labels, images.places)
        train, held = self.split(
            images.places, splits=images.splits, labels=images.labels, held_out=held_out
        )
        self.classes = class_names(images.labels, images.places, train)
        self.normalise = Normalisation.of(images.pixels, train)
        channels, height, width = images.pixels.shape[-3:]
        self.shape = (channels, height, width)
        targets = class_numbers(images.labels, images.places, self.classes)
        self.held_out, self.chance = held_out, chance(targets[held])

        def samples(rows: Tensor) -> Dataset:
            if isinstance(images.pixels, ImageFiles):
                return LazyImages(images.pixels.take(rows), targets[rows], self.normalise)
            return TensorSet(self.normalise(images.pixels[rows]), targets[rows])

        return samples(train), samples(held)

    @property
    def sizes(self) -> dict[str, int]:
        """What a model has to know."""
        channels, height, width = self.shape
        return {
            "in_channels": channels,
            "in_features": channels * height * width,
            "out_features": self.embedding_dim,
        }

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Images (B, C, H, W), varied at random by `generator` alone."""
        return random_affine(inputs, self.augment_strength, generator)

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Figures of the whole validation set: each image asks for the others of its class."""
        return {
            "map_at_r": map_at_r(outputs, targets),
            "recall_at_1": recall_at_1(outputs, targets),
        }

    def references(self) -> dict[str, float]:
        """What the MAP@R is compared with."""
        known = BASELINES.get(self.source, {}).get(self.held_out, {})
        return {**known, "chance": self.chance}

    def figure(self, outputs: Tensor, targets: Tensor, path: Path) -> None:
        """Draws the embeddings in a plane, coloured by class."""
        draw_embeddings(outputs, targets, self.classes, path)

    def state_dict(self) -> dict[str, Any]:
        """All that predicting needs, in plain types and tensors."""
        return {
            "classes": self.classes,
            "shape": self.shape,
            "normalise": vars(self.normalise),
            "chance": self.chance,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; reads no data."""
        self.classes = state["classes"]
        self.shape = state["shape"]
        self.normalise = Normalisation(**state["normalise"])
        self.chance = state["chance"]

    def read(self, paths: Sequence[str | Path]) -> Tensor:
        """Image files, folders of them, .npz or .csv files -> inputs (B, C, H, W)."""
        return torch.cat([self.normalise(read_inputs(path, self.shape)) for path in paths])

    def describe(self, outputs: Tensor) -> list[str]:
        """For each image the one of the others that is most like it, and their cosine."""
        if len(outputs) < 2:
            return ["nothing to compare it with: give two images or more"] * len(outputs)
        directions = F.normalize(outputs.double(), dim=1)  # (B, D)
        answers = []
        for row, direction in enumerate(directions):
            cosines = directions @ direction  # (B,)
            cosines[row] = -torch.inf  # none is its own nearest
            nearest = int(cosines.argmax())
            answers.append(f"most like no. {nearest + 1} (cosine {cosines[nearest]:.3f})")
        return answers
