"""The job is run by bash, with commands of Slurm that only note what they are asked."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from project.tools import slurm

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="jobs are run by bash")

# instead of the training: says that it runs, and saves when it is asked to stop
TRAINING = """
import pathlib, signal, sys, time

def save(*_):
    time.sleep(0.2)
    pathlib.Path("saved").touch()
    sys.exit({code_when_asked})

signal.signal(signal.SIGTERM, save)
pathlib.Path("running").touch()
time.sleep({seconds})
sys.exit({code})
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Starts a job whose training is made up; the folder notes what happens."""

    def start(seconds=60.0, code=0, code_when_asked=143) -> subprocess.Popen:
        training = TRAINING.format(seconds=seconds, code=code, code_when_asked=code_when_asked)
        commands = {
            "srun": f'echo "$@" > command; exec {sys.executable} training.py',
            "scontrol": 'if [ "$1" = show ]; then echo node7; echo node8; else echo "$@" > queue; fi',
        }
        (tmp_path / "training.py").write_text(training)
        for name, text in commands.items():
            (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
            (tmp_path / name).chmod(0o755)
        text = slurm.script(Path("configs/base line.py"), ["epochs=3"], nodes=2, gpus=4)
        (tmp_path / "job.sh").write_text(text)
        here = {"SLURM_JOB_ID": "12", "SLURM_JOB_NODELIST": "node[7-8]"}
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        command = ["bash", "job.sh"]
        return subprocess.Popen(command, cwd=tmp_path, env=os.environ | here | {"PATH": path})

    return start


def ask_to_stop(job: subprocess.Popen, folder: Path) -> None:
    deadline = time.monotonic() + 30
    while not (folder / "running").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)


def test_when_its_time_is_over_the_run_is_saved_and_queued_again(job, tmp_path):
    started = job()
    ask_to_stop(started, tmp_path)
    assert started.wait(30) == 143
    assert (tmp_path / "saved").exists()
    assert (tmp_path / "queue").read_text() == "requeue 12\n"


def test_a_run_that_ends_when_it_is_asked_to_stop_is_not_queued_again(job, tmp_path):
    started = job(code_when_asked=0)
    ask_to_stop(started, tmp_path)
    assert started.wait(30) == 0
    assert not (tmp_path / "queue").exists()


@pytest.mark.parametrize("code", [0, 1])
def test_a_run_that_ends_or_fails_by_itself_is_not_queued_again(job, tmp_path, code):
    assert job(seconds=0.0, code=code).wait(30) == code
    assert not (tmp_path / "queue").exists()


def test_every_node_starts_its_processes_and_they_meet_at_the_first(job, tmp_path):
    assert job(seconds=0.0).wait(30) == 0
    command = (tmp_path / "command").read_text()
    assert "--nnodes=2 --nproc-per-node=4" in command
    assert "--rdzv-id=12 --rdzv-endpoint=node7:29500" in command
    assert command.endswith("train configs/base line.py epochs=3\n")


def test_without_a_gpu_none_is_asked_for():
    text = slurm.script(Path("configs/baseline.py"), [], gpus=0)
    assert "gpus" not in text
    assert "--nproc-per-node=1" in text


def test_a_mistake_is_told_before_anything_is_queued(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["slurm", "configs/baselin.py"])
    with pytest.raises(SystemExit, match="2"):
        slurm.main()
    output = capsys.readouterr()
    assert "there is no config file configs/baselin.py" in output.err
    assert output.out == ""
