import math

import pytest
import torch
from torch import nn

from project.schedulers.plateau import plateau

LEARNING_RATES = (1.0, 0.1)


def rates_after(losses, **settings):
    """The learning rates after evaluations that gave these losses."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LEARNING_RATES]
    schedule = plateau(torch.optim.SGD(groups), total_steps=1, **settings)
    for loss in losses:
        schedule.step(loss)
    return schedule.get_last_lr()


def test_patience_counts_evaluations_without_a_lower_loss():
    assert rates_after([1.0, 1.0, 1.0], patience=2, factor=0.5) == [1.0, 0.1]
    assert rates_after([1.0, 1.0, 1.0, 1.0], patience=2, factor=0.5) == [0.5, 0.05]


def test_falling_loss_keeps_the_learning_rate():
    assert rates_after([0.9**evaluation for evaluation in range(30)], patience=0) == [1.0, 0.1]


def test_rising_loss_lowers_it_again_and_again():
    assert rates_after(range(1, 6), patience=0, factor=0.5) == [1 / 16, 0.1 / 16]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"patience": -1}, "patience is a number of evaluations, at least 0, not -1"),
        ({"factor": 1.5}, "factor is what a drop leaves, above 0 and below 1, not 1.5"),
        ({"factor": 0}, "factor is what a drop leaves"),
        ({"factor": math.nan}, "factor is what a drop leaves"),
    ],
)
def test_setting_out_of_range_is_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        rates_after([1.0], **settings)
