"""A batch computed in parts gives the gradient of the whole batch, also where the parts are uneven."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from digits.checks import check_parts
from digits.config import Config
from digits.debug import Bench
from digits.precision import Precision
from digits.train import optimize


def gradients(model: nn.Module, loss_fn: nn.Module, batch, config: Config, parts: int) -> tuple:
    """The loss of one step in this many parts, and the gradient of every parameter, not clipped."""
    config = replace(config, micro_batches=parts, max_grad_norm=None)
    precision = Precision("fp32", torch.device("cpu"))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    loss, _, stepped = optimize(model, loss_fn, *batch, optimizer, precision, config)
    assert stepped
    return float(loss), [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_parts_of_a_batch_give_its_gradient(config, parts):
    bench = Bench(config)
    if getattr(bench.loss_fn, "compares_samples", False):
        pytest.skip("this loss compares the samples of a batch, so it is computed in one part")
    bench.model.eval()  # dropout draws other masks for other parts
    batch = bench.train_set.__getitems__(range(13))
    loss, whole = gradients(bench.model, bench.loss_fn, batch, config, 1)
    part_loss, in_parts = gradients(bench.model, bench.loss_fn, batch, config, parts)
    assert part_loss == pytest.approx(loss, rel=1e-5)
    scale = max(float(gradient.abs().max()) for gradient in whole)
    torch.testing.assert_close(in_parts, whole, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(
    "loss_fn",
    [
        nn.CrossEntropyLoss(weight=torch.tensor([0.2, 1.0, 5.0]), ignore_index=1),
        nn.CrossEntropyLoss(weight=torch.tensor([0.2, 1.0, 5.0])),
        nn.CrossEntropyLoss(ignore_index=1),
        nn.CrossEntropyLoss(label_smoothing=0.1),
    ],
    ids=["weights_and_ignored", "class_weights", "ignored_class", "smoothing"],
)
def test_a_mean_over_weights_is_a_mean_over_the_whole_batch(config, loss_fn):
    """Such a loss divides by the weight of the samples that count, and parts differ in it."""
    model = nn.Linear(4, 3)
    batch = torch.randn(7, 4), torch.tensor([0, 1, 2, 2, 2, 0, 0])
    loss, whole = gradients(model, loss_fn, batch, config, 1)
    part_loss, in_parts = gradients(model, loss_fn, batch, config, 3)
    assert loss == pytest.approx(loss_fn(model(batch[0]), batch[1]).item())
    assert part_loss == pytest.approx(loss)
    torch.testing.assert_close(in_parts, whole)


def test_a_part_with_nothing_to_learn_from_counts_for_nothing(config):
    class Ignoring(nn.CrossEntropyLoss):
        def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
            return super().forward(logits, targets).nan_to_num()  # of no sample: 0

    model, loss_fn = nn.Linear(4, 3), Ignoring(ignore_index=1)
    batch = torch.randn(4, 4), torch.tensor([1, 1, 0, 2])
    _, whole = gradients(model, loss_fn, batch, config, 1)
    _, in_parts = gradients(model, loss_fn, batch, config, 2)
    torch.testing.assert_close(in_parts, whole)


def test_losses_that_compare_samples_are_refused(config):
    class Comparing(nn.Module):
        compares_samples = True

    bench = Bench(config)
    with pytest.raises(ValueError, match=r"Comparing compares the samples .* set micro_batches=1"):
        check_parts(
            bench.model,
            Comparing(),
            bench.train_set,
            replace(config, micro_batches=2),
            bench.device,
        )


def test_the_short_last_batch_steps_too(config, trained):
    records = trained(replace(config, epochs=1)).records()
    assert [record["step"] for record in records if "train_loss" in record] == [1, 2, 3]
    assert records[-2]["epoch"] == 1.0
