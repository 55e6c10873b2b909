"""A run that was stopped in the middle of an epoch goes on as if it had never stopped, to the last bit."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch

from digits import checkpoint
from digits.checkpoint import State
from digits.config import Config
from digits.precision import Precision
from digits.run import Run
from digits.storage import read


@pytest.fixture
def scaled(config, monkeypatch) -> Config:
    """Checkpoints after steps 2, 4 and 6 of epochs of 3 steps; the loss is scaled as in fp16."""
    autocast = torch.autocast("cpu", enabled=False)  # float16 takes seconds a step on a CPU
    monkeypatch.setattr(Precision, "autocast", lambda self: autocast)
    return replace(config, precision="fp16", evaluate_steps=2, log_steps=3)


def records(run: Run) -> list[dict]:
    """All that was recorded, but for the time that it took."""
    return [{k: v for k, v in r.items() if k != "samples_per_second"} for r in run.records()]


def test_going_on_equals_never_stopping(scaled, trained, interrupted, differences):
    whole = trained(scaled, "whole")
    for step in (3, 4):  # a step after a checkpoint, and right at one
        with interrupted(scaled, step):
            trained(scaled, f"stopped after {step}")
        parts = trained(scaled, f"stopped after {step}")
        for file in ("last_file", "best_file", "model_file"):
            one, other = read(getattr(whole, file)), read(getattr(parts, file))
            assert differences(one, other) == [], f"{file} after a stop at {step}"
        assert records(whole) == records(parts)


def forget(part: str, monkeypatch) -> None:
    """Restores every part of a checkpoint but one."""
    if part == "random":
        monkeypatch.setattr(checkpoint, "restore_random_state", lambda state: None)
        return
    restore = State.restore

    def restore_the_others(state: State, *paths: Path) -> None:
        forgotten = state.parts.pop(part)
        restore(state, *paths)
        state.parts[part] = forgotten

    monkeypatch.setattr(State, "restore", restore_the_others)


def test_every_part_of_a_checkpoint_is_needed(
    scaled, trained, interrupted, differences, monkeypatch, tmp_path
):
    """Without any one of them the run goes on elsewhere: nothing is saved that could be left out."""
    whole = read(trained(scaled, "whole").last_file)
    with interrupted(scaled, 1):
        trained(replace(scaled, evaluate_steps=1), "first")
    first = read(tmp_path / "first" / "last.pt")
    needed = ["model", "scheduler", "scaler", "progress"]
    needed += ["average"] * (scaled.averaging is not None)
    needed += ["optimizer"] * bool(first["optimizer"]["state"])  # plain SGD has none
    needed += ["random"] * bool(differences(first["random"], whole["random"]))  # without dropout
    with interrupted(scaled, 3):
        trained(scaled, "stopped")

    unneeded = []
    for part in needed:
        shutil.copytree(tmp_path / "stopped", tmp_path / part)
        with monkeypatch.context() as patch, suppress(ValueError):  # some schedules notice
            forget(part, patch)
            trained(scaled, part)
        if not differences(whole, read(tmp_path / part / "last.pt")):
            unneeded.append(part)
    assert unneeded == []


KILLED_RUN = """
import json, os, signal, sys, threading, time
from dataclasses import replace
from pathlib import Path
from tests import conftest

config = conftest.load(sys.argv[1])
task = conftest.class_of(config.task)
task.load = conftest.load_few(task)
augment = task.augment
bomb = threading.Timer(float(sys.argv[3]), os.kill, (os.getpid(), signal.SIGKILL))
bomb.daemon = True

def augment_and_light(self, inputs, generator):
    if not bomb.is_alive():
        bomb.start()
    time.sleep(0.02)  # six steps take longer than any delay
    return augment(self, inputs, generator)

task.augment = augment_and_light
config = replace(conftest.small(config), **json.loads(sys.argv[4]))
conftest.training.train(config, conftest.Run(Path(sys.argv[2])))
"""


@pytest.mark.skipif(os.name != "posix", reason="kills a process by a signal")
@pytest.mark.parametrize("low", [False, True], ids=["plain", "low_in_parts_by_processes"])
def test_a_killed_process_goes_on(config_file, config, trained, differences, tmp_path, low):
    """At random, again and again: no handler runs, nothing is cleaned up, and some kills fall into a save."""
    settings = {"precision": "bf16" if low else "fp32", "workers": int(low)}
    if low and not getattr(config.loss(), "compares_samples", False):
        settings["micro_batches"] = 2
    settings |= {"evaluate_steps": 1, "log_steps": 3}
    config = replace(config, **settings)
    whole = trained(config, "whole")
    (tmp_path / "killed").mkdir()
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    random, kills = Random(os.environ.get("KILL_SEED", "0")), int(os.environ.get("KILLS", "3"))
    codes = []
    last = tmp_path / "killed" / "last.pt"
    while len(codes) < kills or not last.exists():  # a slow machine may not have saved yet
        delay = random.uniform(0.0, 0.1) * max(1, 1 + len(codes) - kills)
        arguments = [str(config_file), str(last.parent), str(delay), json.dumps(settings)]
        process = subprocess.run(
            [sys.executable, "-c", KILLED_RUN, *arguments], env=environment, timeout=120
        )
        codes.append(process.returncode)
    assert codes[0] == -9
    assert set(codes) <= {-9, 0}  # the later ones may have had little left to do
    parts = trained(config, "killed")
    for file in ("last_file", "best_file", "model_file"):
        assert differences(read(getattr(whole, file)), read(getattr(parts, file))) == [], file
    assert records(whole) == records(parts)
