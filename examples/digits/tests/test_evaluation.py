"""Evaluation is exact, whatever the batch size, and leaves no trace."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from digits.data import TensorSet
from digits.debug import Bench
from digits.evaluate import evaluate, table
from digits.precision import Precision
from digits.randomness import random_state
from digits.train import optimize

CPU = torch.device("cpu")
FP32 = Precision("fp32", CPU)


@pytest.fixture
def bench(config) -> Bench:
    bench = Bench(config)
    bench.val_set = config.task().load()[1]
    return bench


def evaluated(bench: Bench, **sizes: int) -> tuple[float, Tensor, Tensor]:
    sizes = {"batch_size": 256} | sizes
    return evaluate(
        bench.model, bench.loss_fn, bench.val_set, bench.precision, bench.device, **sizes
    )


def test_equals_the_loss_of_one_full_batch(bench):
    inputs, targets = bench.val_set.__getitems__(range(len(bench.val_set)))
    loss, outputs, seen = evaluated(bench)
    bench.model.eval()
    with torch.no_grad():
        expected = bench.model(inputs)
    assert loss == pytest.approx(float(bench.loss_fn(expected, targets)), rel=1e-5)
    torch.testing.assert_close(outputs, expected)
    assert torch.equal(seen, targets)


@pytest.mark.parametrize("at_once", [1, 7])
def test_is_the_same_for_every_batch_size(bench, at_once):
    loss, outputs, targets = evaluated(bench, batch_size=9, at_once=at_once)
    whole_loss, whole_outputs, whole_targets = evaluated(bench, batch_size=9)
    torch.testing.assert_close(outputs, whole_outputs, rtol=1e-4, atol=1e-5)
    assert torch.equal(targets, whole_targets)
    assert loss == pytest.approx(whole_loss, rel=1e-4)


def test_a_mean_over_weights_is_exact_as_well():
    """Means of batches are not simply averaged: their weights differ."""
    dataset = TensorSet(torch.randn(10, 4), torch.tensor([0, 1, 2, 2, 1, 0, 0, 1, 1, 2]))
    loss_fn = nn.CrossEntropyLoss(weight=torch.tensor([0.1, 1.0, 7.0]), ignore_index=1)
    model = nn.Linear(4, 3)
    expected = loss_fn(model(dataset.inputs), dataset.targets).item()
    for batch_size in (1, 3, 4, 10):
        model_loss = nn.CrossEntropyLoss(weight=loss_fn.weight, ignore_index=1)
        # torch gives nan for a batch of nothing but ignored targets
        model_loss.register_forward_hook(lambda module, inputs, loss: loss.nan_to_num())
        loss, _, _ = evaluate(model, model_loss, dataset, FP32, CPU, batch_size)
        assert loss == pytest.approx(expected, rel=1e-5)


def test_leaves_no_trace(bench, differences):
    bench.step(next(bench.batches(1)))
    model = bench.model
    next(model.children()).eval()  # a part that is in another mode, as frozen layers are

    def traces() -> list:
        modes = [module.training for module in model.modules()]
        gradients = [p.grad for p in model.parameters()]
        return copy.deepcopy([model.state_dict(), modes, gradients, random_state()])

    before = traces()
    _, outputs, _ = evaluated(bench)
    assert not outputs.requires_grad
    assert differences(before, traces()) == []


def test_the_modes_come_back_after_an_error(bench):
    def fail(*_) -> None:
        raise RuntimeError("no memory left")

    bench.model.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="no memory left"):
        evaluated(bench)
    assert bench.model.training


def test_weights_that_are_nan_give_no_figures(bench):
    with torch.no_grad():
        next(bench.model.parameters()).fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="the validation loss is nan"):
        evaluated(bench)


def test_nothing_to_evaluate_is_an_error(bench):
    bench.val_set = TensorSet(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match="the data set is empty"):
        evaluated(bench)


class HostWaits(TorchDispatchMode):
    """Counts what would make the host wait for an accelerator: values that Python has to know."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        by_value = func.overloadpacket.__name__ in ("_local_scalar_dense", "nonzero", "is_nonzero")
        indices = args[1] if func.overloadpacket.__name__ == "index" else ()
        by_mask = any(i is not None and i.dtype == torch.bool for i in indices)
        self.count += by_value or by_mask
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("weight", [None, torch.tensor([0.1, 1.0, 7.0])], ids=["plain", "weighted"])
def test_the_host_waits_as_often_for_many_batches_as_for_few(config, weight):
    dataset = TensorSet(torch.randn(40, 4), torch.arange(40) % 3)
    model, loss_fn = nn.Linear(4, 3), nn.CrossEntropyLoss(weight)
    waits = []
    for batch_size in (2, 40):
        with HostWaits() as host:
            evaluate(model, loss_fn, dataset, FP32, CPU, batch_size)
        waits.append(host.count)
    assert waits[0] == waits[1]

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, foreach=True)
    with HostWaits() as host:
        optimize(model, loss_fn, dataset.inputs, dataset.targets, optimizer, FP32, config)
    assert host.count == 2  # for the norm and the loss: a step has to know whether they are finite


def test_the_model_stands_beside_its_references(config):
    task = config.task()
    task.load()
    figures = dict.fromkeys([task.metric, "other"], 0.25)
    lines = table(task, figures).splitlines()
    assert lines[0] == f"{task.metric}:"
    assert lines[1].split() == ["model", "0.2500"]
    assert [line.split()[-1] for line in lines[2:-1]] == [
        f"{value:.4f}" for value in task.references().values()
    ]
    assert lines[-1] == "also: other 0.2500"
