"""What is printed is measured, and the trace holds the operations of the steps."""

import json
import re
import sys
import time
from functools import partial

import pytest
import torch
from torch import nn

import project.debug as debug
from project.config import Config
from project.data import TensorSet
from project.tools import profile

TIMES = r"a step: ([\d.]+) ms for data, ([\d.]+) ms to compute\n"


class Slopes:
    """A task of eight samples, each batch of which takes `wait` seconds to vary."""

    sizes = {"in_features": 3, "out_features": 2}  # noqa: RUF012
    wait = 0.0

    def load(self):
        samples = TensorSet(torch.randn(8, 3), torch.randint(2, (8,)))
        return samples, samples

    def augment(self, inputs, generator):
        time.sleep(self.wait)
        return inputs


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setattr(debug, "check_parts", lambda *_: None)  # these parts are in no file
    optimizer = partial(torch.optim.SGD, lr=0.1)
    loss, schedule = nn.CrossEntropyLoss, torch.optim.lr_scheduler.ConstantLR
    return Config(Slopes, nn.Linear, loss, optimizer, schedule, device="cpu", batch_size=4)


def test_trace_holds_what_the_steps_computed(config, tmp_path, capsys):
    profile.profile(config, tmp_path / "trace.json", steps=3, warm_up=1)
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    names = [event.get("name") for event in events]
    assert names.count("Optimizer.step#SGD.step") == 3
    assert "aten::addmm" in names
    printed = capsys.readouterr().out
    assert "aten::addmm" in printed
    assert "peak memory" not in printed  # of a GPU alone


def test_waiting_for_data_is_measured_and_said(config, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Slopes, "wait", 0.1)
    profile.profile(config, tmp_path / "trace.json", steps=2, warm_up=1)
    printed = capsys.readouterr().out
    waited, computed = map(float, re.match(TIMES, printed).groups())
    assert waited >= 100 > computed
    assert "of the time is waiting for data" in printed


def test_computing_is_not_taken_for_waiting(config, tmp_path, capsys, monkeypatch):
    step = profile.Bench.step
    monkeypatch.setattr(profile.Bench, "step", lambda *given: time.sleep(0.1) or step(*given))
    profile.profile(config, tmp_path / "trace.json", steps=2, warm_up=1)
    printed = capsys.readouterr().out
    waited, computed = map(float, re.match(TIMES, printed).groups())
    assert computed >= 100 > waited
    assert "is waiting for data" not in printed


def test_warm_up_is_not_counted(config, tmp_path, capsys, monkeypatch):
    waits = iter([0.2, 0.2, 0.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(Slopes, "augment", lambda self, x, _: time.sleep(next(waits)) or x)
    profile.profile(config, tmp_path / "trace.json", steps=2, warm_up=2)
    assert float(re.match(TIMES, capsys.readouterr().out)[1]) < 100


def test_command_takes_changes_of_the_config(config, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(profile, "load", lambda path, changes: (path.name, changes))
    monkeypatch.setattr(profile, "profile", lambda *given: seen.append(given))
    trace = tmp_path / "trace.json"
    arguments = ["profile", "configs/baseline.py", "workers=2", "--trace", str(trace)]
    monkeypatch.setattr(sys, "argv", arguments)
    profile.main()
    assert seen == [(("baseline.py", ["workers=2"]), trace, 20)]


def test_no_steps_are_a_mistake(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["profile", "configs/baseline.py", "--steps", "0"])
    with pytest.raises(SystemExit) as stop:
        profile.main()
    assert stop.value.code == 2
    assert "--steps is 1 or more" in capsys.readouterr().err
