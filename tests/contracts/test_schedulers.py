"""The promises of every schedule: `(optimizer, total_steps, **settings) -> LRScheduler`.

A new component is tested by being there: nothing here names one.
"""

import importlib
import math
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

FOLDER = Path(__file__).parents[2] / "templates/components/scheduler"
LEARNING_RATES = (0.4, 0.1, 1e-3)
LENGTHS = [*range(1, 25), 99, 100, 101]
LOSSES = [1.0, 0.9, 0.9, 1.0, 0.9, 0.9, 0.9, 0.8, 0.8, 0.9, 0.9, 0.9]  # for those that look at it


def entry_of(name):
    """What stands behind `scheduler=` in a config."""
    entry = yaml.safe_load((FOLDER / name / "component.yml").read_text())["entry"]
    symbol = entry.split(",")[0]
    module = importlib.import_module(f"project.schedulers.{name}")
    return eval(f"partial({entry})", {"partial": partial, symbol: getattr(module, symbol)})


def make_sgd():
    groups = [{"params": [nn.Parameter(torch.zeros(2))], "lr": lr} for lr in LEARNING_RATES]
    return torch.optim.SGD(groups, momentum=0.7, weight_decay=0.03)


def make_adamw():
    groups = [{"params": [nn.Parameter(torch.zeros(2))], "lr": lr} for lr in LEARNING_RATES]
    return torch.optim.AdamW(groups, betas=(0.8, 0.99), weight_decay=0.03)


def advance(optimizer, schedule, losses):
    """Trains a step a loss; the learning rates after each."""
    curve = []
    for loss in losses:
        optimizer.step()
        schedule.step(loss) if isinstance(schedule, ReduceLROnPlateau) else schedule.step()
        curve.append([group["lr"] for group in optimizer.param_groups])
        assert schedule.get_last_lr() == curve[-1]
    return curve


NAMES = sorted(path.parent.name for path in FOLDER.glob("*/component.yml"))
EVERY_SCHEDULE = pytest.mark.parametrize("make_schedule", [*map(entry_of, NAMES)], ids=NAMES)
EVERY_OPTIMIZER = pytest.mark.parametrize("make_optimizer", [make_sgd, make_adamw])


@EVERY_SCHEDULE
@EVERY_OPTIMIZER
def test_every_step_has_one_factor_for_all_groups(make_schedule, make_optimizer):
    for total_steps in LENGTHS:
        optimizer = make_optimizer()
        schedule = make_schedule(optimizer, total_steps)
        assert isinstance(schedule, LRScheduler)
        first = [group["lr"] for group in optimizer.param_groups]
        assert min(first) > 0
        losses = [0.5] * total_steps
        for rates in [first, *advance(optimizer, schedule, losses)]:
            factors = [rate / lr for rate, lr in zip(rates, LEARNING_RATES, strict=True)]
            assert all(math.isfinite(factor) and 0 <= factor <= 1 + 1e-9 for factor in factors)
            assert factors == pytest.approx([factors[0]] * len(factors))


@EVERY_SCHEDULE
@EVERY_OPTIMIZER
def test_nothing_but_the_learning_rate_changes(make_schedule, make_optimizer):
    optimizer, reference = make_optimizer(), make_optimizer()
    schedule = make_schedule(optimizer, total_steps=len(LOSSES))
    for loss in [*LOSSES, None]:
        for group, expected in zip(optimizer.param_groups, reference.param_groups, strict=True):
            for key in expected.keys() - {"params", "lr"}:
                assert group[key] == expected[key], key
        if loss is not None:
            advance(optimizer, schedule, [loss])


@EVERY_SCHEDULE
@EVERY_OPTIMIZER
@pytest.mark.parametrize("stop", [1, 3, 7, 11])
def test_resumed_run_goes_on_along_the_same_curve(make_schedule, make_optimizer, stop, tmp_path):
    optimizer = make_optimizer()
    schedule = make_schedule(optimizer, total_steps=len(LOSSES))
    advance(optimizer, schedule, LOSSES[:stop])
    state = {"optimizer": optimizer.state_dict(), "scheduler": schedule.state_dict()}
    torch.save(state, tmp_path / "checkpoint.pt")
    expected = advance(optimizer, schedule, LOSSES[stop:])

    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    optimizer = make_optimizer()
    schedule = make_schedule(optimizer, total_steps=len(LOSSES))
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["scheduler"])
    assert advance(optimizer, schedule, LOSSES[stop:]) == expected
