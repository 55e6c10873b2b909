"""Samples and their order: a pure function of seed and step, every sample once an epoch."""

import itertools
import pickle
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from digits import data
from digits.checks import check_parts
from digits.data import TensorSet, batches, in_order
from digits.debug import Bench
from digits.feed import on_device


@pytest.fixture
def rows() -> TensorSet:
    """Ten samples that are their own number."""
    return TensorSet(torch.arange(10.0)[:, None], torch.arange(10))


def numbers(stream) -> list[list[int]]:
    """The samples of each batch; inputs and targets are of the same ones."""
    pairs = list(stream)
    assert [x[:, 0].tolist() for x, _ in pairs] == [targets.tolist() for _, targets in pairs]
    return [targets.tolist() for _, targets in pairs]


def test_the_order_is_a_function_of_seed_and_epoch(rows):
    first = numbers(batches(rows, 4, seed=0, start=0, stop=6))
    torch.rand(3)  # whatever else draws in between
    assert numbers(batches(rows, 4, seed=0, start=0, stop=6)) == first
    assert numbers(batches(rows, 4, seed=1, start=0, stop=6)) != first
    assert first[:3] != first[3:]  # another order in each epoch


def test_every_sample_comes_once_an_epoch(rows):
    stream = numbers(batches(rows, 4, seed=0, start=0, stop=6))
    assert [len(batch) for batch in stream] == [4, 4, 2, 4, 4, 2]
    for epoch in (stream[:3], stream[3:]):
        assert sorted(itertools.chain(*epoch)) == list(range(10))
    assert sorted(itertools.chain(*stream[:3])) != list(itertools.chain(*stream[:3]))


@pytest.mark.parametrize("start", range(7))
def test_from_any_step_on_the_stream_is_the_same(rows, start):
    whole = numbers(batches(rows, 4, seed=0, start=0, stop=7))
    assert numbers(batches(rows, 4, seed=0, start=start, stop=7)) == whole[start:]
    assert numbers(batches(rows, 4, seed=0, start=0, stop=start)) == whole[:start]


@pytest.mark.parametrize(("free", "moved"), [(239, False), (240, True)])
def test_data_that_would_fill_a_gpu_stay_where_they_are(rows, monkeypatch, free, moved):
    """Ten numbers of 4 bytes and ten of 8, and half of what is free."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**9))
    monkeypatch.setattr(TensorSet, "to", lambda self, device: device)
    gpu = torch.device("cuda")
    assert on_device(rows, gpu) is (gpu if moved else rows)
    assert on_device([rows], gpu) == [rows]  # no set in memory


def test_a_row_that_is_not_finite_is_named_in_any_part_of_a_set(monkeypatch):
    monkeypatch.setattr(data, "LOOKED_AT", 4)
    inputs = torch.zeros(10, 2)
    inputs[9, 1] = torch.nan
    with pytest.raises(ValueError, match="the inputs of row 9 are not finite"):
        TensorSet(inputs, torch.arange(10))


def test_rows_in_a_file_are_samples_as_any(rows, tmp_path):
    """Mapped into memory: a batch reads its own rows."""
    rows.inputs.numpy().tofile(tmp_path / "inputs.bin")
    inputs = torch.from_file(str(tmp_path / "inputs.bin"), size=10).view(10, 1)
    mapped = TensorSet(inputs, rows.targets)
    assert numbers(batches(mapped, 4, 0, 0, 6)) == numbers(batches(rows, 4, 0, 0, 6))


def test_workers_bring_the_same_batches_and_draw_nothing(rows):
    before = torch.get_rng_state()
    alone = list(batches(rows, 4, seed=0, start=1, stop=6, workers=0))
    helped = list(batches(rows, 4, seed=0, start=1, stop=6, workers=2))
    torch.testing.assert_close(helped, alone, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_workers_need_can_be_sent_to_them(config, monkeypatch):
    """Where processes are not forked everything travels by name: a lambda could not."""
    sent = []
    monkeypatch.setattr(data, "DataLoader", lambda *given, **named: sent.extend([given, named]))
    train_set, _ = config.task().load()
    with pytest.raises(TypeError):
        data.fetch(train_set, [torch.arange(2)], workers=1)
    (dataset,), named = sent
    for stays_here in ("generator", "batch_sampler"):
        named.pop(stays_here)
    inputs, targets = pickle.loads(pickle.dumps(dataset)).__getitems__([0, 1])
    torch.testing.assert_close((inputs, targets), train_set.__getitems__([0, 1]))
    assert pickle.loads(pickle.dumps(named)) == named


def test_in_order_means_in_order(rows):
    assert numbers(in_order(rows, 4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_samples_that_cannot_be_right_are_refused():
    with pytest.raises(ValueError, match="3 inputs but 2 targets"):
        TensorSet(torch.zeros(3, 1), torch.zeros(2))
    inputs = torch.zeros(4, 2, 2)
    inputs[2, 1, 1] = torch.nan
    with pytest.raises(ValueError, match="the inputs of row 2 are not finite"):
        TensorSet(inputs, torch.zeros(4))


def test_batches_are_what_the_protocol_says(config):
    for dataset in config.task().load():
        inputs, targets = dataset.__getitems__([0, 2, 1])
        assert len(inputs) == len(targets) == 3
        assert inputs.dtype in (torch.float32, torch.int64)
        assert targets.dtype in (torch.float32, torch.int64)
        assert targets.ndim == (2 if targets.is_floating_point() else 1)
        assert not inputs.requires_grad


def test_augmentation_draws_from_its_generator_alone(config):
    task = config.task()
    train_set, _ = task.load()
    inputs, _ = train_set.__getitems__(range(16))
    before, state = inputs.clone(), torch.get_rng_state()

    def augmented(seed: int) -> Tensor:
        return task.augment(inputs, torch.Generator().manual_seed(seed))

    one = augmented(0)
    assert torch.equal(augmented(0), one)
    assert one.shape == inputs.shape
    assert one.dtype == inputs.dtype
    assert torch.equal(inputs, before)  # the samples themselves stay
    assert torch.equal(torch.get_rng_state(), state)


def test_parts_that_do_not_fit_are_told_before_training(config):
    bench = Bench(config)
    one = TensorSet(*bench.train_set.__getitems__([0]))
    with pytest.raises(ValueError, match="there are 1 training samples; a run needs at least 2"):
        check_parts(bench.model, bench.loss_fn, one, config, bench.device)
    with pytest.raises(ValueError, match="the loss must be a single number; its shape is"):
        check_parts(bench.model, lambda x, y: x, bench.train_set, config, bench.device)
    numbers_of_two = TensorSet(bench.train_set.__getitems__([0, 1])[0], torch.zeros(2, 77))
    with pytest.raises(ValueError, match=r"gives .* where the targets are \(2, 77\)"):
        check_parts(bench.model, bench.loss_fn, numbers_of_two, config, bench.device)
    with torch.no_grad():
        next(bench.model.parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match="outputs are not finite before training"):
        check_parts(bench.model, bench.loss_fn, bench.train_set, replace(config), bench.device)
