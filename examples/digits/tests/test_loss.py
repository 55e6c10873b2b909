"""A loss with parameters of its own: they move, learn, are saved and come back with the model's."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from digits import checks
from digits.config import Config
from digits.storage import read
from digits.weights import load_for_inference


class Uncertain(nn.Module):
    """The size of the outputs against a variance that is learned beside them."""

    devices: list

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(()))

    def to(self, device: torch.device) -> "Uncertain":
        self.devices.append(device)
        return super().to(device)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.square().mean() * (-self.log_variance).exp() + self.log_variance


@pytest.fixture
def config(config, monkeypatch) -> Config:
    """Each config with this loss in place of its own, as if it stood in a file of the package."""
    monkeypatch.setattr(Uncertain, "devices", [], raising=False)
    monkeypatch.setattr(Uncertain, "__module__", checks.__name__)
    monkeypatch.setattr(checks, "Uncertain", Uncertain, raising=False)
    return replace(config, loss=Uncertain, evaluate_steps=2)


def test_its_parameters_are_moved_to_the_device_of_the_run(config, trained):
    trained(config)
    assert Uncertain.devices == [torch.device("cpu")]


def test_its_parameters_are_trained_and_kept_with_the_models(config, trained):
    run = trained(replace(config, averaging=None))  # else their average would be kept
    last, best = read(run.last_file), read(run.best_file)
    assert "log_variance" in last["parameters"]
    assert last["loss"]["log_variance"] != 0
    _, _, loss_fn = load_for_inference(run.model_file)
    assert loss_fn.log_variance == best["loss"]["log_variance"]


def test_its_parameters_come_back_when_the_run_goes_on(config, trained, interrupted, differences):
    whole = trained(config, "whole")
    with interrupted(config, 3):
        trained(config, "parts")
    parts = trained(config, "parts")
    for file in ("last_file", "best_file", "model_file"):
        assert differences(read(getattr(whole, file)), read(getattr(parts, file))) == []
