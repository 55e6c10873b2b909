"""What focal loss promises: cross-entropy at gamma = 0, focus above, finite slopes everywhere."""

import pytest
import torch
import torch.nn.functional as F

from project.losses.focal import FocalLoss

WEIGHTS = (1.0, 2.0, 0.5)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 3, generator=generator)
    return logits, torch.tensor([0, 2, 1, 2, 2, 0])


@pytest.mark.parametrize("class_weights", [None, WEIGHTS])
def test_gamma_zero_is_cross_entropy(batch, class_weights):
    logits, targets = batch
    weight = None if class_weights is None else torch.tensor(class_weights)
    loss = FocalLoss(gamma=0.0, class_weights=class_weights, ignore_index=1)
    torchs = F.cross_entropy(logits, targets, weight, ignore_index=1)
    torch.testing.assert_close(loss(logits, targets), torchs)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_equals_the_formula_of_the_paper(batch, gamma):
    logits, targets = batch
    p = logits.softmax(dim=1)[torch.arange(6), targets]
    weight = torch.tensor(WEIGHTS)[targets]
    expected = (weight * (1 - p) ** gamma * -p.log()).sum() / weight.sum()
    loss = FocalLoss(gamma=gamma, class_weights=WEIGHTS)
    torch.testing.assert_close(loss(logits, targets), expected)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_gradient_is_that_of_the_whole_product(batch, gamma):
    """p is not held constant in (1 - p) ** gamma."""
    logits, targets = batch
    double = logits.double().requires_grad_()
    loss = FocalLoss(gamma=gamma, class_weights=WEIGHTS).double()
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), double)


def test_targets_that_are_no_class_indices_are_refused(batch):
    with pytest.raises(TypeError, match=r"class indices as torch\.int64, got torch\.float32"):
        FocalLoss()(batch[0], batch[1].float())


def test_an_easy_example_fades_more_than_a_hard_one():
    easy, hard = torch.tensor([[3.0, 0.0]]), torch.tensor([[-3.0, 0.0]])
    target = torch.tensor([0])
    kept = [(FocalLoss()(x, target) / F.cross_entropy(x, target)).item() for x in (easy, hard)]
    assert kept[0] < 0.01
    assert kept[1] > 0.9


def test_class_weights_rebalance_and_do_not_rescale(batch):
    even = FocalLoss(class_weights=(0.25, 0.25, 0.25))
    torch.testing.assert_close(even(*batch), FocalLoss()(*batch))
    assert not torch.allclose(FocalLoss(class_weights=WEIGHTS)(*batch), FocalLoss()(*batch))


def test_ignored_samples_do_not_enter_the_mean(batch):
    logits, targets = batch
    kept = targets != 2
    loss = FocalLoss(ignore_index=2)(logits, targets)
    torch.testing.assert_close(loss, FocalLoss()(logits[kept], targets[kept]))


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("gap", [0.0, 1e-3, 15.0, 17.0, 200.0, -200.0])
def test_value_and_gradient_stay_finite_when_saturated(gamma, gap):
    logits = torch.tensor([[gap, 0.0]], requires_grad=True)
    loss = FocalLoss(gamma=gamma)(logits, torch.tensor([0]))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_a_batch_with_nothing_to_judge_costs_nothing(batch):
    logits = batch[0].requires_grad_()
    loss = FocalLoss(ignore_index=0)(logits, torch.zeros(6, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad.abs().max() == 0.0


def test_a_wrong_number_of_class_weights_is_refused(batch):
    with pytest.raises(ValueError, match="expected a class weight for each of 3 classes, got 4"):
        FocalLoss(class_weights=(*WEIGHTS, 1.0))(*batch)


def test_a_negative_gamma_is_refused():
    with pytest.raises(ValueError, match="gamma must be 0 or more, got -1"):
        FocalLoss(gamma=-1)
