"""A task of any size: copied into a generated project, and told by the environment variable GROWN what to train on.

A run of it ends by itself after so many steps, long before its first evaluation: what is measured is the steps.
"""

import io
import json
import os
import sys
from typing import Any

import numpy as np
import stamps
import torch
from leaf.data import Dataset, TensorSet
from leaf.losses.cross_entropy import CrossEntropy
from leaf.tasks.image_classification import ImageClassification
from PIL import Image
from torch import Tensor

GROWN = json.loads(os.environ["GROWN"])
stamps.stamp_class(CrossEntropy)


class Pictures:
    """Samples that have to be decoded: PNG files, as they would lie in a folder, kept in memory."""

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(0)
        self.files = [self.encoded(random) for _ in range(count)]

    def __len__(self) -> int:
        return len(self.files)

    def __getitems__(self, indices: Any) -> tuple[Tensor, Tensor]:
        inputs = [self.decoded(self.files[int(index)]) for index in indices]
        return torch.stack(inputs), torch.as_tensor(indices) % 10

    @staticmethod
    def encoded(random: np.random.Generator) -> bytes:
        file = io.BytesIO()
        Image.fromarray(random.integers(256, size=(96, 96, 3), dtype=np.uint8)).save(file, "PNG")
        return file.getvalue()

    @staticmethod
    def decoded(file: bytes) -> Tensor:
        image = Image.open(io.BytesIO(file)).convert("L").resize((8, 8))
        return torch.from_numpy(np.asarray(image, dtype=np.float32) / 128 - 1)[None]


class Grown(ImageClassification):
    """GROWN: samples, where they are ("memory", "mapped" or "decoded"), and after how many steps a run ends."""

    def load(self, held_out: str = "val") -> tuple[Dataset, Dataset]:
        _, held = super().load(held_out)
        return training_set(GROWN["kept"], GROWN["samples"]), held

    begun = 0  # steps

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        if self.begun == GROWN["steps"]:
            sys.exit()
        self.begun += 1
        return inputs


def training_set(kept: str, count: int) -> Dataset:
    if kept == "decoded":
        return Pictures(count)
    pixels = torch.from_file(os.environ["PIXELS"], size=count * 64)
    if kept == "memory":
        pixels = pixels.clone()
    return TensorSet(pixels.view(-1, 1, 8, 8), torch.arange(count) % 10)
