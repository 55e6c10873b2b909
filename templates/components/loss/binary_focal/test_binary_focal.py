"""What binary focal loss promises: the paper's formula, with alpha between yes and no."""

import pytest
import torch
import torch.nn.functional as F

from project.losses.binary_focal import BinaryFocalLoss


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(5, 4, generator=generator)
    return logits, torch.tensor([0, 3, 1, 3, 2])


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_equals_the_formula_of_the_paper(batch, gamma):
    logits, targets = batch
    terms = []
    for row, target in zip(logits.sigmoid().tolist(), targets.tolist(), strict=True):
        for k, p in enumerate(row):
            p_right, alpha = (p, 0.3) if k == target else (1 - p, 0.7)
            terms.append(-alpha * (1 - p_right) ** gamma * torch.tensor(p_right).log())
    loss = BinaryFocalLoss(gamma=gamma, alpha=0.3)(logits, targets)
    torch.testing.assert_close(loss, torch.stack(terms).mean())


def test_gamma_zero_and_even_alpha_are_half_of_binary_cross_entropy(batch):
    logits, targets = batch
    answers = F.one_hot(targets, 4).float()
    expected = F.binary_cross_entropy_with_logits(logits, answers) / 2
    torch.testing.assert_close(BinaryFocalLoss(gamma=0.0, alpha=0.5)(logits, targets), expected)


def test_alpha_weighs_yes_against_no():
    logits = torch.zeros(1, 2, requires_grad=True)
    BinaryFocalLoss(alpha=0.2)(logits, torch.tensor([0])).backward()
    yes, no = logits.grad[0].tolist()
    assert no / -yes == pytest.approx(0.8 / 0.2)


@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("logit", [0.0, 17.0, 200.0, -200.0])
def test_value_and_gradient_stay_finite_when_saturated(gamma, logit):
    logits = torch.tensor([[logit, -logit]], requires_grad=True)
    loss = BinaryFocalLoss(gamma=gamma)(logits, torch.tensor([0]))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_sure_answers_keep_their_digits():
    logits = torch.tensor([[20.0, -20.0]])  # 1 - p is 2e-9, and 1 - 2e-9 is 1 in float32
    single, double = (BinaryFocalLoss()(x, torch.tensor([0])) for x in (logits, logits.double()))
    assert single.item() == pytest.approx(double.item(), rel=1e-4, abs=0)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="gamma must be 0 or more, got -1"):
        BinaryFocalLoss(gamma=-1)
    with pytest.raises(ValueError, match=r"alpha must lie between 0 and 1, got 1\.5"):
        BinaryFocalLoss(alpha=1.5)
