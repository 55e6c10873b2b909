"""Image files, decoded when a batch asks for them.

One folder for each class, `leaves/oak/1.png`; or with the split said, `leaves/train/oak/1.png`.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


class ImageFiles:
    """`files[rows]` decodes the images of these rows: uint8 (B, C, H, W)."""

    def __init__(self, paths: Iterable[Path | str], shape: tuple[int, int, int]) -> None:
        # one array and not a list of objects: worker processes read it without copying it
        self.paths = np.array([str(path) for path in paths])
        self.shape = shape  # of one image: C, H, W

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: Tensor) -> "ImageFiles":
        """Some of the files."""
        return ImageFiles(self.paths[rows.numpy()], self.shape)

    def __getitem__(self, rows: Tensor) -> Tensor:
        return torch.stack([decode(path, self.shape) for path in self.paths[rows.numpy()].tolist()])


class LazyImages:
    """Samples on disk: a batch is decoded when it is asked for."""

    def __init__(
        self, files: ImageFiles, targets: Tensor, normalise: Callable[[Tensor], Tensor]
    ) -> None:
        self.files, self.targets, self.normalise = files, targets, normalise

    def __len__(self) -> int:
        return len(self.files)

    def __getitems__(self, indices: Any) -> tuple[Tensor, Tensor]:
        rows = torch.as_tensor(indices)
        return self.normalise(self.files[rows]), self.targets[rows]


def decode(path: str, shape: tuple[int, int, int]) -> Tensor:
    """The middle of an image file, as large as it can be, resized: uint8 (C, H, W)."""
    channels, height, width = shape
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)  # upright, however the camera was held
            if image.mode.startswith(("I", "F")):
                raise ValueError(f"it has more than 8 bits a pixel (mode {image.mode})")
            if image.has_transparency_data:  # what lies under it may be anything: paper instead
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            image = image.convert("RGB" if channels == 3 else "L")
            image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)
    except Exception as error:  # broken bytes lead decoders to errors of every type
        raise ValueError(f"{path} cannot be read as an image: {error}") from error
    pixels = torch.from_numpy(np.array(image)).reshape(height, width, channels)
    return pixels.permute(2, 0, 1)  # (C, H, W)


def channels_of(path: Path) -> int:
    """1 for a grey image, 3 for one in colour."""
    try:
        with Image.open(path) as image:
            return 1 if image.mode in ("1", "L", "LA") else 3
    except OSError as error:
        raise ValueError(f"{path} cannot be read as an image: {error}") from error


def image_paths(folder: Path) -> list[Path]:
    """All image files in a folder and in those inside it, in order."""
    files = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(path for path in files if not path.name.startswith("."))  # macOS leaves ._1.png


def class_folders(folder: Path) -> tuple[list[Path], list[str], list[str] | None]:
    """The image files of a folder of class folders, their labels, and their split where said."""
    told = [split for split in ("train", "val", "test") if (folder / split).is_dir()]
    if told[:2] == ["train", "val"]:
        parts = [(split, *class_folders(folder / split)) for split in told]
        return (
            [path for _, paths, _, _ in parts for path in paths],
            [label for _, _, labels, _ in parts for label in labels],
            [split for split, paths, _, _ in parts for _ in paths],
        )
    paths: list[Path] = []
    labels: list[str] = []
    for of_class in sorted(path for path in folder.iterdir() if path.is_dir()):
        if of_class.name.startswith("."):
            continue
        found = image_paths(of_class)
        if not found:
            raise ValueError(f"{of_class} holds no image file ({', '.join(SUFFIXES)})")
        paths += found
        labels += [of_class.name] * len(found)
    if not paths:
        raise ValueError(
            f"{folder} holds no folders of classes, such as {folder / 'oak' / '1.png'}"
        )
    return paths, labels, None
