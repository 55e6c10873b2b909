"""A gradient that is not finite changes nothing: no weight, no state, no schedule; and the run says so."""

import copy
import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from digits import checks
from digits.config import Config
from digits.debug import Bench
from digits.storage import read
from digits.train import optimize

PRECISIONS = ["fp32", "fp16"]


@pytest.fixture
def poisoned(monkeypatch):
    """Makes the gradient of the n-th batch from now on infinite; its loss stays finite."""

    monkeypatch.setattr(checks, "check_first_step", lambda *_: [])  # it would be counted

    def poison(config: Config, number: int) -> None:
        loss, calls = getattr(config.loss, "func", config.loss), itertools.count(1)
        forward = loss.forward

        def forward_with_poison(self, outputs: Tensor, targets: Tensor) -> Tensor:
            if torch.is_grad_enabled() and next(calls) == number:
                outputs.register_hook(lambda gradient: gradient * torch.inf)
            return forward(self, outputs, targets)

        monkeypatch.setattr(loss, "forward", forward_with_poison)

    return poison


def level(optimizer: torch.optim.Optimizer, total_steps: int) -> LambdaLR:
    """A schedule that counts the steps of the optimizer."""
    return LambdaLR(optimizer, lambda step: 1.0)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_weights_and_state_stay_as_they_were(config, poisoned, differences, precision):
    bench = Bench(replace(config, precision=precision))
    first, second = bench.batches(2)
    assert bench.step(first) > 0
    before = copy.deepcopy((bench.model.state_dict(), bench.optimizer.state_dict()))
    poisoned(config, 1)
    loss, norm, stepped = optimize(
        bench.model, bench.loss_fn, *second, bench.optimizer, bench.precision, bench.config
    )
    assert loss.isfinite()
    assert not norm.isfinite()
    assert not stepped
    assert differences(before, (bench.model.state_dict(), bench.optimizer.state_dict())) == []


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_loss_that_is_not_finite_is_no_step_although_its_gradient_is(
    config, monkeypatch, differences, precision
):
    bench = Bench(replace(config, precision=precision))
    scaled = precision == "fp16"
    bench.precision.scaler = torch.amp.GradScaler("cpu", enabled=scaled, init_scale=64.0)
    (batch,) = bench.batches(1)
    forward = type(bench.loss_fn).forward
    monkeypatch.setattr(type(bench.loss_fn), "forward", lambda *given: forward(*given) + torch.nan)
    before = copy.deepcopy(bench.model.state_dict())
    _, norm, stepped = optimize(
        bench.model, bench.loss_fn, *batch, bench.optimizer, bench.precision, bench.config
    )
    assert norm.isfinite()
    assert not stepped
    assert differences(before, bench.model.state_dict()) == []


def test_the_run_stops_and_says_at_which_step(config, poisoned, trained, tmp_path):
    poisoned(config, 5)
    with pytest.raises(FloatingPointError, match=r"step 5: the loss is .* No weight"):
        trained(config)
    kept = read(tmp_path / "run" / "last.pt")
    assert kept["progress"]["step"] == 3
    assert all(value.isfinite().all() for value in kept["model"].values())


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_skipped_step_does_not_advance_the_schedule(config, poisoned, trained, precision):
    """In fp16 skips are normal until the scale fits; elsewhere they have to be allowed."""
    poisoned(config, 5)
    allowed = {"fp32": 1, "fp16": 0}[precision]
    config = replace(config, precision=precision, scheduler=level, max_skipped_steps=allowed)
    run = trained(replace(config, epochs=2))
    last = read(run.last_file)
    skipped = last["progress"]["skipped"]
    assert last["progress"]["step"] == 6
    assert skipped >= 1
    assert last["scheduler"]["last_epoch"] == 6 - skipped
    assert [record["skipped"] for record in run.records() if "skipped" in record][-1] == skipped
    if precision == "fp16":
        assert last["scaler"]["scale"] == 2.0 ** (16 - skipped)  # halved each time
    else:
        assert skipped == 1


def test_too_many_skips_in_a_row_stop_the_run(config, poisoned, trained):
    for number in (2, 3):
        poisoned(config, number)
    with pytest.raises(FloatingPointError, match="step 3:"):
        trained(replace(config, max_skipped_steps=1))


def test_a_skipped_step_has_no_part_in_the_recorded_loss(config, poisoned, trained):
    poisoned(config, 2)
    config = replace(config, max_skipped_steps=1, log_steps=3, epochs=1)
    assert all(torch.tensor(r["train_loss"]).isfinite() for r in trained(config).records()[:1])
