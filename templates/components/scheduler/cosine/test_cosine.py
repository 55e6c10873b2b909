import math

import pytest
import torch
from torch import nn

from project.schedulers.cosine import warmup_cosine, warmup_cosine_factor

LEARNING_RATES = (1.0, 0.1)


def curve(total_steps, **settings):
    """The learning rates in each step, and after the last one: (total_steps + 1, 2)."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LEARNING_RATES]
    optimizer = torch.optim.SGD(groups)
    schedule = warmup_cosine(optimizer, total_steps, **settings)
    rates = [schedule.get_last_lr()]
    for _ in range(total_steps):
        optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr())
    return rates


def test_curve_is_a_ramp_and_a_squared_cosine():
    ramp = [1 / 3, 2 / 3]
    fall = [math.cos(math.pi / 2 * step / 8) ** 2 for step in range(9)]
    expected = [[factor * lr for lr in LEARNING_RATES] for factor in ramp + fall]
    torch.testing.assert_close(curve(total_steps=10, warmup=0.2), expected)


def test_highest_learning_rate_is_the_optimizers_and_comes_once():
    rates = [first for first, _ in curve(total_steps=40, warmup=0.25)]
    assert rates.count(1.0) == 1
    assert max(rates) == rates[10] == 1.0


def test_curve_ends_at_the_floor():
    assert curve(total_steps=20, floor=0.1)[-1] == pytest.approx([0.1, 0.01])
    assert curve(total_steps=20, floor=1.0)[-1] == pytest.approx([1.0, 0.1])


def test_after_the_end_it_stays_at_the_floor():
    """A cosine that is read on would rise again."""
    factors = [warmup_cosine_factor(step, 2, 20, floor=0.1) for step in (20, 25, 38)]
    assert factors == pytest.approx([0.1] * 3)


@pytest.mark.parametrize("total_steps", [1, 2, 3, 19, 20, 21])
@pytest.mark.parametrize("warmup", [0.0, 0.05, 0.5, 0.99])
def test_no_step_of_any_run_is_wasted(total_steps, warmup):
    *in_the_run, after = curve(total_steps, warmup=warmup)
    assert min(min(rates) for rates in in_the_run) > 0
    assert after == [0, 0]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"warmup": 1.5}, "warmup is a fraction of the run, from 0 to below 1, not 1.5"),
        ({"warmup": 1.0}, "warmup is a fraction"),
        ({"warmup": -0.1}, "warmup is a fraction"),
        ({"warmup": math.nan}, "warmup is a fraction"),
        ({"floor": -0.1}, "floor is a fraction"),
        ({"floor": 1.1}, "floor is a fraction"),
    ],
)
def test_setting_out_of_range_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        curve(total_steps=10, **settings)
