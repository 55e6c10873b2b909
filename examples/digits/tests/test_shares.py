"""Who computes what of a batch, and what several processes could not compute as one: without starting any."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from digits import distributed, parallel, shares
from digits.checks import check_parts
from digits.data import Batch, Dataset, TensorSet
from digits.debug import Bench
from digits.feed import feed

from .short_runs import CONFIGS, prepared
from .two_processes import CPU, Pairs


@pytest.fixture
def posing(monkeypatch):
    """Makes this process one among so many."""

    def pose(number: int, of: int) -> None:
        monkeypatch.setattr(shares, "processes", lambda: of)
        monkeypatch.setattr(shares, "rank", lambda: number)

    return pose


def test_every_sample_is_in_one_share(posing):
    for samples in (8, 9, 11, 16):
        rows = []
        for number in range(4):
            posing(number, of=4)
            own = range(samples)[shares.share(samples, 2)]
            assert len(own) in (samples // 4, samples // 4 + 1)
            rows += own
        assert rows == list(range(samples))
    assert shares.share(7, 2) == slice(0, 7)  # not two samples for everyone: all take all


def test_one_process_joins_nothing_and_has_all():
    with distributed.joined():
        assert not torch.distributed.is_initialized()
    assert shares.share(5) == slice(0, 5)
    assert shares.passes_of(3) == [0, 1, 2]
    value = torch.ones(3)
    assert distributed.mean(value) is value
    assert distributed.gather_rows(value) is value


class OnDisk(Dataset):
    """Samples that are not in memory: how many were read is noted."""

    def __init__(self, rows: TensorSet) -> None:
        self.rows, self.read = rows, []

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, indices: Any) -> Batch:
        self.read.append(len(indices))
        return self.rows.__getitems__(indices)


class Noise:
    """A task that adds noise."""

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        return inputs + torch.randn(inputs.shape, generator=generator)


def test_a_process_gets_and_reads_its_share_alone(posing):
    rows = TensorSet(torch.arange(19.0)[:, None].expand(-1, 3), torch.arange(19))
    config, disk = prepared(CONFIGS[0]), OnDisk(rows)
    whole = list(feed(Noise(), rows, config, 0, 4, CPU))
    posing(2, of=4)
    for dataset in (rows, disk):
        own = list(feed(Noise(), dataset, config, 0, 4, CPU))
        for (inputs, targets), batch in zip(own, whole, strict=True):
            rows_of_batch = shares.share(len(batch[0]))
            assert torch.equal(inputs, batch[0][rows_of_batch])
            assert torch.equal(targets, batch[1][rows_of_batch])
    assert disk.read == [4, 3, 4, 3]


@pytest.fixture
def start(monkeypatch):
    """Starts the steps of a model as the first of four processes."""
    monkeypatch.setattr(parallel, "processes", lambda: 4)
    config = prepared(CONFIGS[0])
    return lambda model, device: parallel.parallelize(model, nn.MSELoss(), config, device)


def test_normalisation_over_a_batch_is_refused(start):
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    with pytest.raises(ValueError, match=r"1 \(BatchNorm1d\) would see the samples of its own"):
        start(model, CPU)
    parallel.check_processes(nn.Sequential(nn.GroupNorm(2, 4), nn.SyncBatchNorm(4)), CPU)


def test_more_processes_than_devices_are_refused(start, monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    with pytest.raises(ValueError, match="4 processes want a device each, and there are 2: "):
        start(nn.Linear(2, 2), torch.device("cuda"))


def test_a_batch_too_small_to_compare_is_refused(monkeypatch):
    bench = Bench(prepared(CONFIGS[0]))  # 45 samples in batches of 16: 13 are left
    monkeypatch.setattr("digits.checks.processes", lambda: 14)
    what = bench.model, Pairs(), bench.train_set, bench.config, bench.device
    with pytest.raises(ValueError, match="has 13 samples for 14 processes to compare: choose"):
        check_parts(*what)
