"""What triplet loss promises: the hardest pair of each anchor, and nothing without one."""

import pytest
import torch
import torch.nn.functional as F

from project.losses.triplet import TripletLoss


def test_equals_a_search_over_all_triplets():
    embeddings = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    targets = [0, 1, 0, 2, 1, 0, 1, 3]
    units = F.normalize(embeddings, dim=1)
    hardest = []
    for i in range(8):
        violations = [
            (units[i] - units[j]).norm() - (units[i] - units[k]).norm() + 0.2
            for j in range(8)
            for k in range(8)
            if i != j and targets[i] == targets[j] != targets[k]
        ]
        if violations:
            hardest.append(max(max(violations).item(), 0.0))
    assert len(hardest) == 6
    loss = TripletLoss(margin=0.2)(embeddings, torch.tensor(targets))
    assert loss.item() == pytest.approx(sum(hardest) / 6, rel=1e-5)


def test_well_separated_classes_cost_nothing():
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0], [-1.0, 0.1]])
    assert TripletLoss()(embeddings, torch.tensor([0, 0, 1, 1])).item() == 0.0


def test_collapsed_embeddings_cost_the_margin_and_stay_finite():
    embeddings = torch.ones(4, 3, requires_grad=True)
    loss = TripletLoss(margin=0.3)(embeddings, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(0.3)
    assert embeddings.grad.isfinite().all()


def test_nearly_identical_samples_keep_their_distance():
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 1e-4], [1.0, 3e-4]])
    loss = TripletLoss(margin=0.2)(embeddings, torch.tensor([0, 0, 1]))
    violations = (0.2 + 1e-4 - 3e-4, 0.2 + 1e-4 - 2e-4)
    assert loss.item() == pytest.approx(sum(violations) / 2, rel=1e-6)


@pytest.mark.parametrize("targets", [[0, 1, 2], [5, 5, 5]])
def test_without_a_triplet_the_loss_is_zero_and_so_is_its_gradient(targets):
    embeddings = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = TripletLoss()(embeddings, torch.tensor(targets))
    loss.backward()
    assert loss.item() == 0.0
    assert embeddings.grad.abs().max() == 0.0


def test_a_sample_without_company_is_no_anchor():
    pairs = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.2]])
    # the third is a negative of the first two, and an anchor of nothing
    violations = []
    for anchor, positive in ((0, 1), (1, 0)):
        units = F.normalize(pairs, dim=1)
        gap = (units[anchor] - units[positive]).norm() - (units[anchor] - units[2]).norm()
        violations.append(max(gap.item() + 0.2, 0.0))
    loss = TripletLoss(margin=0.2)(pairs, torch.tensor([0, 0, 1]))
    assert loss.item() == pytest.approx(sum(violations) / 2, rel=1e-5)


@pytest.mark.parametrize("margin", [0.0, 2.1])
def test_a_margin_that_no_triplet_can_keep_is_refused(margin):
    with pytest.raises(ValueError, match=r"margin must lie in \(0, 2\], got"):
        TripletLoss(margin=margin)
