"""Files that are whole or are not there, and that give nothing but data when they are read.

A file is written beside its name, and takes the name when it is on the disk. Of checkpoints the ones before it stay as well, last.1.pt
and so on: should the last one be damaged, the newest of them that is whole is read.
"""

import os
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch

from .distributed import is_first
from .shard_files import check_shards


def save(payload: dict[str, Any] | Path, path: Path, *, keep: int = 1) -> None:
    """Writes a file whole or not at all, even when the machine dies: the old file stays until the new one is on disk.

    Of several processes the first one writes.

    payload: or a file that holds it: copying bytes is quicker
    keep: how many stay, this one and those that it replaces
    """
    if not is_first():
        return
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            if isinstance(payload, Path):
                with payload.open("rb") as same:
                    shutil.copyfileobj(same, file)
            else:
                torch.save(payload, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    for number in range(keep - 1, 0, -1):
        if (newer := numbered(path, number - 1)).exists():
            os.replace(newer, numbered(path, number))
    os.replace(temporary, path)
    if os.name == "posix":  # makes the new name durable as well
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)


def replace_text(path: Path, text: str) -> None:
    """Writes a text whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    to_disk(temporary)
    os.replace(temporary, path)


def to_disk(path: Path) -> None:
    """Waits until what was written to a file is on the disk."""
    with path.open("a") as file:
        os.fsync(file.fileno())


def numbered(path: Path, number: int) -> Path:
    """Where the checkpoint is kept that came so many before the last one: `last.pt`, `last.1.pt`, `last.2.pt`."""
    return path.with_stem(f"{path.stem}.{number}") if number else path


def earlier(path: Path) -> list[Path]:
    """The checkpoints before the last one, newest first. Being killed between two renames leaves a gap."""
    found = path.parent.glob(f"{path.stem}.*{path.suffix}")
    numbers = (file.name.split(".")[1] for file in found)
    return [numbered(path, number) for number in sorted(int(n) for n in numbers if n.isdigit())]


def exists(path: Path, *others: Path) -> bool:
    """Whether there is something to go on from: between two renames only older ones are there."""
    return any(file.exists() for file in (path, *earlier(path), *others))


def read_newest(path: Path, *others: Path) -> dict[str, Any]:
    """The newest checkpoint that is whole, or one of the others. Damaged ones before it go: they must not become those that are kept."""
    errors: dict[Path, Exception] = {}
    for file in (path, *earlier(path), *others):
        try:
            payload = read(file)
        except (ValueError, FileNotFoundError) as error:
            errors[file] = error
            continue
        for damaged, reason in errors.items():
            print(f"{reason}. Going on from {file}.", file=sys.stderr)
            damaged.unlink(missing_ok=True)
        return payload
    raise ValueError(f"{errors[path]}, and no other one is whole: --fresh trains anew")


def read(path: Path) -> dict[str, Any]:
    """A file that `save` wrote, on the CPU; each part is copied to its device when it is loaded."""
    try:
        with zipfile.ZipFile(path) as archive:
            # torch does not look at the checksums that it writes
            if damaged := archive.testzip():
                raise ValueError(f"the checksum of {damaged} is wrong")
        payload = torch.load(path, map_location="cpu", weights_only=True)
        if "shards" in payload:
            check_shards(path.parent, payload["shards"])
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no checkpoint {path}") from None
    except Exception as error:  # torch raises half a dozen types for a broken file
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be read as a checkpoint: {reason}") from error
    if not isinstance(payload, dict):
        raise ValueError(f"{path} is not a checkpoint: it holds a {type(payload).__name__}")
    return payload
