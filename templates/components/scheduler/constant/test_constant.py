import torch
from torch import nn

from project.schedulers.constant import constant


def test_every_step_has_the_learning_rate_of_its_group():
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.1)]
    optimizer = torch.optim.SGD(groups)
    schedule = constant(optimizer, total_steps=5)
    for _ in range(5):
        assert [group["lr"] for group in optimizer.param_groups] == [1.0, 0.1]
        optimizer.step()
        schedule.step()
