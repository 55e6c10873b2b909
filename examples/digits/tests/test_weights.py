"""Weights without their run: a model to predict with, and a start for another run."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from digits import evaluate as evaluation
from digits.debug import Bench
from digits.storage import read, save
from digits.weights import build_model, load_for_inference, start_from

LOAD_AND_ANSWER = """
import sys
from pathlib import Path
import torch
from {weights} import load_for_inference
torch.set_num_threads(1)
model, task, _ = load_for_inference(Path(sys.argv[1]))
with torch.no_grad():
    outputs = model(torch.load(sys.argv[2]))
task.describe(outputs)
torch.save(outputs, sys.argv[3])
"""


def test_another_process_gives_the_outputs_of_training(config, trained, tmp_path, monkeypatch):
    """From the one file alone: weights, settings, preprocessing and labels are all in it."""
    seen, evaluate = [], evaluation.evaluate

    def evaluate_and_note(*arguments):
        seen.append(evaluate(*arguments))
        return seen[-1]

    monkeypatch.setattr(evaluation, "evaluate", evaluate_and_note)
    run = trained(replace(config, evaluate_steps=6))
    _, val_set = config.task().load()
    torch.save(val_set.__getitems__(range(len(val_set)))[0], tmp_path / "inputs.pt")
    code = LOAD_AND_ANSWER.format(weights=load_for_inference.__module__)
    files = [run.model_file, tmp_path / "inputs.pt", tmp_path / "outputs.pt"]
    subprocess.run(
        [sys.executable, "-c", code, *map(str, files)],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        timeout=120,
        check=True,
    )
    (_, outputs, _), *_ = seen
    torch.testing.assert_close(torch.load(files[-1]), outputs)


def test_a_model_file_holds_what_it_needs_and_no_more(config, trained):
    run = trained(config)
    payload = read(run.model_file)
    assert sorted(payload) == ["config", "loss", "sizes", "task", "weights"]
    assert sorted(payload["config"]) == ["batch_size", "loss", "model", "task"]
    model, task, loss_fn = load_for_inference(run.model_file)
    assert not model.training
    assert task.sizes == payload["sizes"]
    assert type(loss_fn) is type(Bench(config).loss_fn)
    with pytest.raises(ValueError, match=r"not a model for inference; a run's model\.pt is"):
        load_for_inference(run.last_file)


def test_a_model_file_of_other_weights_is_refused_by_their_names(config, trained):
    """A layer that was renamed since then would keep its fresh weights, and answer at random."""
    file = trained(config).model_file
    payload = read(file)
    name = next(reversed(payload["weights"]))
    payload["weights"]["renamed"] = payload["weights"].pop(name)
    save(payload, file)
    with pytest.raises(RuntimeError, match=rf"Missing key.*{name}(.|\n)*Unexpected key.*renamed"):
        load_for_inference(file)


@pytest.fixture
def weights(config) -> dict[str, torch.Tensor]:
    """The weights of a model of this config, all of them 0.5."""
    own = Bench(config).model.state_dict()
    return {name: torch.full_like(value, 0.5) for name, value in own.items()}


@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module.", "module._orig_mod."])
@pytest.mark.parametrize("key", ["weights", "model"])
def test_takes_over_every_weight_under_any_prefix(config, weights, tmp_path, prefix, key):
    save({key: {prefix + name: value for name, value in weights.items()}}, tmp_path / "w.pt")
    model = Bench(config).model
    said = start_from(model, tmp_path / "w.pt")
    assert all((value == 0.5).all() for value in model.state_dict().values())
    assert said.startswith(f"loaded {len(weights)} of {len(weights)} tensors")


def test_the_head_may_differ_and_keeps_its_fresh_weights(config, weights, tmp_path):
    model = Bench(config).model
    head = {name: value.clone() for name, value in model.state_dict().items() if "head." in name}
    assert head, "the output layer of a model is called head"
    others = {name: value for name, value in weights.items() if name not in head}
    wider = {name: torch.zeros(3, *value.shape) for name, value in head.items()}
    for payload in (others, others | wider):
        save({"weights": payload}, tmp_path / "weights.pt")
        start_from(model, tmp_path / "weights.pt")
        after = model.state_dict()
        assert all(torch.equal(after[name], value) for name, value in head.items())
        assert all((after[name] == 0.5).all() for name in others)


def test_every_other_name_is_accounted_for(config, weights, tmp_path):
    name = next(name for name in weights if not name.startswith("head."))
    other_shape = torch.zeros(3, *weights[name].shape)
    left_over = weights | {"decoder.weight": torch.zeros(2)}
    missing = {key: value for key, value in weights.items() if key != name}
    for wrong in (left_over, missing, weights | {name: other_shape}):
        save({"weights": wrong}, tmp_path / "weights.pt")
        with pytest.raises(ValueError, match=r"does not fit the model: .* \(1 in all\)"):
            start_from(Bench(config).model, tmp_path / "weights.pt")
    save({"other": 1}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="holds no weights under 'weights' or 'model'"):
        start_from(Bench(config).model, tmp_path / "weights.pt")


def test_a_run_starts_from_the_weights_of_another(config, trained, differences):
    first = trained(config, "first")
    tuned = replace(config, start_from=str(first.model_file), epochs=1, evaluate_steps=1)
    tuned = replace(tuned, optimizer=standing_still)
    second = trained(tuned, "second")
    assert differences(read(first.model_file)["weights"], read(second.last_file)["model"]) == []


def standing_still(param_groups) -> torch.optim.Optimizer:
    return torch.optim.SGD(param_groups, lr=0.0)


def test_a_compiled_model_keeps_plain_names(config, trained, differences, monkeypatch):
    plain, compile_model = trained(config, "plain"), nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda model: compile_model(model, backend="eager"))
    with torch.compiler.set_stance("force_eager"):  # nothing is compiled, all else is as ever
        compiled = trained(replace(config, compile=True), "compiled")
    for file, key in (("last_file", "model"), ("best_file", "model"), ("model_file", "weights")):
        one, other = (read(getattr(run, file))[key] for run in (plain, compiled))
        assert differences(one, other) == [], file


def test_sizes_that_a_model_needs_come_from_the_data():
    assert build_model(nn.Linear, {"in_features": 3, "out_features": 2}).weight.shape == (2, 3)
    with pytest.raises(ValueError, match="the model needs in_features; the data have out_features"):
        build_model(nn.Linear, {"out_features": 2})
