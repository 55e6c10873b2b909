"""The loop around the steps: what it feeds them, what it says of them, and that it waits for none."""

from dataclasses import replace
from unittest.mock import Mock

import pytest
import torch
from torch import Tensor

from digits import data
from digits.debug import Bench
from digits.device import place, place_model
from digits.progress import Progress
from digits.randomness import generator_for


@pytest.fixture
def augmented(config, monkeypatch) -> list[tuple[int, Tensor]]:
    """The seed of the generator and the inputs of every batch that is augmented from now on."""
    seen, task = [], getattr(config.task, "func", config.task)
    augment = task.augment

    def augment_and_note(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        seen.append((generator.initial_seed(), inputs.clone()))
        return augment(self, inputs, generator)

    monkeypatch.setattr(task, "augment", augment_and_note)
    return seen


def test_each_step_is_augmented_by_a_generator_of_its_own(config, augmented, trained):
    trained(config)
    expected = [generator_for(config.seed, "augment", step) for step in range(6)]
    assert [seed for seed, _ in augmented] == [g.initial_seed() for g in expected]


def test_a_stopped_run_sees_the_batches_that_were_left(
    config, augmented, trained, interrupted, differences
):
    trained(config, "whole")
    whole = augmented.copy()
    with interrupted(config, 4):  # one more than the checkpoint has
        trained(config, "parts")
    augmented.clear()
    trained(config, "parts")
    assert differences(whole[3:], augmented) == []


def test_as_many_processes_load_the_data_as_the_config_says(config, trained, monkeypatch):
    asked = []

    def load_here(dataset: data.Dataset, **settings) -> list[data.Batch]:
        asked.append(settings["num_workers"])
        return [dataset.__getitems__(rows) for rows in settings["batch_sampler"]]

    monkeypatch.setattr(data, "DataLoader", load_here)
    trained(replace(config, workers=None), "in memory")
    assert asked == []
    trained(replace(config, workers=3), "by three")
    assert set(asked) == {3}


def test_only_images_on_a_gpu_have_their_channels_last():
    """And no copy to a device is waited for, as it comes from pinned memory."""
    for kind, dimensions, formats in (("cuda", 4, 1), ("cuda", 2, 0), ("cpu", 4, 0)):
        device, model = torch.device(kind), Mock()
        inputs = Mock(ndim=dimensions, device=torch.device("cpu"))
        inputs.to.return_value = inputs.pin_memory.return_value = inputs
        place(inputs, device)
        inputs.to.assert_called_once_with(device, non_blocking=True)
        assert inputs.pin_memory.called == (kind == "cuda")
        asked = [call.kwargs["memory_format"] for call in inputs.contiguous.call_args_list]
        assert asked == [torch.channels_last] * formats
        place_model(model, device)
        asked = [call.kwargs for call in model.to.call_args_list if call.kwargs]
        assert asked == [{"memory_format": torch.channels_last}] * (kind == "cuda")


def test_counting_a_step_waits_for_no_figure():
    """On the device "meta" a tensor has no value: whoever asked for one would fail."""
    progress = Progress()
    for _ in range(3):
        progress.count(torch.zeros((), device="meta"), torch.zeros((), device="meta"), True)
    assert progress.loss.device.type == "meta"
    assert progress.batches == 3


def test_a_run_that_goes_on_allows_as_many_skips_as_it_is_told():
    progress = Progress(max_skips=20)
    progress.load_state_dict(Progress(max_skips=0).state_dict())
    assert progress.max_skips == 20


def test_records_are_made_at_their_steps_alone(config, trained):
    records = trained(replace(config, log_steps=2)).records()
    assert [record["step"] for record in records if "train_loss" in record] == [2, 4, 6]
    assert [record["step"] for record in records if "val_loss" in record] == [3, 6]


def test_parameters_are_counted_and_those_that_are_trained(config, trained, capsys):
    model = Bench(config).model
    total = sum(p.numel() for p in model.parameters())
    head = sum(p.numel() for name, p in model.named_parameters() if name.startswith("head."))
    trained(replace(config, freeze=("head.",)))
    said = f"{total:,} parameters, {total - head:,} of them trained, on cpu"
    assert said in capsys.readouterr().out


class Notebook:
    """A tracker that keeps what it is told."""

    told: list

    def __init__(self, run_dir, config) -> None:
        type(self).told = []

    def log(self, record: dict) -> None:
        self.told.append(record["step"])

    def close(self) -> None:
        self.told.append("closed")


def test_trackers_are_told_every_record_and_closed_once(config, trained):
    trained(replace(config, trackers=(Notebook,), evaluate_steps=3))
    assert Notebook.told == [1, 2, 3, 3, 4, 5, 6, 6, "closed"]
