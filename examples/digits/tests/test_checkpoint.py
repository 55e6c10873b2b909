"""Checkpoints are whole or not there, hold finite weights, and fit what they are loaded into."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from digits import storage
from digits.checkpoint import State
from digits.progress import Progress
from digits.storage import read, save


def state_of(model: nn.Module) -> State:
    """The state of a run of this model."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    scheduler = LambdaLR(optimizer, lambda step: 1.0)
    return State(model, nn.MSELoss(), optimizer, scheduler, scaler, Progress())


@pytest.fixture
def file(tmp_path) -> Path:
    """A checkpoint of a linear layer."""
    state = state_of(nn.Linear(2, 1))
    state.save(tmp_path / "last.pt")
    state.writer.wait()
    return tmp_path / "last.pt"


def fail(*_) -> None:
    raise OSError("no space left on device")


@pytest.mark.parametrize("what", ["torch.save", "os.fsync", "os.replace"])
def test_a_failed_save_leaves_the_old_file(file, monkeypatch, what):
    before = file.read_bytes()
    module, name = what.split(".")
    monkeypatch.setattr(getattr(storage, module), name, fail)
    with pytest.raises(OSError, match="no space left"):
        save({"new": 1}, file)
    monkeypatch.undo()
    assert file.read_bytes() == before
    save({"new": 2}, file)  # what the failure left behind is in nobody's way
    assert read(file) == {"new": 2}


def test_a_file_is_on_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    done, replace_file = [], os.replace
    monkeypatch.setattr(os, "fsync", lambda file: done.append("fsync"))

    def replace_and_note(source: Path, target: Path) -> None:
        done.append("replace")
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", replace_and_note)
    save({}, tmp_path / "file.pt")
    assert done[:2] == ["fsync", "replace"]


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_never_saved(file, value):
    before = file.read_bytes()
    model = nn.Linear(2, 1)
    nn.init.constant_(model.bias, value)
    with pytest.raises(FloatingPointError, match="bias is not finite; the checkpoint before is"):
        state_of(model).save(file)
    assert file.read_bytes() == before


def test_what_is_restored_is_what_was_saved(file, differences):
    model = nn.Linear(2, 1)
    state = state_of(model)
    state.restore(file)
    again = file.with_name("again.pt")
    state.save(again)
    state.writer.wait()
    assert differences(read(file), read(again)) == []


def test_a_broken_file_is_told(file):
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"last\.pt cannot be read as a checkpoint: "):
        read(file)
    file.write_text("something else")
    with pytest.raises(ValueError, match=r"last\.pt cannot be read as a checkpoint: "):
        read(file)
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint .*gone\.pt"):
        read(file.with_name("gone.pt"))


def test_nothing_in_a_file_is_executed(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    torch.save({"model": Harmful()}, tmp_path / "harmful.pt")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        read(tmp_path / "harmful.pt")
    assert not (tmp_path / "executed").exists()


def test_a_file_of_another_kind_is_told(file):
    torch.save([1, 2], file)
    with pytest.raises(ValueError, match="is not a checkpoint: it holds a list"):
        read(file)
    save({"weights": {}}, file)
    with pytest.raises(ValueError, match="not a checkpoint of this version of the project"):
        state_of(nn.Linear(2, 1)).restore(file)


def test_other_parameters_are_refused(file):
    """The optimizer's state is stored by position: it would land on the wrong ones without a word."""
    renamed = nn.Sequential(nn.Linear(2, 1))
    with pytest.raises(ValueError, match=r"trained other parameters .* start_from=PATH"):
        state_of(renamed).restore(file)


def test_best_is_the_checkpoint_of_the_best_evaluation(config, trained, monkeypatch):
    """Of equal ones the last. Figures are made up: a real run may end with its best."""
    task = type(config.task())
    figures = [f if task.higher_is_better else -f for f in (1.0, 3.0, 2.0, 3.0, 1.0, 2.0)]
    left = iter(figures)
    monkeypatch.setattr(task, "metrics", lambda *what: {task.metric: next(left)})
    run = trained(replace(config, evaluate_steps=1))
    kept, last = read(run.best_file), read(run.last_file)
    assert kept["progress"]["best"] == last["progress"]["best"] == figures[3]
    assert (kept["progress"]["step"], last["progress"]["step"]) == (4, 6)


def test_better_has_a_direction_and_nan_is_refused():
    progress = Progress()
    assert [progress.is_best(f, higher_is_better=True) for f in (1, 3, 3, 1, 2)] == [1, 1, 1, 0, 0]
    progress = Progress()
    assert [progress.is_best(f, higher_is_better=False) for f in (3, 1, 1, 3, 2)] == [1, 1, 1, 0, 0]
    with pytest.raises(FloatingPointError, match="the headline figure is NaN"):
        progress.is_best(float("nan"), higher_is_better=True)
