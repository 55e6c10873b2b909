"""The folder of a run: whose it is, what survives a crash in it, and when it is taken back."""

import json
import os
from pathlib import Path
from unittest.mock import Mock

import pytest

from digits import run as run_module
from digits.beginning import begun
from digits.run import Run


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch) -> Path:
    """An empty folder for runs."""
    monkeypatch.setattr(run_module, "ROOT", tmp_path / "runs")
    return tmp_path / "runs"


CONFIG = {"seed": 3, "epochs": 2}


def test_an_unfinished_run_of_the_same_config_goes_on(runs):
    assert begun("a", CONFIG).path == runs / "a"
    assert begun("a", CONFIG).path == runs / "a"
    assert json.loads((runs / "a" / "config.json").read_text()) == CONFIG


def test_nothing_is_ever_overwritten_or_done_twice(runs):
    first = begun("a", CONFIG)
    assert begun("a", CONFIG | {"epochs": 3}).path == runs / "a-2"
    assert begun("a", CONFIG, fresh=True).path == runs / "a-3"
    assert begun("a", CONFIG).path == first.path
    first.finish({"best": {}})
    assert begun("a", CONFIG).path == runs / "a-3"  # unfinished
    Run(runs / "a-3").finish({"best": {}})
    assert begun("a", CONFIG).path == runs / "a-3"  # the command was killed after its last line
    assert begun("a", CONFIG, fresh=True).path == runs / "a-4"
    (runs / "b").mkdir()  # a folder of something else
    assert begun("b", CONFIG).path == runs / "b-2"


def test_settings_that_keep_a_run_from_going_on_are_told(capsys):
    """A run of the same name that could go on is never passed over in silence."""
    parts = {
        "optimizer": {"use": "torch.optim:AdamW", "lr": 0.1},
        "loss": {"use": "a:Focal", "g": 2},
    }
    old = CONFIG | parts | {"freeze": ("stem",)}
    run = begun("a", old)
    new = old | {"epochs": 3, "optimizer": {"use": "torch.optim:AdamW", "lr": 0.2}}
    new |= {"loss": {"use": "torch.nn:MSELoss"}, "freeze": ("stem",)}
    begun("b", old)
    begun("b", new)  # nothing was saved that could go on
    assert capsys.readouterr().out == ""
    run.last_file.touch()
    other = begun("a", new)
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{run.path} is unfinished; its own settings go on with it"
    assert told[1].startswith(f"{other.path} is begun")
    differences = "epochs: 2 -> 3; optimizer.lr: 0.1 -> 0.2; loss: Focal -> MSELoss"
    assert told[1].endswith(f": {differences}")
    begun("a", old)
    begun("a", old | {"epochs": 4})
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{run.path} is unfinished; --resume goes on with it"
    begun("a", new | {"seed": 5}, fresh=True)  # asked for
    (run.path / "config.json").write_text("{")  # damaged: another run can still be begun
    begun("a", new | {"seed": 6})
    run.finish({"best": {}})
    begun("a", new | {"seed": 4})
    assert capsys.readouterr().out == ""


def test_half_a_line_is_no_record():
    run = begun("a", CONFIG)
    for step in (1, 2, 3):
        run.log({"step": step})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 4, "train_lo')  # where a crash broke off
    assert [record["step"] for record in run.records()] == [1, 2, 3]
    run.start(2, CONFIG, [])
    run.log({"step": 3, "again": True})
    assert run.records() == [{"step": 1}, {"step": 2}, {"step": 3, "again": True}]


def test_a_line_that_is_no_record_is_named():
    run = begun("a", CONFIG)
    run.metrics_file.write_text('{"step": 1}\n{"step"}\n')
    with pytest.raises(ValueError, match=r"metrics\.jsonl holds a line that is no record: .*':'"):
        run.records()


def test_a_folder_that_cannot_be_made_is_told(runs, monkeypatch):
    runs.write_text("a file")
    with pytest.raises(OSError, match=r"the folder .*runs.a cannot be made: Not a directory"):
        begun("a", CONFIG)
    runs.unlink()
    refused = PermissionError(13, "Permission denied")
    monkeypatch.setattr(Path, "mkdir", Mock(side_effect=refused))
    with pytest.raises(OSError, match=r"the folder .* cannot be made: Permission denied"):
        begun("a", CONFIG)


def test_what_a_killed_save_left_behind_is_removed():
    run = begun("a", CONFIG)
    (run.path / "last.pt.tmp").touch()
    run.start(0, CONFIG, [])
    assert not (run.path / "last.pt.tmp").exists()


def test_records_also_reach_the_trackers():
    class Tracker(list):
        def log(self, record: dict) -> None:
            self.append(record)

    run = begun("a", CONFIG)
    run.trackers = [Tracker(), Tracker()]
    run.log({"step": 1})
    assert run.trackers == [[{"step": 1}], [{"step": 1}]]


def test_the_table_has_every_column_and_a_line_a_record():
    run = begun("a", CONFIG)
    run.log({"step": 1, "train_loss": 0.5})
    run.log({"step": 1, "val_loss": 0.25})
    run.finish({"best": {"accuracy": 1.0}})
    table = (run.path / "metrics.csv").read_text()
    assert table == "step,train_loss,val_loss\n1,0.5,\n1,,0.25\n"
    assert json.loads(run.report_file.read_text()) == {"best": {"accuracy": 1.0}}


def test_a_failed_report_leaves_the_run_unfinished(monkeypatch):
    def fail(*_) -> None:
        raise OSError("no space left on device")

    run = begun("a", CONFIG)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        run.finish({"best": {}})
    assert not run.report_file.exists()


def test_a_folder_without_a_model_is_told_with_those_that_have_one(runs):
    with pytest.raises(FileNotFoundError, match=r"not a run with a model\. Train one"):
        Run.existing(runs / "none")
    good = begun("good", CONFIG)
    good.model_file.touch()
    with pytest.raises(FileNotFoundError, match=r"none is not a run .* There is: .*good\."):
        Run.existing(runs / "none")
    assert Run.existing(good.path).path == good.path


def test_a_folder_is_taken_back_where_nothing_was_trained(runs):
    run = begun("a", CONFIG)
    run.start(0, CONFIG, [])
    run.discard_if_unused()
    assert not run.path.exists()
    for name in ("last.pt", "notes.txt"):
        run = begun("a", CONFIG)
        (run.path / name).touch()
        run.discard_if_unused()
        assert (run.path / name).exists()
        (run.path / name).unlink()
    run.log({"step": 1})
    run.discard_if_unused()
    assert run.records() == [{"step": 1}]
