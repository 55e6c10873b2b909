"""Loading by other processes: how many there are, what they pin, and how a file that breaks in the middle of a run is told."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest
import torch

from digits import checks, command, data, evaluate
from digits import run as run_module
from digits import train as training
from digits.data import Dataset, TensorSet
from digits.device import cores
from digits.errors import ReadingError
from digits.exhaustion import explained


class OnDisk:
    """Samples that are not in memory, and the last one of which cannot be read where it is broken."""

    def __init__(self, samples: TensorSet, *, broken: bool = True) -> None:
        self.samples, self.broken = samples, broken

    def __len__(self) -> int:
        return len(self.samples)

    def __getitems__(self, indices) -> data.Batch:
        if self.broken and len(self) - 1 in list(indices):
            raise ValueError("leaves/oak/7.jpg cannot be read as an image: it is truncated")
        return self.samples.__getitems__(indices)


@pytest.fixture
def loaders(monkeypatch) -> list[dict]:
    """The settings of every loader from now on; none starts a process."""
    asked = []

    def load_here(dataset: Dataset, **settings) -> list[data.Batch]:
        asked.append(settings)
        return [dataset.__getitems__(rows) for rows in settings["batch_sampler"]]

    monkeypatch.setattr(data, "DataLoader", load_here)
    return asked


def test_training_and_evaluation_use_as_many_processes_as_the_config_says(config, loaders, trained):
    """Those of the training are started once for all epochs: where processes are not forked, each takes seconds."""
    trained(replace(config, workers=3))
    assert [settings["num_workers"] for settings in loaders] == [3] * 3  # training, two evaluations


@pytest.mark.parametrize(("device", "pinned"), [("cpu", False), ("cuda", True)])
def test_memory_is_pinned_for_a_run_on_cuda_alone(loaders, device, pinned):
    rows = TensorSet(torch.zeros(4, 1), torch.zeros(4))
    list(data.batches(rows, 2, 0, 0, 2, 1, torch.device(device)))
    list(data.in_order(rows, 2, 1, torch.device(device)))
    assert [settings["pin_memory"] for settings in loaders] == [pinned, pinned]


def test_data_on_disk_are_loaded_by_as_many_processes_as_there_are_cores(loaders, monkeypatch):
    rows = OnDisk(TensorSet(torch.zeros(4, 1), torch.zeros(4)))
    monkeypatch.setattr(data, "cores", lambda: 3)
    data.fetch(rows, [], None)
    assert loaders[0]["num_workers"] == 3


def test_only_cores_that_this_process_may_use_are_counted(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 5}, raising=False)
    assert cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS and Windows
    assert cores() == 64


@pytest.mark.parametrize(("broken", "workers"), [("train", 1), ("val", 0)])
def test_a_file_that_breaks_in_mid_training_is_told(
    config, config_file, monkeypatch, tmp_path, capsys, broken, workers
):
    task = getattr(config.task, "func", config.task)
    load = task.load

    def load_broken(self) -> tuple[Dataset, Dataset]:
        both = zip(("train", "val"), load(self), strict=True)
        train_set, val_set = (OnDisk(samples, broken=name == broken) for name, samples in both)
        return train_set, val_set

    monkeypatch.setattr(task, "load", load_broken)
    for check in ("check_data", "check_first_step"):  # of many files they read a few
        monkeypatch.setattr(checks, check, lambda *_, **__: [])
    monkeypatch.setattr(run_module, "ROOT", tmp_path)
    monkeypatch.setattr(command, "load", lambda *_: replace(config, workers=workers))
    monkeypatch.setattr(sys, "argv", ["train", str(config_file)])
    with pytest.raises(SystemExit) as stop:
        training.main()
    assert stop.value.code == 2
    last = {"train": 44, "val": 23}[broken]
    error = f"error: sample {last}: leaves/oak/7.jpg cannot be read as an image: it is truncated\n"
    assert capsys.readouterr().err == error


def test_a_file_that_breaks_under_evaluate_is_told(config, trained, monkeypatch, capsys):
    run = trained(config)
    _, val_set = config.task().load()
    task = getattr(config.task, "func", config.task)
    monkeypatch.setattr(task, "load", lambda self: (None, OnDisk(val_set)))
    monkeypatch.setattr(evaluate, "in_order", lambda dataset, *_: data.in_order(dataset, 8, 0))
    monkeypatch.setattr(sys, "argv", ["evaluate", str(run.path), "--device=cpu"])
    with pytest.raises(SystemExit) as stop:
        evaluate.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("error: sample 23: leaves/oak/7.jpg cannot")


class Unruly:
    """Reading its sample 3 fails in a way of one's choice."""

    def __init__(self, fail) -> None:
        self.fail = fail

    def __len__(self) -> int:
        return 6

    def __getitems__(self, indices) -> data.Batch:
        if 3 in list(indices):
            self.fail()
        return torch.zeros(len(indices), 1), torch.zeros(len(indices))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("error", [KeyError("mask"), RuntimeError("no such codec")])
def test_whatever_a_data_set_raises_is_told_with_the_sample(error, workers):
    def fail() -> None:
        raise error

    with pytest.raises(ReadingError) as told:
        list(data.in_order(Unruly(fail), 2, workers))
    assert str(told.value) == f"sample 3: {type(error).__name__}: {error}"


def test_a_process_that_hangs_is_told_with_the_rows_that_it_reads(config, monkeypatch):
    monkeypatch.setattr(data, "HANGS", 1)
    monkeypatch.setattr(torch.utils.data._utils, "MP_STATUS_CHECK_INTERVAL", 0.5)  # or 5 s for it

    def read_all() -> None:
        with explained(replace(config, workers=1)):
            list(data.in_order(Unruly(partial(time.sleep, 10)), 2, 1))

    told = r"a process that loads data hangs \(.* 1 seconds; rows waited for: 2, 3\). With workers="
    with pytest.raises(TimeoutError, match=told):
        read_all()
    assert multiprocessing.active_children() == []


ORPHANED = """
import os, signal, torch
from torch.utils.data._utils import worker
from digits import data

class Readers:
    def __len__(self):
        return 4
    def __getitems__(self, rows):
        return torch.tensor([os.getpid()]), torch.tensor([0])

worker.ManagerWatchdog.is_alive = lambda self: True  # as where the run dies while a process starts
batches = data.in_order(Readers(), 1, 1)
print(int(next(batches)[0]), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="others leave it to torch alone")
def test_a_process_that_loads_data_ends_with_its_run():
    """It holds the output of the run, whose end would otherwise never be seen here."""
    command = [sys.executable, "-c", ORPHANED]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            output, errors = process.communicate(timeout=30)
        finally:
            with suppress(ProcessLookupError):  # nobody is left, as it should be
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, errors
    assert output.strip().isdigit()


@pytest.mark.skipif(os.name != "posix", reason="kills a process by a signal")
def test_a_process_that_dies_is_told_with_what_to_change(config):
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def read_all() -> None:
        with explained(replace(config, workers=2)):
            list(data.in_order(Unruly(die), 6, 1))  # one batch: none is on its way as it dies

    told = r"a process that loads data is dead \(DataLoader worker .*try workers=1\. With work"
    with pytest.raises(ChildProcessError, match=told):
        read_all()
