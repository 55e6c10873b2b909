import math

import pytest
import torch
from torch import nn

from project.schedulers.one_cycle import one_cycle

LEARNING_RATES = (1.0, 0.1)


def curve(total_steps, **settings):
    """The learning rates in each step, and after the last one: (total_steps + 1, 2)."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LEARNING_RATES]
    optimizer = torch.optim.SGD(groups)
    schedule = one_cycle(optimizer, total_steps, **settings)
    rates = [schedule.get_last_lr()]
    for _ in range(total_steps):
        optimizer.step()
        schedule.step()
        rates.append(schedule.get_last_lr())
    return rates


def test_curve_is_two_half_cosines_between_start_peak_and_end():
    start, end = 1 / 25, 1 / 250_000
    rise = [start, (start + 1) / 2, 1]
    fall = [end + (1 - end) * math.cos(math.pi / 2 * step / 7) ** 2 for step in range(1, 8)]
    expected = [[factor * lr for lr in LEARNING_RATES] for factor in rise + fall]
    torch.testing.assert_close(curve(total_steps=10, rise=0.3)[:-1], expected)


@pytest.mark.parametrize("rise", [0.05, 0.1, 0.25, 0.3, 0.5, 0.99])
def test_runs_of_every_length_have_a_learning_rate_in_every_step(rise):
    for total_steps in range(1, 41):
        for rate, smaller_rate in curve(total_steps, rise=rise):
            assert 0 < rate <= 1.0
            assert smaller_rate == pytest.approx(0.1 * rate)


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (lambda groups: torch.optim.AdamW(groups, betas=(0.8, 0.99)), "betas"),
        (lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.7), "momentum"),
    ],
)
def test_momentum_is_not_cycled(make, key):
    optimizer = make([nn.Parameter(torch.zeros(1))])
    before = optimizer.param_groups[0][key]
    schedule = one_cycle(optimizer, total_steps=6)
    for _ in range(6):
        assert optimizer.param_groups[0][key] == before
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("rise", [0, 1, 1.5, -0.1, math.nan])
def test_rise_out_of_range_is_refused(rise):
    with pytest.raises(ValueError, match="rise is a fraction of the run, above 0 and below 1"):
        curve(total_steps=10, rise=rise)
