"""A run that stops because of its numbers leaves the step, and the step can be run again."""

import itertools
import re
import sys
from contextlib import suppress
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from digits import blackbox
from digits import replay as replay_module
from digits import train as training
from digits.blackbox import NAMED, Again
from digits.config import Config
from digits.nonfinite import not_finite_alone, traced
from digits.precision import Precision
from digits.progress import Progress
from digits.replay import rebuild, replay
from digits.storage import read
from digits.train import optimize

CPU = torch.device("cpu")


@pytest.fixture
def stopped(trained, tmp_path):
    """Trains until a FloatingPointError: what it says, and the folder of the black box."""

    def stop(config: Config):
        with pytest.raises(FloatingPointError) as error:
            trained(config)
        return str(error.value), tmp_path / "run" / "blackbox"

    return stop


@pytest.fixture
def diverging(config, monkeypatch) -> Config:
    """A run whose first step leaves weights so large that the second one cannot be computed."""
    step = Precision.step

    def step_too_far(self, optimizer, *arguments) -> bool:
        stepped = step(self, optimizer, *arguments)
        with torch.no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.ndim > 1:
                        parameter.fill_(3e38)
        return stepped

    monkeypatch.setattr(Precision, "step", step_too_far)
    return config


@pytest.mark.parametrize(("precision", "number"), [("fp32", 5), ("fp16", 1)])
def test_a_step_is_computed_again_to_the_last_bit(config, stopped, monkeypatch, precision, number):
    """Dropout and the scale of the loss included; a step without a fault, so that there are numbers to compare."""
    step, calls = Precision.step, itertools.count(1)

    def step_or_refuse(self, *arguments) -> bool:
        if next(calls) < number:
            return step(self, *arguments)
        self.scaler.update(1.0)  # as an overflow changes it
        return False

    monkeypatch.setattr(Precision, "step", step_or_refuse)
    monkeypatch.setattr(training, "Progress", lambda max_skips: Progress(0))
    told, folder = stopped(replace(config, precision=precision))
    box = read(folder / "step.pt")
    model, loss_fn, config = rebuild(box, CPU)
    monkeypatch.setattr(Precision, "step", step)
    again = Again(box, model, loss_fn, Precision(box["precision"], CPU), config, optimize)
    assert [recorded[0] for recorded in box["last"]] == list(range(1, number + 1))
    same = pytest.approx(box["last"][-1][1:], rel=0, abs=0, nan_ok=True)
    assert again.run() == same
    assert again.run() == same  # no weight has moved
    if precision == "fp16":
        assert box["scaler"]["scale"] == 2.0**16  # as it was before the step
    else:
        assert "it does not follow from weights and batch" in told


def test_replay_finds_what_the_run_found(diverging, stopped, monkeypatch, capsys):
    told, folder = stopped(diverging)
    head, *found, command = told.splitlines()
    assert head.startswith("step 2: the loss is ")
    assert "No weight was changed" in head
    assert command.endswith(f"python -m {replay_module.__name__} {folder}")
    if not getattr(diverging.loss(), "compares_samples", False):  # it needs two
        assert found[-1].endswith("and more, so suspect the weights")
        assert len(re.findall(r" \d+\b", found[-1].partition(":")[2])) == NAMED
    weights = read(folder / "step.pt")["model"]
    assert all(value.isfinite().all() for value in weights.values())
    assert replay(folder, CPU)[1:4] == found
    report = (folder / "report.txt").read_text()
    assert report.startswith("\n".join([head, *found]))
    assert report.splitlines()[-2].startswith("step 1: loss ")
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["replay", str(folder), "--device=cpu"])
    replay_module.main()
    assert capsys.readouterr().out.splitlines()[1:4] == found


def test_on_a_full_disk_what_was_found_is_told_all_the_same(diverging, stopped, monkeypatch):
    def save(box, path) -> None:
        path.with_name("report.txt").mkdir()  # so that it cannot be written either
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos")  # torch's

    monkeypatch.setattr(blackbox, "save", save)
    told, folder = stopped(diverging)
    assert "\nfirst not finite: " in told
    step, report = told.splitlines()[-2:]
    assert step.startswith(f"{folder / 'step.pt'} cannot be written: [enforce fail at")
    assert report.startswith(f"{folder / 'report.txt'} cannot be written: [Errno ")


def test_a_run_that_ends_well_leaves_no_box(config, trained):
    assert not (trained(config).path / "blackbox").exists()


def test_the_sample_that_does_it_is_named(config, stopped, monkeypatch):
    """By its place in the training set, wherever the batch has it."""
    task, model = (getattr(part, "func", part) for part in (config.task, config.model))
    train_set, _ = config.task().load()
    bad, _ = train_set.__getitems__([37])
    forward = model.forward

    def forward_with_overflow(self, inputs: Tensor) -> Tensor:
        outputs = forward(self, inputs)
        width = min(inputs.shape[-1], bad.shape[-1])  # of texts
        is_bad = (inputs[..., :width] == bad[..., :width]).flatten(1).all(dim=1)  # (B,)
        return outputs * torch.where(is_bad, torch.inf, 1.0)[:, None] if self.training else outputs

    monkeypatch.setattr(task, "augment", lambda self, inputs, generator: inputs)
    monkeypatch.setattr(model, "forward", forward_with_overflow)
    told, _ = stopped(config)
    assert f"first not finite: the output of the model ({model.__name__})" in told
    assert "training samples that are so alone, counted from 0: 37\n" in told


class Root(nn.Module):
    """The square root of zero: nothing, with an infinite gradient."""

    def forward(self, inputs: Tensor) -> Tensor:
        return (inputs - inputs.detach()).sqrt()


class Squares(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * inputs


def first_found(model: nn.Module, inputs: Tensor) -> str:
    found: list[str] = []
    with traced(model, nn.MSELoss(), found):
        outputs = model(inputs)
        nn.functional.mse_loss(outputs, torch.ones_like(outputs)).backward()
    return found[0] if found else ""


def test_the_first_layer_of_a_step_is_named():
    layers = nn.Sequential(nn.Linear(2, 2), Squares(), nn.Linear(2, 2))
    usual, large, nothing = torch.tensor([[[1.0] * 2], [[1e30] * 2], [[torch.nan] * 2]])
    assert first_found(layers, usual) == ""
    found = "the output of 1 (Squares), from inputs that were finite"
    assert first_found(layers, large) == found
    found = "the output of 0 (Linear), from inputs that were not finite either"
    assert first_found(layers, nothing) == found
    assert first_found(layers.append(Root()), usual) == "the gradient that reaches 2 (Linear)"


def test_no_hook_stays_even_after_an_error():
    model = nn.Sequential(nn.Linear(2, 2), Squares())
    seen = []
    with suppress(KeyError), traced(model, nn.MSELoss(), []):
        seen += [*model[0]._forward_hooks, *model[0].weight._backward_hooks]
        raise KeyError
    assert len(seen) == 2
    assert not any(module._forward_hooks for module in model.modules())
    assert not any(parameter._backward_hooks for parameter in model.parameters())


@pytest.mark.parametrize("bad", [[], [0], [12], [3, 4, 11], list(range(13))])
def test_a_few_samples_are_found_among_many_in_a_few_steps(bad):
    tried = []

    def is_finite(places) -> bool:
        tried.append(places)
        return not set(places) & set(bad)

    assert list(not_finite_alone(is_finite, range(13))) == bad
    assert len(tried) <= 1 + 8 * len(bad)
