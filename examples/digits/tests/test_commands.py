"""The command `train`: one sentence and an exit code for whatever goes wrong, and it goes on by itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from digits import run as run_module
from digits import train as training
from digits.config import load
from digits.storage import read

SMALL = ["epochs=2", "batch_size=16", "log_steps=1", "device=cpu", "precision=fp32"]


def task_of(file: Path) -> type:
    """The class of the task that a config names."""
    task = load(file).task
    return getattr(task, "func", task)


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
    assert not list(tmp_path.iterdir())  # the corrected command gets the plain name


def test_stopped_before_anything_was_saved(command, config_file, monkeypatch, tmp_path):
    def stop(self, inputs, generator) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(task_of(config_file), "augment", stop)
    code, _, errors = command()
    assert code == 130
    assert "stopped; the same command starts anew: nothing was saved yet" in errors
    assert not list(tmp_path.iterdir())


def test_what_was_loaded_is_told(command, config_file, tmp_path):
    assert command()[0] == 0
    weights = tmp_path / config_file.stem / "last.pt"
    _, output, _ = command(f"start_from={weights}")
    count = len(read(weights)["model"])
    assert f"loaded {count} of {count} tensors from {weights}\n" in output


def test_an_old_training_loss_does_not_pass_for_that_of_an_epoch(command):
    _, output, _ = command("epochs=3", "log_steps=4")  # of the 9 steps, 3 an epoch
    lines = [line for line in output.splitlines() if line.startswith("epoch")]
    assert ["train loss" in line for line in lines] == [False, True, True]
    _, output, _ = command("epochs=3", "log_steps=6")
    lines = [line for line in output.splitlines() if line.startswith("epoch")]
    assert ["train loss" in line for line in lines] == [False, True, False]


def test_ctrl_c_says_how_to_go_on(command, config_file, monkeypatch, tmp_path):
    task = task_of(config_file)
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
    code, output, _ = command()
    assert code == 0
    assert output == f"{folder} is complete; --fresh trains it once more\n"
    assert (folder / "last.pt").read_bytes() == finished
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


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
