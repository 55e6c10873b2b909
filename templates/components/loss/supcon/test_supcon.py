"""What supervised contrastive loss promises: the paper's sum, and InfoNCE where it is one."""

import math

import pytest
import torch
import torch.nn.functional as F

from project.losses.supcon import SupervisedContrastiveLoss


@pytest.fixture
def embeddings():
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def test_equals_the_sums_of_the_paper(embeddings):
    targets = [0, 1, 0, 2, 1, 0]
    units = F.normalize(embeddings.double(), dim=1)
    scores = [[(units[i] @ units[j]).item() / 0.1 for j in range(6)] for i in range(6)]
    terms = []
    for i in range(6):
        company = [j for j in range(6) if j != i and targets[j] == targets[i]]
        total = math.log(sum(math.exp(scores[i][j]) for j in range(6) if j != i))
        if company:
            terms.append(sum(total - scores[i][j] for j in company) / len(company))
    assert len(terms) == 5
    loss = SupervisedContrastiveLoss(temperature=0.1)(embeddings, torch.tensor(targets))
    assert loss.item() == pytest.approx(sum(terms) / 5, rel=1e-5)


def test_two_samples_a_class_are_info_nce(embeddings):
    first, second = F.normalize(embeddings, dim=1).chunk(2)  # each (3, D), two views of 3 samples
    both = torch.cat([first, second])
    scores = (both @ both.T / 0.5).fill_diagonal_(-torch.inf)
    expected = F.cross_entropy(scores, torch.tensor([3, 4, 5, 0, 1, 2]))
    loss = SupervisedContrastiveLoss(temperature=0.5)
    torch.testing.assert_close(loss(embeddings, torch.tensor([0, 1, 2, 0, 1, 2])), expected)


def test_collapsed_embeddings_cost_the_logarithm_of_the_other_samples():
    loss = SupervisedContrastiveLoss()(torch.ones(6, 4), torch.tensor([0, 0, 0, 1, 1, 1]))
    assert loss.item() == pytest.approx(math.log(5))


def test_a_sample_alone_costs_nothing_and_has_a_gradient_of_zero(embeddings):
    alone = embeddings[:1].requires_grad_()
    loss = SupervisedContrastiveLoss()(alone, torch.tensor([0]))
    loss.backward()
    assert loss.item() == 0.0
    assert alone.grad.abs().max() == 0.0


@pytest.mark.parametrize("targets", [[0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 4]])
def test_an_anchor_without_company_is_left_out(embeddings, targets):
    embeddings.requires_grad_()
    loss = SupervisedContrastiveLoss()(embeddings, torch.tensor(targets))
    loss.backward()
    if targets[4] != targets[5]:
        assert loss.item() == 0.0
        assert embeddings.grad.abs().max() == 0.0
    else:
        units = F.normalize(embeddings.detach(), dim=1)
        scores = (units @ units.T / 0.1).fill_diagonal_(-torch.inf)
        expected = F.cross_entropy(scores[[4, 5]], torch.tensor([5, 4]))
        torch.testing.assert_close(loss.detach(), expected)


def test_autocast_does_not_round_the_cosines(embeddings):
    targets = torch.tensor([0, 1, 0, 1, 0, 1])
    with torch.autocast("cpu", torch.bfloat16):
        rounded = SupervisedContrastiveLoss()(embeddings, targets)
    assert torch.equal(rounded, SupervisedContrastiveLoss()(embeddings, targets))


def test_a_temperature_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
        SupervisedContrastiveLoss(temperature=0)
