"""Image classification: one label for each image."""

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
from ..readers.augmentation import random_affine
from ..readers.classes import check_labels, class_names, class_numbers, describe_classes
from ..readers.image_files import ImageFiles, LazyImages
from ..readers.images import Normalisation, read_images, read_inputs
from ..readers.splits import split_rows

# see data/digits.md
BASELINES = {
    "data/digits.csv": {
        "val": {"support vector machine": 0.98},
        "test": {"support vector machine": 0.962},
    }
}


class ImageClassification:
    """Images (B, C, H, W) float32 -> logits (B, K); targets (B,) int64.

    source: a folder with a folder of images for each class; a .npz file with `images` and `labels`;
        or a .csv file with a column `label` and one for each pixel. `split` (folders
        train/, val/, test/) says what an image is for; without it fractions are drawn.
    image_size: pixels a side. None: as they are, and 64 for image files.
    channels: 1 (grey) or 3. None: as they are.
    augment: how far training images are turned, shifted and zoomed; 0 = not at all.
    """

    metric = "accuracy"
    higher_is_better = True
    held_out = "val"  # or "test": the set that `references` are of

    def __init__(
        self,
        source: str = "data/digits.csv",
        *,
        image_size: int | None = None,
        channels: int | None = None,
        augment: float = 1.0,
        val_fraction: float = 0.15,
        test_fraction: float = 0.15,
        split_seed: int = 0,
    ) -> None:
        if augment < 0:
            raise ValueError(f"augment must be 0 or more, not {augment}")
        self.source = source
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
        self.held_out, self.chance = held_out, majority_share(targets[held])

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
            "out_features": len(self.classes),
        }

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """Images (B, C, H, W), varied at random by `generator` alone."""
        return random_affine(inputs, self.augment_strength, generator)

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
        """The label of each image, and how probable it is."""
        return describe_classes(outputs, self.classes)
