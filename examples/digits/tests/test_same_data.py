"""A run goes on with the data that it was begun with, or says what has changed; the same data are the same wherever they are."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from digits import command
from digits import run as run_module
from digits import train as training
from digits.data import TensorSet
from digits.same_data import SameData, differences
from digits.storage import read

from .conftest import class_of

NUMBERS = torch.randn(400, 3, 5, generator=torch.Generator().manual_seed(0))
TRAIN = TensorSet(NUMBERS[:300], torch.arange(300) % 7)
VAL = TensorSet(NUMBERS[300:], NUMBERS[:100])


class OnDisk:
    """The same rows without a list of all of them."""

    def __init__(self, rows: TensorSet) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, indices):
        return self.rows.__getitems__(indices)


def changes(train=TRAIN, val=VAL, *, old=(TRAIN, VAL)) -> list[str]:
    return [*differences(SameData(*old).state_dict(), SameData(train, val).state_dict())]


def other(rows: TensorSet, *, inputs=None, targets=None) -> TensorSet:
    """The same rows with changed inputs or targets."""
    return TensorSet(
        rows.inputs if inputs is None else inputs, rows.targets if targets is None else targets
    )


def test_the_same_data_are_the_same():
    """Read again, by another number of threads, and rounded in another way."""
    assert changes() == []
    assert changes(OnDisk(TRAIN), old=(OnDisk(TRAIN), VAL)) == []
    rounded = NUMBERS[:300] * (1 + 1e-7) - 1e-7
    assert not torch.equal(rounded, TRAIN.inputs)
    assert changes(other(TRAIN, inputs=rounded)) == []
    blank = other(TRAIN, inputs=torch.zeros(300, 4))
    assert changes(blank, old=(blank, VAL)) == []


def test_what_has_changed_is_named():
    order = torch.arange(300)
    order[:2] = order[[1, 0]]  # neighbours
    shuffled = TensorSet(TRAIN.inputs[order], TRAIN.targets[order])
    assert changes(shuffled) == ["the training set has other inputs and targets"]
    label = TRAIN.targets.clone()
    label[123] += 1
    assert changes(other(TRAIN, targets=label)) == ["the training set has other targets"]
    number = VAL.inputs.clone()
    number[50, 2, 4] += 0.1
    assert changes(val=other(VAL, inputs=number)) == ["the validation set has other inputs"]
    turned = other(VAL, targets=VAL.targets.transpose(1, 2))
    assert changes(val=turned) == ["the validation set has other targets"]
    assert changes(TensorSet(TRAIN.inputs[1:], TRAIN.targets[1:])) == [
        "the training set has 299 rows instead of 300"
    ]


@pytest.fixture
def begin(config_file, config, interrupted, monkeypatch, tmp_path):
    """Runs the command with more arguments, to its end or until Ctrl-C in a step."""
    monkeypatch.setattr(run_module, "ROOT", tmp_path)
    monkeypatch.setattr(training, "report", lambda *_: {})
    config = replace(config, evaluate_steps=1)
    monkeypatch.setattr(command, "load", lambda *_: config)

    def train(*arguments: str, until: int | None = None) -> Path:
        monkeypatch.setattr(sys, "argv", ["train", str(config_file), "--name", "a", *arguments])
        if until is None:
            training.main()
        else:
            with pytest.raises(SystemExit), interrupted(config, until):
                training.main()
        return tmp_path / "a"

    return train


@pytest.fixture
def change(config, monkeypatch):
    """Exchanges two training rows of what the task loads, from here on."""
    task = class_of(config.task)
    load = task.load

    def exchanged(self, *held_out: str):
        train_set, val_set = load(self, *held_out)
        order = torch.arange(len(train_set))
        order[[3, 30]] = order[[30, 3]]
        return type(train_set)(train_set.inputs[order], train_set.targets[order]), val_set

    return lambda: monkeypatch.setattr(task, "load", exchanged)


def test_a_run_whose_data_have_changed_is_refused(begin, change, capsys):
    run = begin(until=3)
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    change()
    with pytest.raises(SystemExit) as stop:
        begin()
    assert stop.value.code == 2
    told = capsys.readouterr().err
    assert "error: the data are not those that this run has trained on: the training set " in told
    assert "--resume goes on with them all the same, --fresh starts anew\n" in told
    assert {file.name: file.read_bytes() for file in run.iterdir()} == before


def test_with_resume_it_goes_on_and_that_is_written_down(begin, change, capsys):
    run = begin(until=3)
    change()
    begin("--resume")
    assert "goes on with other data: the training set has other inputs" in capsys.readouterr().out
    assert read(run / "last.pt")["progress"]["step"] == 6
    (changed,) = json.loads((run / "run.json").read_text())["changed"]
    assert changed["after_step"] == 3
    assert changed["settings"][0].startswith("the training set has other inputs")


def test_a_checkpoint_without_marks_is_told(begin, capsys):
    run = begin(until=3)
    for file in run.glob("last*.pt"):
        torch.save({k: v for k, v in read(file).items() if k != "data"}, file)
    with pytest.raises(SystemExit) as stop:
        begin()
    assert stop.value.code == 2
    assert "is not a checkpoint of this version of the project" in capsys.readouterr().err
