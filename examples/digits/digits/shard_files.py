"""The files of shards: runs/NAME/shards/3 is a folder that torch.distributed.checkpoint writes, each process its part.

A checkpoint names the folder that belongs to it and holds the checksums of what is in it. The folder is written first, so a checkpoint is
there when its own file is; one that no checkpoint names any more is removed.
"""

import hashlib
import pickle
import shutil
import warnings
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from .distributed import PATIENCE, from_each, from_first, is_first, processes, rank

# torch.distributed.checkpoint takes half a second to import: only those who shard wait for it
FOLDER = "shards"


class ShardWriter:
    """Writes shards while training goes on, from a copy in memory. All processes begin it, and wait for it."""

    def __init__(self, shards: dict[str, Tensor], run_path: Path) -> None:
        from torch.distributed.checkpoint import FileSystemWriter, async_save

        self.folder = from_first(new_folder, run_path / FOLDER)
        writer = FileSystemWriter(self.folder)
        self.done: Future[Any] = async_save(shards, storage_writer=writer, process_group=writers())  # type: ignore[assignment]

    def wait(self) -> dict[str, Any]:
        """What the checkpoint notes of the folder, when all of it is on the disk.

        Raises:
            OSError: a process cannot write its part; all of them are told
        """
        from torch.distributed.checkpoint import CheckpointException

        try:
            self.done.result()
        except CheckpointException as error:
            raise OSError(str(next(iter(error.failures.values()))[0])) from error
        own = list(self.folder.glob(f"__{rank()}_*"))
        if is_first():
            own.append(self.folder / ".metadata")
        noted: list[Any] = [None] * processes()
        dist.all_gather_object(noted, {f.name: checksum(f) for f in own}, group=writers())
        checksums = {name: value for part in noted for name, value in part.items()}
        return {"folder": self.folder.name, "checksums": checksums}


@cache
def writers() -> dist.ProcessGroup:
    """The processes once more: what their threads tell each other does not get between what the steps do."""
    return dist.new_group(backend="gloo", timeout=PATIENCE)


def new_folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    folder = path / str(1 + max((int(old.name) for old in path.iterdir()), default=0))
    folder.mkdir()
    return folder


def checksum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def check_shards(run_path: Path, noted: dict[str, Any]) -> None:
    """Raises ValueError in every process where a file is not what was noted. Each looks at its share of them."""
    folder, checksums = run_path / FOLDER / noted["folder"], noted["checksums"]
    own = [folder / name for name in sorted(checksums)[rank() :: processes()]]
    wrong = [f for f in own if not f.is_file() or checksum(f) != checksums[f.name]]
    for file in chain.from_iterable(from_each(wrong)):
        raise ValueError(f"{file} is damaged or gone")


def discard_unused(run_path: Path, needed: Iterable[str] = ()) -> None:
    """Removes the folders that no checkpoint names, but for those that are needed; none while there is a checkpoint that cannot be read."""
    folders = list((run_path / FOLDER).glob("*"))
    if not folders or not is_first():
        return
    try:
        used = {*needed, *map(folder_of, run_path.glob("*.pt"))}
    except Exception:  # torch raises half a dozen types for a broken file
        return
    for folder in folders:
        if folder.name not in used:
            shutil.rmtree(folder)


def folder_of(file: Path) -> str | None:
    """The folder that a checkpoint names. The tensors in it are not read."""
    payload = torch.load(file, map_location="cpu", mmap=True, weights_only=True)
    return payload["shards"]["folder"] if "shards" in payload else None


def read_shards(run_path: Path, noted: dict[str, Any], into: dict[str, Tensor]) -> None:
    """Fills these tensors, which may be sharded in any way. Each process reads what it needs of them."""
    from torch.distributed.checkpoint import FileSystemReader, load

    class Reader(FileSystemReader):
        def read_metadata(self, *args: Any, **kwargs: Any) -> Any:
            with (folder / ".metadata").open("rb") as file:
                return Index(file).load()

    folder = run_path / FOLDER / noted["folder"]
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # that each reads alone
        load(into, storage_reader=Reader(folder), no_dist=True)


class Index(pickle.Unpickler):
    """Reads what torch.distributed.checkpoint pickles of a folder, and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("pathlib"):
            return Path  # whatever system it was written on
        if module in ("torch", "torch.serialization") or module.startswith(
            "torch.distributed.checkpoint."
        ):
            found = super().find_class(module, name)
            is_type = isinstance(found, type) and issubclass(found, (Enum, torch.Size))
            if (
                is_type
                or is_dataclass(found)
                or isinstance(found, torch.dtype)
                or name == "_get_layout"
            ):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} has no place in an index of shards")
