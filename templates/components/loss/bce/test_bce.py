"""What binary cross-entropy promises: a question a class, each with a sigmoid of its own."""

import math

import pytest
import torch

from project.losses.bce import BinaryCrossEntropy

LOGITS = torch.tensor([[0.3, -1.2, 2.0], [-0.5, 0.1, 0.0]])
TARGETS = torch.tensor([2, 0])


def test_equals_the_textbook_formula():
    p = LOGITS.sigmoid()
    yes = torch.tensor([[False, False, True], [True, False, False]])
    expected = -torch.where(yes, p.log(), (1 - p).log()).mean()
    torch.testing.assert_close(BinaryCrossEntropy()(LOGITS, TARGETS), expected)


def test_two_classes_asked_in_opposite_ways_are_logistic_regression():
    logit = torch.tensor([[1.7], [-0.4]])
    loss = BinaryCrossEntropy()(torch.cat([-logit, logit], dim=1), torch.tensor([1, 0]))
    expected = (math.log1p(math.exp(-1.7)) + math.log1p(math.exp(-0.4))) / 2
    assert loss.item() == pytest.approx(expected)


def test_classes_do_not_compete():
    logits = LOGITS.clone().requires_grad_()
    BinaryCrossEntropy()(logits, TARGETS).backward()
    changed = (LOGITS + torch.tensor([0.0, 5.0, 0.0])).requires_grad_()
    BinaryCrossEntropy()(changed, TARGETS).backward()
    torch.testing.assert_close(logits.grad[:, [0, 2]], changed.grad[:, [0, 2]])


def test_positive_weight_of_all_the_noes_balances_them():
    logits = torch.zeros(1, 5, requires_grad=True)
    BinaryCrossEntropy(positive_weight=4.0)(logits, torch.tensor([2])).backward()
    assert logits.grad.sum().item() == pytest.approx(0.0, abs=1e-6)


def test_a_weight_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="positive_weight must be above 0, got 0"):
        BinaryCrossEntropy(positive_weight=0)
