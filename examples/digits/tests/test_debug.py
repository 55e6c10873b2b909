"""The tools that look into a model leave it as it was, and see what is there."""

import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from digits import debug
from digits.config import describe, load
from digits.debug import Bench
from digits.shapes import recorded_shapes, shape_of


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_hooks_do_not_stay_even_after_an_error(config):
    bench, rows = Bench(config), []
    inputs, _ = next(bench.batches(1))

    def record_and_fail() -> None:
        with recorded_shapes(bench.model, rows):
            assert hooks(bench.model) > 0
            bench.model(inputs)
            raise KeyError

    with pytest.raises(KeyError):
        record_and_fail()
    assert hooks(bench.model) == 0
    assert rows
    named = {name for name, _, _, _ in rows}
    assert named <= {name for name, _ in bench.model.named_modules()}


def test_shapes_of_tuples_are_told_as_well():
    outputs = nn.LSTM(3, 5, batch_first=True)(torch.zeros(2, 4, 3))
    assert shape_of(outputs) == "(2, 4, 5), (1, 2, 5), (1, 2, 5)"
    packed = nn.utils.rnn.pack_sequence([torch.zeros(4, 3), torch.zeros(2, 3)])
    assert shape_of(packed).startswith("(6, 3), (4,)")
    assert shape_of(None) == "NoneType"


def test_shapes_prints_the_batch_and_every_layer(config, capsys):
    debug.shapes(config)
    first, *lines = capsys.readouterr().out.splitlines()
    bench = Bench(config)
    inputs, _ = next(bench.batches(1))
    assert first.split(maxsplit=1) == ["input", str(tuple(inputs.shape))]
    outputs = str(tuple(bench.model(inputs).shape))
    assert any(line.startswith("head") and outputs in line for line in lines)


def test_gradients_names_what_gets_none_and_why(config, capsys, monkeypatch):
    build = debug.build_model
    first = next(name for name, _ in Bench(config).model.named_parameters())

    def build_with_spare(part, sizes) -> nn.Module:
        model = build(part, sizes)
        model.spare = nn.Linear(2, 2)
        return model

    monkeypatch.setattr(debug, "build_model", build_with_spare)
    debug.gradients(replace(config, freeze=(first,)))
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines[first].endswith("no gradient: frozen")
    assert lines["spare.weight"].endswith("no gradient: not reached by the loss")
    assert "gradient 0" not in lines["head.weight"]
    assert "gradient " in lines["head.weight"]


def test_overfit_returns_a_falling_loss(config, capsys):
    few, many = debug.overfit(config, steps=10), debug.overfit(config, steps=60)
    assert many < few
    assert capsys.readouterr().out.count("loss") == 22


def test_find_lr_tries_the_whole_range_and_returns_one_of_it(config, capsys):
    best = debug.find_lr(config, low=1e-5, high=1e-1, steps=30)
    assert 1e-5 <= best <= 1e-1
    printed = capsys.readouterr().out
    assert "lr 1.0e-05" in printed
    assert f"around optimizer.lr={best:.1e}" in printed


def test_anomaly_finds_the_operation_and_switches_itself_off(config, monkeypatch):
    debug.anomaly(config, steps=1)
    assert not torch.is_anomaly_enabled()

    class Poisoned(torch.autograd.Function):
        @staticmethod
        def forward(ctx, outputs):
            return outputs.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * torch.nan

    loss = getattr(config.loss, "func", config.loss)
    forward = loss.forward
    monkeypatch.setattr(loss, "forward", lambda self, x, y: forward(self, Poisoned.apply(x), y))
    with pytest.warns(UserWarning, match="Error detected in PoisonedBackward"):  # noqa: SIM117
        with pytest.raises(RuntimeError, match="'PoisonedBackward' returned nan"):
            debug.anomaly(config, steps=1)
    assert not torch.is_anomaly_enabled()


@pytest.mark.parametrize("tool", debug.TOOLS)
def test_every_tool_is_a_command(config_file, monkeypatch, capsys, tool):
    """Each is documented in the file's first lines and takes the changes that training takes."""
    seen = []
    monkeypatch.setitem(debug.TOOLS, tool, seen.append)
    monkeypatch.setattr(sys, "argv", ["debug", tool, str(config_file), "seed=7"])
    debug.main()
    assert [describe(config) for config in seen] == [describe(load(config_file)) | {"seed": 7}]
    assert f"\n{tool} " in debug.__doc__
