import math

import pytest
import torch
from torch import nn

from project.schedulers.step import step_decay

LEARNING_RATES = (1.0, 0.1)


def curve(total_steps, **settings):
    """The learning rates in each step: (total_steps, 2)."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LEARNING_RATES]
    optimizer = torch.optim.SGD(groups)
    schedule = step_decay(optimizer, total_steps, **settings)
    rates = []
    for _ in range(total_steps):
        rates.append(schedule.get_last_lr())
        optimizer.step()
        schedule.step()
    return rates


def test_curve_is_a_staircase_of_equal_stretches():
    factors = [1.0] * 4 + [0.5] * 4 + [0.25] * 4
    expected = [[factor * lr for lr in LEARNING_RATES] for factor in factors]
    torch.testing.assert_close(curve(total_steps=12, drops=2, factor=0.5), expected)


@pytest.mark.parametrize("drops", [1, 2, 3, 7])
def test_every_run_that_is_long_enough_has_all_its_drops(drops):
    for total_steps in range(drops + 1, 60):
        rates = [first for first, _ in curve(total_steps, drops=drops, factor=0.5)]
        stretches = [rates.count(0.5**drop) for drop in range(drops + 1)]
        assert sum(stretches) == total_steps
        assert max(stretches) - min(stretches) <= 1


def test_schedule_stays_at_the_lowest_rate_after_the_run():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = step_decay(optimizer, total_steps=3, drops=2, factor=0.5)
    for _ in range(9):
        optimizer.step()
        schedule.step()
    assert schedule.get_last_lr() == [0.25]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"drops": 0}, "drops is a whole number, at least 1, not 0"),
        ({"drops": 1.5}, "drops is a whole number"),
        ({"factor": 1.5}, "factor is what a drop leaves, above 0 and below 1, not 1.5"),
        ({"factor": 0}, "factor is what a drop leaves"),
        ({"factor": math.nan}, "factor is what a drop leaves"),
    ],
)
def test_setting_out_of_range_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        curve(total_steps=10, **settings)
