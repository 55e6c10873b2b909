"""What contrastive loss promises: the closed form, balance, and exactness where embeddings meet."""

import math

import pytest
import torch
import torch.nn.functional as F

from project.losses.contrastive import ContrastiveLoss


def at(*degrees, length=1.0):
    """Embeddings (B, 2) on a circle."""
    angles = torch.tensor(degrees).deg2rad()
    return length * torch.stack([angles.cos(), angles.sin()], dim=1)


def test_equals_a_loop_over_pairs():
    embeddings = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    targets = [0, 1, 0, 2, 1, 0, 2]
    units = F.normalize(embeddings, dim=1)
    together, apart = [], []
    for i in range(7):
        for j in range(i):
            distance = (units[i] - units[j]).norm().item()
            if targets[i] == targets[j]:
                together.append(distance**2)
            else:
                apart.append(max(0.0, 1.0 - distance) ** 2)
    expected = (sum(together) / len(together) + sum(apart) / len(apart)) / 2
    loss = ContrastiveLoss(margin=1.0)(embeddings, torch.tensor(targets))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_identical_samples_of_one_class_cost_exactly_nothing():
    embeddings = at(30.0, 30.0, 30.0).requires_grad_()
    loss = ContrastiveLoss()(embeddings, torch.tensor([4, 4, 4]))
    loss.backward()
    assert loss.item() == 0.0
    assert embeddings.grad.abs().max() == 0.0


def test_identical_samples_of_two_classes_cost_the_whole_margin_and_stay_finite():
    embeddings = at(30.0, 30.0).requires_grad_()
    loss = ContrastiveLoss(margin=0.5)(embeddings, torch.tensor([0, 1]))
    loss.backward()
    assert loss.item() == 0.5**2 / 2
    assert embeddings.grad.isfinite().all()


def test_nearly_identical_samples_keep_their_distance():
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 1e-4]])
    loss = ContrastiveLoss()(embeddings, torch.tensor([0, 0]))
    assert loss.item() == pytest.approx(1e-8 / 2, rel=1e-3)


def test_classes_beyond_the_margin_cost_nothing():
    loss = ContrastiveLoss(margin=math.sqrt(2) - 1e-3)(at(0.0, 90.0), torch.tensor([0, 1]))
    assert loss.item() == 0.0


def test_only_directions_count():
    targets = torch.tensor([0, 1, 0])
    short, long = (ContrastiveLoss()(at(0.0, 20.0, 50.0, length=n), targets) for n in (0.1, 30.0))
    torch.testing.assert_close(short, long)


def test_more_pairs_of_different_classes_do_not_outweigh_those_of_one():
    few = ContrastiveLoss()(at(0.0, 40.0, 20.0), torch.tensor([0, 0, 1]))
    many = ContrastiveLoss()(at(0.0, 40.0, 20.0, 20.0, 20.0), torch.tensor([0, 0, 1, 2, 3]))
    # the two samples of class 0 weigh the same half in both
    distance = 2 * math.sin(math.radians(20))
    near = (1 - 2 * math.sin(math.radians(10))) ** 2
    assert few.item() == pytest.approx((distance**2 + near) / 2, rel=1e-5)
    assert many.item() == pytest.approx((distance**2 + (6 * near + 3) / 9) / 2, rel=1e-5)


@pytest.mark.parametrize("margin", [0.0, 2.1])
def test_a_margin_that_no_pair_can_keep_is_refused(margin):
    with pytest.raises(ValueError, match=r"margin must lie in \(0, 2\], got"):
        ContrastiveLoss(margin=margin)
