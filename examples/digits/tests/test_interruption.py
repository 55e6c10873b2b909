"""Asked to stop, a run saves at the end of the step and leaves; a damaged checkpoint does not end it."""

import gc
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace

import pytest
import torch

from digits import data
from digits.data import fetch
from digits.storage import earlier, numbered, read


@pytest.fixture(autouse=True)
def usual_handlers():
    """As from a terminal, also where the tests run in the background: there Ctrl-C is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def signalled(config, monkeypatch):
    """Around a training: this process gets a signal while it works on the step after `step`."""
    task = type(config.task())
    augment = task.augment

    def at(step: int, number: int) -> None:
        left = iter(range(step))

        def augment_after_signal(self, inputs, generator):
            if next(left, None) is None:
                os.kill(os.getpid(), number)
                monkeypatch.setattr(task, "augment", augment)
            return augment(self, inputs, generator)

        monkeypatch.setattr(task, "augment", augment_after_signal)

    return at


def test_a_signal_that_is_ignored_stays_ignored(config, trained, signalled):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signalled(3, signal.SIGINT)
    assert read(trained(config).last_file)["progress"]["step"] == 6


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_at_the_end_of_its_step(config, trained, signalled, number, capsys):
    signalled(3, number)
    with pytest.raises(SystemExit) as left:
        trained(config, "stopped")
    assert left.value.code == 128 + number
    run = trained(config, "stopped")  # goes on
    captured = capsys.readouterr()
    assert f"stopped; the same command goes on from {run.last_file}" in captured.err
    assert "going on after step 4 of 6" in captured.out
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_going_on_after_a_signal_equals_never_stopping(config, trained, signalled, differences):
    whole = trained(config, "whole")
    signalled(1, signal.SIGTERM)
    with pytest.raises(SystemExit):
        trained(config, "stopped")
    parts = trained(config, "stopped")
    for file in ("last_file", "model_file"):
        assert differences(read(getattr(whole, file)), read(getattr(parts, file))) == []


def test_a_second_signal_ends_the_process_at_once(config, trained, signalled):
    twice = signal.SIGINT  # as ever: KeyboardInterrupt
    signalled(1, twice)
    task = type(config.task())
    augment = task.augment

    def augment_and_again(self, inputs, generator):
        outputs = augment(self, inputs, generator)
        if task.augment is not augment_and_again:  # the first signal has come
            os.kill(os.getpid(), twice)
        return outputs

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task, "augment", augment_and_again)
        with pytest.raises(KeyboardInterrupt):
            trained(config)


class Interrupted:
    """Samples whose reading brings a signal."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __getitems__(self, indices):
        os.kill(os.getpid(), self.number)
        return torch.tensor(indices), torch.tensor(indices)


ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="does not tell who sent a signal")


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=ON_LINUX)])
def test_a_process_that_loads_data_leaves_signals_to_the_run(number, monkeypatch):
    monkeypatch.setattr(data, "HANGS", 10)
    chunks = [torch.tensor([0]), torch.tensor([1])]
    assert [int(x) for x, _ in fetch(Interrupted(number), chunks, workers=1)] == [0, 1]


@ON_LINUX
def test_a_signal_to_every_process_of_a_run_saves_and_leaves_at_once(config, trained, monkeypatch):
    """As `timeout` and systemd send it."""
    task = type(config.task())
    augment = task.augment

    def augment_after_signal(self, inputs, generator):
        processes = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
        assert len(processes) == 3
        subprocess.run(["sh", "-c", "kill -TERM " + " ".join(map(str, processes))], check=True)
        time.sleep(0.2)  # a process that dies of it is noticed
        return augment(self, inputs, generator)

    monkeypatch.setattr(task, "augment", augment_after_signal)
    with pytest.raises(SystemExit) as left:
        trained(replace(config, workers=2), "stopped")
    assert left.value.code == 128 + signal.SIGTERM
    began = time.monotonic()
    del left  # its frames hold what has loaded the data
    gc.collect()
    assert multiprocessing.active_children() == []
    assert time.monotonic() - began < 4  # torch waits 5 s for a process that does not end


def flip_a_bit(content: bytearray) -> None:
    """In the largest tensor of a file: torch.load alone would not notice."""
    largest = max(zipfile.ZipFile(io.BytesIO(content)).infolist(), key=lambda part: part.file_size)
    start = largest.header_offset
    lengths = (content[start + 26 : start + 28], content[start + 28 : start + 30])
    data = start + 30 + sum(int.from_bytes(length, "little") for length in lengths)
    content[data + largest.file_size // 2] ^= 1


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "gone"])
def test_a_damaged_checkpoint_is_told_and_the_one_before_it_taken(
    config, trained, interrupted, differences, damage, capsys
):
    config = replace(config, evaluate_steps=1)
    whole = trained(config, "whole")
    with interrupted(config, 4):
        run = trained(config, "damaged")
    file = whole.path.with_name("damaged") / "last.pt"
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        flip_a_bit(content)
    shorter = {"flipped": content, "cut": content[:-100], "empty": b""}
    file.write_bytes(shorter[damage]) if damage in shorter else file.unlink()
    run = trained(config, "damaged")
    assert f"Going on from {numbered(file, 1)}." in capsys.readouterr().err
    assert differences(read(whole.last_file), read(run.last_file)) == []


def test_as_many_checkpoints_stay_as_are_asked_for(config, trained, differences):
    """The newest that is whole is gone on from; damaged ones do not take the place of others."""
    config = replace(config, evaluate_steps=1, keep_checkpoints=3)
    file = trained(config, "whole").last_file
    files = [file, *earlier(file)]
    assert [one.name for one in files] == ["last.pt", "last.1.pt", "last.2.pt"]
    assert [read(one)["progress"]["step"] for one in files] == [6, 5, 4]
    payloads = [read(one) for one in files]
    for damaged in files[:2]:
        damaged.write_bytes(b"")
    trained(config, "whole")
    for one, payload in zip(files, payloads, strict=True):
        assert differences(read(one), payload) == []


def test_the_best_checkpoint_is_one_as_well(config, trained, interrupted, differences, capsys):
    """It is gone on from where neither the last one nor those before it are whole; without it, the way out is named."""
    config = replace(config, evaluate_steps=2)
    whole = trained(config, "whole")
    with interrupted(config, 5):
        trained(config, "damaged")
    folder = whole.path.with_name("damaged")
    (folder / "last.1.pt").unlink()
    (folder / "last.pt").write_bytes(b"")
    run = trained(config, "damaged")
    assert f"Going on from {run.best_file}." in capsys.readouterr().err
    assert differences(read(whole.last_file), read(run.last_file)) == []
    for file in folder.glob("*.pt"):
        file.write_bytes(b"")
    with pytest.raises(SystemExit):
        trained(config, "damaged")
    assert "no other one is whole: --fresh trains anew" in capsys.readouterr().err
