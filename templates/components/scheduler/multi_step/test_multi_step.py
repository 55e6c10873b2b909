import math

import pytest
import torch
from torch import nn

from project.schedulers.multi_step import multi_step

LEARNING_RATES = (1.0, 0.1)


def curve(total_steps, **settings):
    """The learning rates in each step: (total_steps, 2)."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LEARNING_RATES]
    optimizer = torch.optim.SGD(groups)
    schedule = multi_step(optimizer, total_steps, **settings)
    rates = []
    for _ in range(total_steps):
        rates.append(schedule.get_last_lr())
        optimizer.step()
        schedule.step()
    return rates


def test_learning_rate_drops_at_its_milestones():
    factors = [1.0] * 5 + [0.5] * 3 + [0.25] * 2
    expected = [[factor * lr for lr in LEARNING_RATES] for factor in factors]
    rates = curve(total_steps=10, milestones=(0.5, 0.8), factor=0.5)
    torch.testing.assert_close(rates, expected)


def test_milestones_keep_their_places_in_a_longer_run():
    short, long = curve(total_steps=8), curve(total_steps=80)
    assert long[::10] == short


def test_evenly_spread_milestones_equal_torchs_counts():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[30, 60], gamma=0.1)
    for rates in curve(total_steps=90, milestones=(1 / 3, 2 / 3), factor=0.1):
        assert rates[0] == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"milestones": (30, 60)}, r"milestones are fractions of the run, .* not \(30, 60\)"),
        ({"milestones": (0.0, 0.5)}, "milestones are fractions"),
        ({"milestones": (0.5, math.nan)}, "milestones are fractions"),
        ({"factor": 10.0}, "factor is what a drop leaves, above 0 and below 1, not 10.0"),
        ({"factor": 0}, "factor is what a drop leaves"),
    ],
)
def test_setting_out_of_range_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        curve(total_steps=10, **settings)
