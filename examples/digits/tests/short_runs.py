"""Short runs of the configs for two_processes.py, whole and stopped, asked to stop, with a sample that overflows, on a full disk."""

import errno
import os
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from unittest import mock

import torch

from digits import distributed, storage, writing
from digits import train as training
from digits.config import Config, load
from digits.distributed import from_each, processes, rank
from digits.run import Run
from digits.settings import settings_of
from digits.storage import read

from . import conftest

CONFIGS = sorted((conftest.ROOT / "configs").glob("[!_]*.py"))


def prepared(file: Path) -> Config:
    """A short run of a config, of few rows, without dropout: its masks depend on the number of processes."""
    config = load(file)
    task = conftest.class_of(config.task)
    task.load = conftest.load_few(task)
    dropout = {name: 0.0 for name in settings_of(config.model) if "dropout" in name}
    config = replace(config, model=partial(config.model, **dropout))
    return replace(conftest.small(config), evaluate_steps=2)


def train(config: Config, path: Path, *, stop_after: int = 6) -> None:
    """A run of 6 steps, or the part of it until it is stopped like a killed one; the same path goes on."""
    path.mkdir(parents=True, exist_ok=True)
    real_count = training.Progress.count

    def count_or_stop(progress: Any, *what: Any) -> None:
        if progress.step == stop_after:
            raise KeyboardInterrupt
        real_count(progress, *what)

    training.Progress.count = count_or_stop
    training.report = lambda *_: {}
    try:
        training.train(config, Run(path))
    except KeyboardInterrupt:
        distributed.wait_for_all()
    finally:
        training.Progress.count = real_count


def signalled(config: Config, path: Path) -> list:
    """A run whose last process alone is asked to stop, in its third step: every process's exit code and last step."""
    real_count, asked = training.Progress.count, Event()

    def count_and_kill(progress: Any, *what: Any) -> None:
        real_count(progress, *what)
        if progress.step == 3:
            asked.set()
            if rank() == processes() - 1:
                os.kill(os.getpid(), signal.SIGTERM)

    def save_slowly(*what: Any, **how: Any) -> None:
        time.sleep(1 if asked.is_set() and rank() == 0 else 0)  # the others have to wait for it
        storage.save(*what, **how)

    training.Progress.count = count_and_kill
    try:
        with mock.patch.object(writing, "save", save_slowly):
            training.train(config, Run(path))
    except SystemExit as stop:
        return from_each((stop.code, read(path / "last.pt")["progress"]["step"]))
    finally:
        training.Progress.count = real_count
    return []


def poisoned(config: Config, path: Path) -> list[str]:
    """What every process says of a run with one sample whose size overflows."""
    task = conftest.class_of(config.task)
    real_load = task.load

    def load_with_poison(self: Any) -> tuple:
        train_set, val_set = real_load(self)
        train_set.inputs[20] = torch.finfo(torch.float32).max
        return train_set, val_set

    task.load = load_with_poison
    try:
        training.train(config, Run(path))
    except FloatingPointError as error:
        return from_each(str(error))
    finally:
        task.load = real_load
    return []


def on_a_full_disk(config: Config, path: Path) -> list[str]:
    """What every process says of a run in shards of which the last process cannot write its own."""
    from torch.distributed.checkpoint import FileSystemWriter

    real_write = FileSystemWriter.write_data

    def write_data(self: Any, *what: Any) -> Any:
        if rank() == processes() - 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(self, *what)

    try:
        with mock.patch.object(FileSystemWriter, "write_data", write_data):
            training.train(config, Run(path))
    except OSError as error:
        return from_each(str(error))
    return []
