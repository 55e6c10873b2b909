"""`--resume`: under which other settings a run can go on, what it does then, and what is written down of it."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, ReduceLROnPlateau, StepLR

from digits import command
from digits import run as run_module
from digits import train as training
from digits.beginning import begun
from digits.config import Config, describe
from digits.continuing import resumed
from digits.run import Run
from digits.storage import read


def level(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    return LambdaLR(optimizer, lambda step: 1.0)


def level_until_the_end(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    """The last two steps of a run have half the rate."""
    return LambdaLR(optimizer, lambda step: 0.5 if step >= total_steps - 2 else 1.0)


def falling(optimizer: Optimizer, total_steps: int) -> LambdaLR:
    return LambdaLR(optimizer, lambda step: 1 - step / (total_steps + 1))


def halved_in_the_middle(optimizer: Optimizer, total_steps: int) -> StepLR:
    """Has its length in its state, which a checkpoint would bring back."""
    return StepLR(optimizer, total_steps // 2 + 1)


def one_cycle(optimizer: Optimizer, total_steps: int) -> OneCycleLR:
    return OneCycleLR(optimizer, 0.1, total_steps, cycle_momentum=False)


def plateau(optimizer: Optimizer, total_steps: int) -> ReduceLROnPlateau:
    return ReduceLROnPlateau(optimizer)


@pytest.fixture
def ended(trained, interrupted, monkeypatch, tmp_path) -> Callable[..., Run]:
    """Trains a config as the command does, into NAME; to its end, or until a step."""
    monkeypatch.setattr(run_module, "ROOT", tmp_path)

    def train(config: Config, name: str, step: int | None = None) -> Run:
        begun(name, describe(config))
        if step is None:
            trained(config, name).finish({})
        else:
            with interrupted(config, step):
                trained(config, name)
        return Run(tmp_path / name)

    return train


def records(run: Run) -> list[dict]:
    return [{k: v for k, v in r.items() if k != "samples_per_second"} for r in run.records()]


@pytest.mark.parametrize(("schedule", "step"), [(level, None), (level_until_the_end, 3)])
def test_a_prolonged_run_equals_a_long_one(config, schedule, step, ended, trained, differences):
    """After its end where the schedule knows no length, and before it falls where it does."""
    short = replace(config, scheduler=schedule)
    long = replace(short, epochs=4)
    whole = ended(long, "whole")
    ended(short, "parts", step)
    run = resumed("parts", long)
    trained(long, "parts")
    assert not run.report_file.exists()  # it is complete when the training has ended again
    assert differences(read(whole.last_file), read(run.last_file)) == []
    assert records(whole) == records(run)


@pytest.mark.parametrize("schedule", [falling, halved_in_the_middle, one_cycle])
def test_a_length_that_the_schedule_was_made_for_stays(config, schedule, ended):
    config = replace(config, scheduler=schedule)
    run = ended(config, "a", 3)
    before = {file.name: file.read_bytes() for file in run.path.iterdir()}
    with pytest.raises(ValueError, match="cannot become a run of 4 epochs: after 3 steps"):
        resumed("a", replace(config, epochs=4))
    assert {file.name: file.read_bytes() for file in run.path.iterdir()} == before


def test_a_schedule_that_follows_the_figures_has_any_length(config, ended):
    config = replace(config, scheduler=plateau)
    ended(config, "a", 3)
    assert resumed("a", replace(config, epochs=4))


def test_a_run_is_not_cut_below_what_it_has_done(config, ended):
    config = replace(config, scheduler=level, epochs=3)
    ended(config, "a", 7)
    resumed("a", replace(config, epochs=2))
    with pytest.raises(ValueError, match="has done 6 steps; epochs=1 is less"):
        resumed("a", replace(config, epochs=1))


def test_what_changes_is_written_down(config, ended, trained, capsys):
    old = replace(config, evaluate_steps=1)
    run = ended(old, "a", 4)
    new = replace(old, workers=1, max_grad_norm=None)
    assert resumed("a", new).path == run.path
    told = capsys.readouterr().out
    assert f"{run.path} goes on with max_grad_norm: 1.0 -> None; workers: 0 -> 1\n" in told
    trained(new, "a")
    facts = json.loads((run.path / "run.json").read_text())
    settings = ["max_grad_norm: 1.0 -> None", "workers: 0 -> 1"]
    assert facts["changed"] == [{"after_step": 4, "settings": settings}]
    assert facts["python"]  # what was there stays
    assert begun("a", describe(new)).path == run.path  # from now on, these are its settings


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"batch_size": 8}, {"loss": torch.nn.Identity}, {"freeze": ("a",)}]
)
def test_what_a_checkpoint_holds_cannot_change(config, change, ended):
    run = ended(config, "a", 3)
    with pytest.raises(ValueError, match=f"other settings of this kind: {next(iter(change))}"):
        resumed("a", replace(config, **change))
    faster = replace(config, optimizer=partial(config.optimizer, lr=0.123))
    told = rf"optimizer\.lr: .* -> 0\.123.*start_from={run.best_file}"
    with pytest.raises(ValueError, match=told):
        resumed("a", faster)


def test_the_newest_run_with_a_checkpoint_goes_on(config, ended, tmp_path):
    config = replace(config, scheduler=level)
    run = ended(config, "a", 3)
    for number in range(2, 12):
        shutil.copytree(run.path, tmp_path / f"a-{number}")
    begun("a", describe(replace(config, seed=7)))  # a-12 has not saved anything
    assert resumed("a", config).path == tmp_path / "a-11"
    shutil.copytree(run.path, tmp_path / "a-13")  # cannot go on with this seed
    other = json.dumps(describe(replace(config, seed=8)))
    settings = tmp_path / "a-13" / "config.json"
    settings.write_text(other)
    assert resumed("a", config).path == tmp_path / "a-11"
    settings.write_text("{")
    with pytest.raises(ValueError, match="holds no config"):
        resumed("a", config)


def test_without_a_checkpoint_there_is_nothing_to_resume(config, ended):
    with pytest.raises(FileNotFoundError, match="no run a has a checkpoint"):
        resumed("a", config)


def test_a_complete_run_has_nothing_left_to_do(config, ended):
    ended(config, "a")
    with pytest.raises(ValueError, match="is complete; a larger number of epochs prolongs it"):
        resumed("a", replace(config, workers=1))


def test_the_command_resumes_or_says_that_all_is_done(
    config_file, config, ended, monkeypatch, capsys
):
    trained_runs = []
    monkeypatch.setattr(command, "load", lambda *_: replace(config, workers=1))
    ended(config, "a", 3)
    monkeypatch.setattr(training, "train", lambda config, run: trained_runs.append((config, run)))
    arguments = ["train", str(config_file), "--name", "a"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--resume"])
    training.main()
    ((new, run),) = trained_runs
    assert (new.workers, run.path.name) == (1, "a")
    run.finish({})
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(command, "load", lambda *_: config)
    with pytest.raises(SystemExit) as stop:  # a command that is given again after the end
        training.main()
    assert stop.value.code == 0
    assert f"{run.path} is complete; --fresh trains it once more\n" in capsys.readouterr().out
    assert len(trained_runs) == 1
    monkeypatch.setattr(sys, "argv", [*arguments, "--resume", "--fresh"])
    with pytest.raises(SystemExit) as stop:
        training.main()
    assert stop.value.code == 2
