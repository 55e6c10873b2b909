"""What the MLflow tracker promises, shown with a stand-in for the package."""

import math
import sys
import time
from types import SimpleNamespace

import pytest

from project.trackers.mlflow import MLflow


class StandIn:
    """A client that keeps what it is given."""

    def __init__(self, tracking_uri):
        self.tracking_uri, self.experiments = tracking_uri, ["Default"]
        self.run, self.params, self.metrics, self.ended = None, {}, [], []

    def get_experiment_by_name(self, name):
        known = name in self.experiments
        return SimpleNamespace(experiment_id=self.experiments.index(name)) if known else None

    def create_experiment(self, name):
        self.experiments.append(name)
        return len(self.experiments) - 1

    def create_run(self, experiment_id, run_name):
        self.run = (experiment_id, run_name)
        return SimpleNamespace(info=SimpleNamespace(run_id="id"))

    def log_param(self, run_id, name, value):
        assert run_id == "id"
        self.params[name] = value

    def log_batch(self, run_id, metrics):
        assert run_id == "id"
        self.metrics.append(metrics)

    def set_terminated(self, run_id):
        self.ended.append(run_id)


@pytest.fixture(autouse=True)
def package(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    entities = SimpleNamespace(Metric=lambda *fields: fields)
    package = SimpleNamespace(MlflowClient=StandIn, entities=entities)
    monkeypatch.setitem(sys.modules, "mlflow", package)


def test_a_record_is_one_batch_at_its_step(tmp_path):
    tracker = MLflow(tmp_path, {})
    before = int(time.time() * 1000)
    record = {"step": 3, "loss": 0.5, "accuracy": 1}
    tracker.log(record)
    ((loss, accuracy),) = tracker.client.metrics
    assert (loss[0], loss[1], loss[3]) == ("loss", 0.5, 3)
    assert (accuracy[0], accuracy[1], accuracy[3]) == ("accuracy", 1, 3)
    assert before <= loss[2] <= int(time.time() * 1000)
    assert record["step"] == 3


def test_all_runs_share_one_database_beside_their_folders(tmp_path, monkeypatch):
    expected = f"sqlite:///{tmp_path.resolve().as_posix()}/mlflow.db"
    assert MLflow(tmp_path / "first", {}).client.tracking_uri == expected
    monkeypatch.chdir(tmp_path)
    second = type(tmp_path)("second")  # relative, as in the command line
    assert MLflow(second, {}).client.tracking_uri == expected


def test_a_server_is_used_when_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert MLflow(tmp_path, {}).client.tracking_uri == "http://localhost:5000"


def test_an_experiment_is_made_once_and_the_run_named_after_its_folder(tmp_path):
    known = MLflow(tmp_path / "first", {})
    assert known.client.run == (0, "first")
    assert known.client.experiments == ["Default"]
    new = MLflow(tmp_path / "second", {}, experiment="digits")
    assert new.client.run == (1, "second")
    assert new.client.experiments == ["Default", "digits"]


def test_nested_settings_become_columns(tmp_path):
    config = {"seed": 0, "loss": {"name": "FocalLoss", "settings": {"gamma": 2.0}}}
    expected = {"seed": 0, "loss.name": "FocalLoss", "loss.settings.gamma": 2.0}
    assert MLflow(tmp_path, config).client.params == expected


def test_non_finite_values_are_passed_on_as_they_are(tmp_path):
    tracker = MLflow(tmp_path, {})
    tracker.log({"step": 1, "loss": math.inf, "norm": math.nan})
    ((loss, norm),) = tracker.client.metrics
    assert loss[1] == math.inf
    assert math.isnan(norm[1])


def test_close_ends_the_run(tmp_path):
    tracker = MLflow(tmp_path, {})
    tracker.close()
    assert tracker.client.ended == ["id"]


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mlflow", None)  # importing it now fails
    with pytest.raises(ImportError, match="pip install mlflow"):
        MLflow(tmp_path, {})
