"""The command `train`: one sentence and an exit code for whatever goes wrong, and it goes on by itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from digits import run as run_module
from digits import train as training
from digits.config import load

SMALL = ["epochs=2", "batch_size=16", "log_steps=1", "device=cpu", "precision=fp32"]


@pytest.fixture
def command(config_file, few_rows, monkeypatch, tmp_path, capsys):
    """Runs `train` on a few rows of a config in this process: exit code, standard output and errors."""
    few_rows(load(config_file))
    monkeypatch.setattr(run_module, "ROOT", tmp_path)
    monkeypatch.setattr(training, "report", lambda run, *_: run.finish({}))

    def train(*arguments: str, file: Path = config_file) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["train", str(file), *SMALL, *arguments])
        code = 0
        try:
            training.main()
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return train


def test_a_mistake_is_one_sentence_and_exit_code_2_without_a_traceback(config_file):
    process = subprocess.run(
        [sys.executable, "-m", training.__name__, str(config_file), "optimizer.lrr=1"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1
    assert process.stderr.startswith("error: optimizer (")
    assert "has no setting 'lrr'. Did you mean 'lr'?" in process.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["epoch=3"], "Did you mean 'epochs'?"),
        (["precision=tf32"], "precision=tf32 needs a CUDA device"),
        (["device=gpu"], "device=gpu cannot be used: "),
        (["device=meta:x"], "device=meta:x cannot be used: "),
        (["task.source=gone.csv"], "gone.csv"),
        (["freeze=('hed',)"], "no parameter begins with 'hed'"),
        (["start_from=gone.pt"], "there is no checkpoint gone.pt"),
        (["optimizer.lr=-1.0"], "-1.0"),
    ],
)
def test_mistakes_end_before_anything_is_trained(command, arguments, message, tmp_path):
    code, _, errors = command(*arguments)
    assert code == 2
    assert errors.startswith("error: ")
    assert message in errors
    assert not list(tmp_path.glob("*/*.pt"))


def test_ctrl_c_says_how_to_go_on(command, config_file, monkeypatch, tmp_path):
    task = getattr(load(config_file).task, "func", None) or load(config_file).task
    augment, calls = task.augment, []

    def augment_or_stop(self, inputs, generator):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return augment(self, inputs, generator)

    with monkeypatch.context() as patch:
        patch.setattr(task, "augment", augment_or_stop)
        code, _, errors = command()
    folder = tmp_path / config_file.stem
    assert code == 130
    assert f"stopped; the same command goes on from {folder / 'last.pt'}" in errors

    code, output, _ = command()
    assert code == 0
    assert "going on after step 3 of 6" in output
    assert (folder / "report.json").exists()

    finished = (folder / "last.pt").read_bytes()
    assert command()[0] == 0
    assert (folder / "last.pt").read_bytes() == finished
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, f"{folder.name}-2"]


def test_a_gradient_that_is_not_finite_ends_with_exit_code_1(command, monkeypatch):
    def train(*_) -> None:
        raise FloatingPointError("step 5: the gradient's norm is nan")

    monkeypatch.setattr(training, "train", train)
    assert command() == (1, "", "error: step 5: the gradient's norm is nan\n")


def test_the_folder_can_be_named_and_begun_anew(command, config_file, tmp_path):
    for arguments in (["--name", "mine"], ["--name=mine", "--fresh"]):
        assert command(*arguments)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine-2"]
    settings = json.loads((tmp_path / "mine" / "config.json").read_text())
    assert settings["epochs"] == 2
    facts = json.loads((tmp_path / "mine" / "run.json").read_text())
    assert facts["command"].startswith(f"python -m {training.__name__} {config_file}")
    assert facts["command"].endswith("--name mine")
