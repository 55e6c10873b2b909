import math

import pytest
import torch
from torch import nn

from project.schedulers.wsd import warmup_stable_decay

LEARNING_RATES = (1.0, 0.1)


def curve(total_steps, **settings):
    """The learning rates in each step, and after the last one: (total_steps + 1, 2)."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LEARNING_RATES]
    optimizer = torch.optim.SGD(groups)
    schedule = warmup_stable_decay(optimizer, total_steps, **settings)
    rates = [schedule.get_last_lr()]
    for _ in range(total_steps):
        optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr())
    return rates


def test_curve_is_a_ramp_a_level_and_one_minus_a_root():
    ramp, level = [1 / 4, 2 / 4, 3 / 4], [1.0] * 3
    fall = [1 - (step / 4) ** 0.5 for step in range(5)]
    expected = [[factor * lr for lr in LEARNING_RATES] for factor in ramp + level + fall]
    torch.testing.assert_close(curve(total_steps=10, warmup=0.3, decay=0.4), expected)


def test_longer_run_has_the_same_beginning():
    short = curve(total_steps=100, warmup=0.2, decay=0.3)
    long = curve(total_steps=200, warmup=0.1, decay=0.3)
    assert long[:71] == short[:71]


@pytest.mark.parametrize("total_steps", [1, 2, 3, 19, 20, 21])
@pytest.mark.parametrize(("warmup", "decay"), [(0.05, 0.2), (0.5, 0.5), (0.0, 0.9), (0.9, 0.0)])
def test_no_step_of_any_run_is_wasted(total_steps, warmup, decay):
    *in_the_run, after = curve(total_steps, warmup=warmup, decay=decay)
    assert min(min(rates) for rates in in_the_run) > 0
    assert after[0] == (0 if int(decay * total_steps) else 1)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"warmup": 1.5}, "warmup is a fraction of the run, from 0 to below 1, not 1.5"),
        ({"decay": -0.1}, "decay is a fraction of the run, from 0 to below 1, not -0.1"),
        ({"decay": math.nan}, "decay is a fraction"),
        ({"warmup": 0.6, "decay": 0.6}, "warmup=0.6 and decay=0.6 together are longer"),
    ],
)
def test_setting_out_of_range_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        curve(total_steps=10, **settings)
