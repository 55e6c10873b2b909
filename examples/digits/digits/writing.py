"""Saving while training goes on: a step waits for a copy in the memory of the machine, and a thread writes that to the disk.

A file that cannot be written is kept in memory and tried again, and no checkpoint becomes the last one before it is on the disk: going on
from it, nobody would miss that file.
"""

import copy
import shutil
import sys
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from torch import Tensor

from .distributed import is_first
from .shard_files import ShardWriter, discard_unused
from .sharded_checkpoint import take_out
from .storage import save, to_disk

FAILURES = 3  # in a row, such as on a full disk, before the run stops


class Writer:
    """Writes what it is given in order. Of several processes the first one writes."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.written: list[tuple[Path, Future[Any]]] = []
        self.owed: dict[Path, tuple[Any, Future[Any] | None, int | None]] = {}  # in order
        self.failures = 0  # in a row

    def save(self, payload: dict[str, Any], *paths: Path, keep: int | None = None) -> None:
        """`storage.save` of the payload as it is now, soon.

        keep: how many stay of the last path, which is then one to go on from
        """
        shards: dict[str, Tensor] = {}
        payload = take_out(payload, shards)
        noted: Future[Any] | None = None
        if shards:
            # what the processes tell each other goes in turn
            wait(future for _, future in self.written)
            noted = self.thread.submit(ShardWriter(shards, paths[-1].parent).wait)
            self.written.append((paths[-1], noted))
        if not is_first():
            return
        what: dict[str, Any] | Path = copied(payload, {})
        for path in paths:
            kept = keep if path == paths[-1] else None
            self.written.append((path, self.thread.submit(self.write, what, noted, path, kept)))
            what, noted = path, None  # which the next one is a copy of

    def write(
        self,
        payload: dict[str, Any] | Path,
        noted: Future[dict[str, Any]] | None,
        path: Path,
        keep: int | None,
    ) -> None:
        """In the thread: a file, after its shards and after what could not be written before it."""
        self.owed.pop(path, None)
        self.owed[path] = payload, noted, keep
        try:
            if keep is not None:  # a checkpoint is not ahead of its records either
                for records in path.parent.glob("*.jsonl"):
                    to_disk(records)
            for file, (what, shards, kept) in list(self.owed.items()):
                whole = what if shards is None else what | {"shards": shards.result()}
                save(whole, file, keep=kept or 1)
                del self.owed[file]
        finally:
            if keep is not None:  # the next one will be newer
                self.owed.pop(path, None)

    def wait(self, patience: int = FAILURES) -> None:
        """Until all of it is on the disk. Files that cannot be written are told, and the old ones stay.

        Raises:
            OSError: after so many times in a row
        """
        written, self.written = self.written, []
        errors = {path: error for path, future in written if (error := future.exception())}
        shards = [future for _, future, _ in self.owed.values() if future is not None]
        needed = [future.result()["folder"] for future in shards if not future.exception()]
        for run_path in {path.parent for path, _ in written}:
            discard_unused(run_path, needed)
        if not errors:
            self.failures = 0 if written else self.failures
            return
        error = next(iter(errors.values()))
        if not isinstance(error, (OSError, RuntimeError)):  # torch's error for a full disk
            raise error
        self.failures += 1
        told = f"{', '.join(map(str, errors))} cannot be written"
        free = shutil.disk_usage(next(iter(errors)).parent).free / 2**20
        reason = f"{str(error).splitlines()[0]} ({free:,.0f} MiB of the disk are free)"
        if self.failures >= patience:
            often = f", {self.failures} times in a row" if self.failures > 1 else ""
            raise OSError(f"{told}{often}: {reason}") from error
        print(f"{told}, so the old one stays and training goes on: {reason}", file=sys.stderr)

    def close(self) -> None:
        """Waits as well, where a run ends in the middle and has something else to tell."""
        self.thread.shutdown()


def copied(value: Any, seen: dict[Hashable, Tensor]) -> Any:
    """A state with its tensors copied to the CPU; those that share their memory do so again."""
    if isinstance(value, Tensor):
        if value.is_meta:  # it stands for shards
            return value
        key = (value.device, value.data_ptr(), value.dtype, value.shape, value.stride())
        if key not in seen:
            seen[key] = value.detach().to("cpu", copy=True)
        return seen[key]
    if isinstance(value, dict):
        new = copy.copy(value)  # with what a state dict notes of the versions of its modules
        new.update((name, copied(part, seen)) for name, part in value.items())
        return new
    if isinstance(value, (list, tuple)):
        return type(value)(copied(part, seen) for part in value)
    return value
