"""Files that are whole or are not there, and that give nothing but data when they are read.

A file is written beside its name, and takes the name when it is on the disk. Where it is asked for, the one that it replaces is kept:
should the last one be damaged, that is read.
"""

import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

from .distributed import is_first


def save(payload: dict[str, Any], path: Path, *, keep: bool = False) -> None:
    """Writes a file whole or not at all, even when the machine dies: the old file stays until the new one is on disk.

    Of several processes the first one writes. keep: the file that it replaces stays as `before(path)`
    """
    if not is_first():
        return
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            torch.save(payload, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if keep and path.exists():
        os.replace(path, before(path))
    os.replace(temporary, path)
    if os.name == "posix":  # makes the new name durable as well
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def replace_text(path: Path, text: str) -> None:
    """Writes a text whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def before(path: Path) -> Path:
    """Where the checkpoint before the last one is kept: `last.pt` -> `before_last.pt`."""
    return path.with_name(f"before_{path.name}")


def exists(path: Path) -> bool:
    """Whether there is something to go on from: between two renames only the older one is there."""
    return path.exists() or before(path).exists()


def read_newest(path: Path) -> dict[str, Any]:
    """The last checkpoint, or the one before it where the last one is damaged."""
    try:
        return read(path)
    except (ValueError, FileNotFoundError) as error:
        if not before(path).exists():
            raise
        print(f"{error}. Going on from {before(path)}.", file=sys.stderr)
        payload = read(before(path))
        path.unlink(missing_ok=True)  # it must not become the one that is kept
        return payload


def read(path: Path) -> dict[str, Any]:
    """A file that `save` wrote, on the CPU; each part is copied to its device when it is loaded."""
    try:
        with zipfile.ZipFile(path) as archive:
            # torch does not look at the checksums that it writes
            if damaged := archive.testzip():
                raise ValueError(f"the checksum of {damaged} is wrong")
        payload = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no checkpoint {path}") from None
    except Exception as error:  # torch raises half a dozen types for a broken file
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be read as a checkpoint: {reason}") from error
    if not isinstance(payload, dict):
        raise ValueError(f"{path} is not a checkpoint: it holds a {type(payload).__name__}")
    return payload
