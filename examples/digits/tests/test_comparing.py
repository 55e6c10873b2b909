"""Losses that compare the samples of a batch: what they say depends on the batch, so evaluation gives them batches as training does."""

import pytest
import torch
from torch import Tensor, nn

from digits.data import TensorSet
from digits.evaluate import evaluate
from digits.precision import Precision

CPU = torch.device("cpu")
CLASSES, SAMPLES = 8, 12


class Alike(nn.Module):
    """The share of pairs that are of one class, each sample with itself included."""

    compares_samples = True

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (targets[:, None] == targets).float().mean()


@pytest.mark.parametrize("batch_size", [2, 16, 96])
def test_sees_batches_of_training(batch_size):
    """As many samples at once, and not sorted by class as the rows of a file may be."""
    targets = torch.arange(CLASSES).repeat_interleave(SAMPLES)
    dataset = TensorSet(torch.zeros(len(targets), 4), targets)
    loss, _, _ = evaluate(
        nn.Linear(4, 3), Alike(), dataset, Precision("fp32", CPU), CPU, batch_size
    )
    others_alike = (SAMPLES - 1) / (len(targets) - 1)
    expected = (1 + (batch_size - 1) * others_alike) / batch_size
    assert loss == pytest.approx(expected, abs=0.03)
