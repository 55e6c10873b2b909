"""What the TensorBoard tracker promises, shown with a stand-in for the package."""

import math
import sys
from types import SimpleNamespace

import pytest

from project.trackers.tensorboard import TensorBoard


class StandIn:
    """A SummaryWriter that keeps what it is given; only close() writes."""

    def __init__(self, log_dir):
        self.log_dir, self.scalars, self.texts, self.written = log_dir, [], {}, None

    def add_text(self, name, text):
        self.texts[name] = text

    def add_scalar(self, name, value, step):
        self.scalars.append((name, value, step))

    def close(self):
        self.written = list(self.scalars)


@pytest.fixture
def tracker(monkeypatch, tmp_path):
    package = SimpleNamespace(SummaryWriter=StandIn)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", package)
    return TensorBoard(tmp_path / "first", {"optimizer": {"lr": 0.1}, "folder": tmp_path})


def test_each_value_is_a_curve_over_steps(tracker):
    tracker.log({"step": 3, "loss": 0.5, "accuracy": 1})
    tracker.log({"step": 6, "loss": 0.25})
    assert tracker.writer.scalars == [("loss", 0.5, 3), ("accuracy", 1, 3), ("loss", 0.25, 6)]


def test_events_and_config_go_to_the_run_folder(tracker, tmp_path):
    assert tracker.writer.log_dir == str(tmp_path / "first")
    assert '"lr": 0.1' in tracker.writer.texts["config"]
    assert str(tmp_path) in tracker.writer.texts["config"]


def test_non_finite_values_are_passed_on_as_they_are(tracker):
    tracker.log({"step": 1, "loss": math.inf, "norm": math.nan})
    (_, loss, _), (_, norm, _) = tracker.writer.scalars
    assert loss == math.inf
    assert math.isnan(norm)


def test_a_record_is_left_as_it_was(tracker):
    record = {"step": 1, "loss": 0.5}
    tracker.log(record)
    assert record == {"step": 1, "loss": 0.5}


def test_close_writes_what_was_logged(tracker):
    tracker.log({"step": 1, "loss": 0.5})
    tracker.close()
    assert tracker.writer.written == [("loss", 0.5, 1)]


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # importing it now fails
    with pytest.raises(ImportError, match="pip install tensorboard"):
        TensorBoard(tmp_path, {})
