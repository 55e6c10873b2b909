"""The folder of a run: whose it is, what survives a crash in it, and what it takes to run the same again."""

import json
import subprocess
from pathlib import Path

import pytest

from digits import run as run_module
from digits.run import Run, git, provenance


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch) -> Path:
    """An empty folder for runs."""
    monkeypatch.setattr(run_module, "ROOT", tmp_path / "runs")
    return tmp_path / "runs"


CONFIG = {"seed": 3, "epochs": 2}


def test_an_unfinished_run_of_the_same_config_goes_on(runs):
    assert Run.begin("a", CONFIG).path == runs / "a"
    assert Run.begin("a", CONFIG).path == runs / "a"
    assert json.loads((runs / "a" / "config.json").read_text()) == CONFIG


def test_nothing_is_ever_overwritten(runs):
    first = Run.begin("a", CONFIG)
    assert Run.begin("a", CONFIG | {"epochs": 3}).path == runs / "a-2"
    assert Run.begin("a", CONFIG, fresh=True).path == runs / "a-3"
    assert Run.begin("a", CONFIG).path == first.path
    first.finish({"best": {}})
    assert Run.begin("a", CONFIG).path == runs / "a-3"
    Run(runs / "a-3").finish({"best": {}})
    assert Run.begin("a", CONFIG).path == runs / "a-4"
    (runs / "b").mkdir()  # a folder of something else
    assert Run.begin("b", CONFIG).path == runs / "b-2"


def test_half_a_line_is_no_record():
    run = Run.begin("a", CONFIG)
    for step in (1, 2, 3):
        run.log({"step": step})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 4, "train_lo')  # where a crash broke off
    assert [record["step"] for record in run.records()] == [1, 2, 3]
    run.forget_after(2)
    run.log({"step": 3, "again": True})
    assert run.records() == [{"step": 1}, {"step": 2}, {"step": 3, "again": True}]


def test_records_also_reach_the_trackers():
    class Tracker(list):
        def log(self, record: dict) -> None:
            self.append(record)

    run = Run.begin("a", CONFIG)
    run.trackers = [Tracker(), Tracker()]
    run.log({"step": 1})
    assert run.trackers == [[{"step": 1}], [{"step": 1}]]


def test_the_table_has_every_column_and_a_line_a_record():
    run = Run.begin("a", CONFIG)
    run.log({"step": 1, "train_loss": 0.5})
    run.log({"step": 1, "val_loss": 0.25})
    run.finish({"best": {"accuracy": 1.0}})
    table = (run.path / "metrics.csv").read_text()
    assert table == "step,train_loss,val_loss\n1,0.5,\n1,,0.25\n"
    assert json.loads(run.report_file.read_text()) == {"best": {"accuracy": 1.0}}


def test_a_failed_report_leaves_the_run_unfinished(monkeypatch):
    def fail(*_) -> None:
        raise OSError("no space left on device")

    run = Run.begin("a", CONFIG)
    monkeypatch.setattr(run_module.os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        run.finish({"best": {}})
    assert not run.report_file.exists()


def test_a_folder_without_a_model_is_told_with_those_that_have_one(runs):
    with pytest.raises(FileNotFoundError, match=r"not a run with a model\. Train one"):
        Run.existing(runs / "none")
    good = Run.begin("good", CONFIG)
    good.model_file.touch()
    with pytest.raises(FileNotFoundError, match=r"none is not a run .* There is: .*good\."):
        Run.existing(runs / "none")
    assert Run.existing(good.path).path == good.path


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A folder with one commit, and a change that is in none."""
    monkeypatch.chdir(tmp_path)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    (tmp_path / "file.txt").write_text("old\n")
    try:
        for command in (["init", "-q"], ["add", "file.txt"], ["commit", "-q", "-m", "first"]):
            subprocess.run(["git", *identity, *command], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    (tmp_path / "file.txt").write_text("new\n")
    return tmp_path


def test_commit_and_changes_are_written_down(repository):
    run = Run.begin("a", CONFIG)
    facts = json.loads((run.path / "run.json").read_text())
    assert facts["git_commit"] == git("rev-parse", "HEAD")
    assert len(facts["git_commit"]) == 40
    assert facts["seed"] == 3
    assert "+new" in (run.path / "uncommitted.diff").read_text()


@pytest.mark.parametrize("obstacle", ["no repository", "no git"])
def test_git_is_not_needed(tmp_path, monkeypatch, obstacle):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if obstacle == "no git":
        monkeypatch.setenv("PATH", "")
    assert provenance(0)["git_commit"] is None
    assert not (Run.begin("a", CONFIG).path / "uncommitted.diff").exists()
