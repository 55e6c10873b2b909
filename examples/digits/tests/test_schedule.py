"""The learning rate of every step is the schedule's own curve: one step of it for each optimizer step."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from digits.config import Config
from digits.storage import read


class Alone:
    """A config's optimizer and scheduler without a model: a matrix for each group of a run."""

    def __init__(self, config: Config, groups: list[str], total_steps: int) -> None:
        matrices = [{"name": name, "params": [nn.Parameter(torch.ones(2, 2))]} for name in groups]
        self.optimizer = config.optimizer(matrices)
        self.scheduler = config.scheduler(self.optimizer, total_steps)
        self.by_evaluation = isinstance(self.scheduler, ReduceLROnPlateau)

    def rates(self) -> dict[str, float]:
        return {f"lr_{group['name']}": group["lr"] for group in self.optimizer.param_groups}

    def follow(self, records: list[dict]) -> Iterator[tuple[dict, dict]]:
        """For each training record the rates that it states and those that the schedule gives."""
        for record in records:
            if "train_loss" in record:
                yield {key: record[key] for key in self.rates()}, self.rates()
                self.optimizer.step()
                if not self.by_evaluation:
                    self.scheduler.step()
            elif self.by_evaluation:
                self.scheduler.step(record["val_loss"])


def test_every_step_uses_the_rate_of_the_curve(config, trained):
    """21 steps and an evaluation every second: enough for warm-ups, drops and patience."""
    config = replace(config, epochs=7, evaluate_steps=2)
    run = trained(config)
    records = run.records()
    groups = [key.removeprefix("lr_") for key in records[0] if key.startswith("lr_")]
    alone = Alone(config, groups, total_steps=21)
    followed = list(alone.follow(records))
    assert len(followed) == 21
    for stated, expected in followed:
        assert stated == pytest.approx(expected, rel=1e-12)
    evaluations = len(records) - len(followed)
    steps_of_schedule = evaluations if alone.by_evaluation else 21
    assert read(run.last_file)["scheduler"]["last_epoch"] == steps_of_schedule


def test_plateau_is_stepped_by_evaluations_with_the_validation_loss(config, trained):
    patient = replace(config, scheduler=without_patience, evaluate_steps=1)
    run = trained(patient)
    state = read(run.last_file)["scheduler"]
    losses = [record["val_loss"] for record in run.records() if "val_loss" in record]
    assert state["last_epoch"] == len(losses) == 6
    assert state["best"] == min(losses)


def without_patience(optimizer: torch.optim.Optimizer, total_steps: int) -> ReduceLROnPlateau:
    return ReduceLROnPlateau(optimizer, patience=0, threshold=0.0)
