"""What the two steps promise: cross-entropy, also where the log of a softmax would overflow."""

import pytest
import torch
import torch.nn.functional as F

from project.losses.nll import NegativeLogLikelihood


@pytest.mark.parametrize("ignored", [{}, {"ignore_index": 1}])
def test_two_steps_are_cross_entropy(ignored):
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 2, 1, 2, 2, 0])
    weights = (1.0, 2.0, 0.5)
    ours = NegativeLogLikelihood(class_weights=weights, **ignored)(logits, targets)
    torchs = F.cross_entropy(logits, targets, torch.tensor(weights), **ignored)
    torch.testing.assert_close(ours, torchs)


def test_a_confident_mistake_costs_its_gap_and_has_a_full_gradient():
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    loss = NegativeLogLikelihood()(logits, torch.tensor([1]))
    loss.backward()
    assert loss.item() == 200.0
    torch.testing.assert_close(logits.grad, torch.tensor([[1.0, -1.0]]))


def test_a_batch_with_nothing_to_judge_costs_nothing():
    logits = torch.randn(2, 3, requires_grad=True)
    loss = NegativeLogLikelihood(ignore_index=0)(logits, torch.tensor([0, 0]))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad.abs().max() == 0.0
