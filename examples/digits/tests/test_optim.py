"""What is trained: every trainable parameter once, decay for maps alone, and frozen means frozen."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from digits.config import Config
from digits.debug import Bench
from digits.optim import (
    build_optimizer,
    freeze,
    param_groups,
    parameter_names,
    train_mode,
)
from digits.precision import Precision
from digits.storage import read
from digits.train import optimize


@pytest.fixture
def every_layer() -> nn.ModuleDict:
    """A layer of each kind that is treated in its own way."""
    model = nn.ModuleDict(
        {
            "stem": nn.Conv2d(3, 8, 3),
            "batch_norm": nn.BatchNorm2d(8),
            "group_norm": nn.GroupNorm(2, 8),
            "words": nn.Embedding(10, 8),
            "bag": nn.EmbeddingBag(10, 8),
            "layer_norm": nn.LayerNorm(8),
            "rms_norm": nn.RMSNorm(8),
            "hidden": nn.Linear(8, 8),
            "lstm": nn.LSTM(8, 8),
            "head": nn.Linear(8, 3),
        }
    )
    model.cls = nn.Parameter(torch.zeros(8))
    return model


def test_each_trainable_parameter_is_in_one_group(config):
    bench = Bench(config)
    grouped = [id(p) for group in bench.optimizer.param_groups for p in group["params"]]
    wanted = [id(p) for p in bench.model.parameters() if p.requires_grad]
    assert sorted(grouped) == sorted(wanted)
    assert len(parameter_names(bench.optimizer, bench.model, bench.loss_fn)) == len(wanted)


def test_only_maps_decay_and_hidden_matrices_stand_apart(every_layer):
    names = {id(p): name for name, p in every_layer.named_parameters()}
    groups = {g["name"]: {names[id(p)] for p in g["params"]} for g in param_groups(every_layer)}
    assert groups["hidden"] == {"hidden.weight", "lstm.weight_ih_l0", "lstm.weight_hh_l0"}
    assert groups["other"] == {"stem.weight", "head.weight"}
    assert groups["no_decay"] == set(names.values()) - groups["hidden"] - groups["other"]
    assert [g.get("weight_decay") for g in param_groups(every_layer)] == [None, None, 0.0]


def test_matrices_stand_apart_for_an_optimizer_that_asks(every_layer):
    """A group more is a tenth of the time of a small step."""

    class Asking(torch.optim.SGD):
        def __init__(self, param_groups: list[dict], *, lr: float = 0.1) -> None:
            super().__init__(param_groups, lr=lr)

    made = build_optimizer(partial(Asking, lr=0.2), every_layer)
    assert [group["name"] for group in made.param_groups] == ["hidden", "other", "no_decay"]
    plain = build_optimizer(partial(torch.optim.SGD, lr=0.2), every_layer)
    assert [group["name"] for group in plain.param_groups] == ["other", "no_decay"]
    together = [p for group in made.param_groups[:2] for p in group["params"]]
    assert {*map(id, plain.param_groups[0]["params"])} == {*map(id, together)}


def test_the_first_matrix_is_no_hidden_one():
    """It maps inputs, not hidden features."""
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 2))
    assert param_groups(model)[0]["params"] == [model[1].weight, model[2].weight]


def test_shared_weights_and_the_losses_own_are_trained_once():
    model = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 6, bias=False))
    model[1].weight = model[0].weight
    loss = nn.Linear(6, 1)
    grouped = [p for group in param_groups(model, loss) for p in group["params"]]
    assert {id(p) for p in grouped} == {id(p) for p in (*model.parameters(), *loss.parameters())}
    assert len(grouped) == 3


@pytest.fixture
def first(config) -> str:
    """The name of a layer that has parameters and is not the last of them."""
    children = Bench(config).model.named_children()
    with_parameters = [name for name, child in children if list(child.parameters())]
    if len(with_parameters) < 2:
        pytest.skip("the model has one layer: frozen, it would leave nothing to train")
    return with_parameters[0]


def test_frozen_weights_do_not_move(config, first, trained):
    frozen = replace(config, freeze=(first,))
    model = Bench(frozen).model
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = param_groups(model)
    assert sum(len(group["params"]) for group in groups) == len(trainable)
    assert not any(p.requires_grad for p in getattr(model, first).parameters())

    after = read(trained(frozen).last_file)["model"]
    before = model.state_dict()  # of the same seed
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert not any(name.startswith(first) for name in moved)


def test_nothing_left_to_train_is_an_error(config):
    model = Bench(config).model.requires_grad_(False)
    with pytest.raises(ValueError, match="every parameter is frozen"):
        param_groups(model)


def test_a_wrong_name_to_freeze_is_told_with_the_right_ones(config):
    model = Bench(config).model
    with pytest.raises(ValueError, match=r"no parameter begins with 'hed'\. The model has: .*head"):
        freeze(model, ("hed",))


def test_a_parameter_that_was_not_used_does_not_even_decay(config: Config):
    model = nn.ModuleDict({"used": nn.Linear(4, 3), "unused": nn.Linear(4, 3)})
    before = model["unused"].weight.clone()
    for parameter in model["unused"].parameters():
        parameter.grad = torch.ones_like(parameter)  # of an earlier batch, which used it
    optimizer = torch.optim.AdamW(param_groups(model), lr=0.1, weight_decay=0.5)
    for _ in range(2):
        batch = torch.randn(6, 4), torch.arange(6) % 3
        precision = Precision("fp32", torch.device("cpu"))
        train_mode(model)
        optimize(model["used"], nn.CrossEntropyLoss(), *batch, optimizer, precision, config)
    assert torch.equal(model["unused"].weight, before)
