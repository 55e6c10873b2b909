"""What the W&B tracker promises, shown with a stand-in for the package."""

import math
import sys
from types import SimpleNamespace

import pytest

from project.trackers.wandb import WeightsAndBiases


class StandIn:
    """A W&B run that keeps what it is given; only finish() sends."""

    def __init__(self, **settings):
        self.settings, self.records, self.sent = settings, [], None

    def log(self, values, step):
        self.records.append((step, values))

    def finish(self):
        self.sent = list(self.records)


@pytest.fixture(autouse=True)
def package(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=StandIn))


def test_a_record_is_logged_at_its_step(tmp_path):
    tracker = WeightsAndBiases(tmp_path, {})
    record = {"step": 3, "loss": 0.5, "accuracy": 1}
    tracker.log(record)
    assert tracker.run.records == [(3, {"loss": 0.5, "accuracy": 1})]
    assert record["step"] == 3


def test_the_run_is_named_after_its_folder_and_has_the_config(tmp_path):
    run_dir, config = tmp_path / "first", {"optimizer": {"lr": 0.1}}
    settings = WeightsAndBiases(run_dir, config, project="digits").run.settings
    assert settings["project"] == "digits"
    assert settings["name"] == "first"
    assert settings["dir"] == str(run_dir)
    assert settings["config"] == config


def test_nothing_is_sent_unless_asked_for(tmp_path, monkeypatch):
    assert WeightsAndBiases(tmp_path, {}).run.settings["mode"] == "offline"
    monkeypatch.setenv("WANDB_MODE", "online")
    assert WeightsAndBiases(tmp_path, {}).run.settings["mode"] == "online"


def test_non_finite_values_are_passed_on_as_they_are(tmp_path):
    tracker = WeightsAndBiases(tmp_path, {})
    tracker.log({"step": 1, "loss": math.inf, "norm": math.nan})
    ((_, values),) = tracker.run.records
    assert values["loss"] == math.inf
    assert math.isnan(values["norm"])


def test_close_finishes_the_run(tmp_path):
    tracker = WeightsAndBiases(tmp_path, {})
    tracker.log({"step": 1, "loss": 0.5})
    tracker.close()
    assert tracker.run.sent == [(1, {"loss": 0.5})]


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wandb", None)  # importing it now fails
    with pytest.raises(ImportError, match="pip install wandb"):
        WeightsAndBiases(tmp_path, {})
