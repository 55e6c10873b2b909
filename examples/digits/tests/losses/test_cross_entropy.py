"""What cross-entropy promises: torch's numbers, the right divisor, 0 where nothing is judged."""

import math

import pytest
import torch
import torch.nn.functional as F

from digits.losses.cross_entropy import CrossEntropy


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 3, generator=generator)
    return logits, torch.tensor([0, 2, 1, 2, 2, 0])


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    loss = CrossEntropy()(torch.full((4, 10), 7.0), torch.tensor([0, 3, 9, 9]))
    assert loss.item() == pytest.approx(math.log(10))


def test_every_setting_equals_torch(batch):
    logits, targets = batch
    weights = (1.0, 2.0, 0.5)
    ours = CrossEntropy(label_smoothing=0.1, class_weights=weights, ignore_index=1)
    torchs = F.cross_entropy(
        logits, targets, torch.tensor(weights), label_smoothing=0.1, ignore_index=1
    )
    torch.testing.assert_close(ours(logits, targets), torchs)


@pytest.mark.parametrize("class_weights", [None, (1.0, 2.0, 0.5)])
def test_ignoring_what_does_not_occur_changes_nothing(batch, class_weights):
    settings = {"label_smoothing": 0.1, "class_weights": class_weights}
    ignoring = CrossEntropy(ignore_index=-1, **settings)
    torch.testing.assert_close(ignoring(*batch), CrossEntropy(**settings)(*batch))


def test_label_smoothing_asks_for_a_share_of_every_class(batch):
    logits, targets = batch
    smoothed = 0.9 * F.one_hot(targets, 3) + 0.1 / 3
    expected = -(smoothed * logits.log_softmax(dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(CrossEntropy(label_smoothing=0.1)(logits, targets), expected)


def test_class_weights_only_rebalance_and_do_not_rescale(batch):
    loss = CrossEntropy(class_weights=(3.0, 3.0, 3.0))
    torch.testing.assert_close(loss(*batch), CrossEntropy()(*batch))


def test_class_weights_move_with_the_loss(batch):
    loss = CrossEntropy(class_weights=(1.0, 2.0, 0.5)).to("meta")
    assert loss.weight.device.type == "meta"
    assert "weight" in loss.state_dict()


def test_a_batch_with_nothing_to_judge_costs_nothing(batch):
    logits = batch[0].requires_grad_()
    loss = CrossEntropy(ignore_index=0)(logits, torch.zeros(6, dtype=torch.int64))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad.abs().max() == 0.0


@pytest.mark.parametrize("label_smoothing", [-0.1, 1.0])
def test_label_smoothing_out_of_range_is_refused(label_smoothing):
    with pytest.raises(ValueError, match=r"label_smoothing must lie in \[0, 1\), got"):
        CrossEntropy(label_smoothing=label_smoothing)
