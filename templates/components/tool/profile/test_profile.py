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
    profile.profile(config, tmp_path / "trace.json", steps=2, warm_up=1)
    quick = capsys.readouterr().out
    monkeypatch.setattr(Slopes, "wait", 0.05)
    profile.profile(config, tmp_path / "trace.json", steps=2, warm_up=1)
    slow = capsys.readouterr().out
    waited = [float(re.match(r"a step: ([\d.]+) ms for data", text)[1]) for text in (quick, slow)]
    assert waited[1] >= 50 > waited[0]
    assert "of the time is waiting for data" in slow


def test_warm_up_is_not_counted(config, tmp_path, capsys, monkeypatch):
    waits = iter([0.2, 0.2, 0.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(Slopes, "augment", lambda self, x, _: time.sleep(next(waits)) or x)
    profile.profile(config, tmp_path / "trace.json", steps=2, warm_up=2)
    assert float(re.match(r"a step: ([\d.]+)", capsys.readouterr().out)[1]) < 100


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
