"""Labelled images of one size, from folders, NumPy or CSV files.

Pixels are read as they are; `Normalisation` makes inputs of them, in training and in use alike.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .columns import load_arrays
from .image_files import SUFFIXES, ImageFiles, channels_of, class_folders, image_paths
from .numeric import as_numbers
from .rows import Rows, find, numbered, read_rows

FILE_SIZE = 64  # pixels a side of image files, where no other size is asked for
SAMPLE = 1000  # files that are decoded for the mean: all of them would take an epoch


@dataclass(frozen=True)
class LabelledImages:
    """`pixels[rows]` are (B, C, H, W); image i has `labels[i]` and stands at `places[i]`."""

    pixels: Tensor | ImageFiles
    labels: list[str]
    splits: list[str] | None  # train, val or test, where the source says it
    places: list[str]


@dataclass(frozen=True)
class Normalisation:
    """Pixels (B, C, H, W) -> inputs (B, C, H, W) float32, each channel with mean 0, deviation 1."""

    maximum: float  # a white pixel
    mean: Tensor  # (C,)
    std: Tensor  # (C,)

    @classmethod
    def of(cls, pixels: Tensor | ImageFiles, train: Tensor) -> Self:
        """What the training rows say; no other row is looked at."""
        if isinstance(pixels, ImageFiles):
            train = train[:: math.ceil(len(train) / SAMPLE)]
        seen = pixels[train]
        maximum = 255.0 if seen.dtype == torch.uint8 else float(seen.abs().max()) or 1.0
        std, mean = torch.std_mean(seen.float() / maximum, dim=(0, 2, 3))  # (C,)
        return cls(maximum, mean, torch.where(std > 0, std, 1.0))

    def __call__(self, pixels: Tensor) -> Tensor:
        # bytes have a known maximum, so image files suit a model that learned from other numbers
        maximum = 255.0 if pixels.dtype == torch.uint8 else self.maximum
        return (pixels.float() / maximum - self.mean[:, None, None]) / self.std[:, None, None]


def read_images(
    source: str | Path, *, size: int | None = None, channels: int | None = None
) -> LabelledImages:
    """All images with their labels; `size` pixels a side and 1 or 3 channels, or as they are."""
    if channels not in (None, 1, 3) or (size is not None and size < 1):
        raise ValueError(f"channels={channels} can be 1 or 3, image_size={size} at least 1")
    path = find(source)
    if path.is_dir():
        files, labels, splits = class_folders(path)
        side = size or FILE_SIZE
        shape = (channels or channels_of(files[0]), side, side)
        return LabelledImages(ImageFiles(files, shape), labels, splits, [str(f) for f in files])
    pixels, rows = read_pixels(path)
    if channels not in (None, pixels.shape[1]):
        raise ValueError(f"{path} has images of {pixels.shape[1]} channels, not {channels}")
    if size:
        pixels = resized(pixels, size, size)
    labels = rows.column("labels" if path.suffix.lower() == ".npz" else "label")
    return LabelledImages(pixels, labels, rows.columns.get("split"), rows.places)


def read_inputs(source: str | Path, shape: tuple[int, int, int]) -> Tensor:
    """Pixels (B, C, H, W) of an image file, a folder of them, or a .npz or .csv without labels."""
    path = find(source)
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        files = image_paths(path) if path.is_dir() else [path]
        if not files:
            raise ValueError(f"{path} holds no image file ({', '.join(SUFFIXES)})")
        return ImageFiles(files, shape)[torch.arange(len(files))]
    pixels, _ = read_pixels(path)
    channels, height, width = shape
    if pixels.shape[1] != channels:
        raise ValueError(f"{path} has images of {pixels.shape[1]} channels, not {channels}")
    return resized(pixels, height, width)


def read_pixels(path: Path) -> tuple[Tensor, Rows]:
    """Pixels (N, C, H, W) of a .npz or .csv file, and what else it says of each row."""
    if path.suffix.lower() == ".npz":
        arrays = load_arrays(path)
        if "images" not in arrays:
            raise ValueError(f"{path} has no array 'images'; it has: {', '.join(arrays)}")
        pixels = channels_first(path, arrays.pop("images"))
        words = {name: array.astype(str).tolist() for name, array in arrays.items()}
        return pixels, Rows(path, words, numbered(path, len(pixels)))
    rows = read_rows(path)
    names = [name for name in rows.columns if name not in ("label", "split")]
    side = math.isqrt(len(names))
    if side == 0 or side * side != len(names):
        raise ValueError(
            f"{path} has {len(names)} columns beside label and split; the pixels of a square image "
            "would be 64, 784 or another square number"
        )
    columns = [as_numbers(rows.columns[name], rows.places, name) for name in names]
    return torch.stack(columns, dim=1).float().reshape(-1, 1, side, side), rows


def channels_first(path: Path, images: np.ndarray[Any, Any]) -> Tensor:
    """Images (N, H, W) or (N, H, W, C) -> (N, C, H, W); bytes stay bytes."""
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3) or images.dtype.kind not in "uif":
        raise ValueError(
            f"{path}: images {images.dtype} {images.shape} must be numbers of shape (N, H, W), "
            "(N, H, W, 1) or (N, H, W, 3)"
        )
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
        if not np.isfinite(images).all():
            row = int((~np.isfinite(images).all(axis=(1, 2, 3))).argmax())
            raise ValueError(f"{path}, row {row} has a pixel that is not finite")
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def resized(pixels: Tensor, height: int, width: int) -> Tensor:
    """The middle of each image (N, C, H, W), as large as it can be, resized; as for image files."""
    old_height, old_width = pixels.shape[2:]
    if (old_height, old_width) == (height, width):
        return pixels
    scale = min(old_height / height, old_width / width)
    crop_height, crop_width = round(scale * height), round(scale * width)
    top, left = (old_height - crop_height) // 2, (old_width - crop_width) // 2
    middle = pixels[:, :, top : top + crop_height, left : left + crop_width].float()
    out = F.interpolate(middle, (height, width), mode="bilinear", antialias=True)
    return out.round().clamp(0, 255).byte() if pixels.dtype == torch.uint8 else out
