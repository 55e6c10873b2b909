"""The promises of every optimizer: `(param_groups, **settings) -> torch.optim.Optimizer`.

A new component is tested by being there: nothing here names one.
"""

import importlib
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

FOLDER = Path(__file__).parents[2] / "templates/components/optimizer"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/component.yml"))


@pytest.fixture(params=NAMES)
def make_optimizer(request):
    """The entry of a component, as it would stand in a config."""
    entry = yaml.safe_load((FOLDER / request.param / "component.yml").read_text())["entry"]
    symbol = entry.split(",")[0]
    scope = {"partial": partial, "torch": torch}
    if "." not in symbol:
        module = importlib.import_module(f"project.optimizers.{request.param}")
        scope[symbol] = getattr(module, symbol)
    return eval(f"partial({entry})", scope)


def make_model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv1d(1, 4, 3),
        nn.Flatten(),
        nn.LayerNorm(16),
        nn.Linear(16, 8),
        nn.ReLU(),
        nn.Linear(8, 2),
    )


def groups_of(model):
    convolution, _, norm, hidden, _, head = model
    no_decay = [convolution.bias, norm.weight, norm.bias, hidden.bias, head.bias]
    return [
        {"params": [hidden.weight], "name": "hidden"},
        {"params": [convolution.weight, head.weight], "name": "other"},
        {"params": no_decay, "name": "no_decay", "weight_decay": 0.0},
    ]


def backward(model, step, scaler=None, scale=1.0):
    generator = torch.Generator().manual_seed(step)
    inputs = torch.randn(32, 1, 6, generator=generator)
    loss = (model(inputs) - inputs[:, 0, :2]).square().mean()
    model.zero_grad()
    (scaler.scale(loss) if scaler else loss).mul(scale).backward()
    return loss.item()


def train(model, optimizer, steps, scaler=None):
    losses = []
    for step in steps:
        losses.append(backward(model, step, scaler))
        if scaler:
            scaler.step(optimizer)
            scaler.update()
        else:
            optimizer.step()
    return losses


def assert_same_weights(model, reference):
    for weights, expected in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.equal(weights, expected)


def test_it_learns(make_optimizer):
    model = make_model()
    losses = train(model, make_optimizer(groups_of(model)), steps=range(200))
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_resumed_run_has_the_same_weights_bit_for_bit(make_optimizer, tmp_path):
    model = make_model()
    optimizer = make_optimizer(groups_of(model))
    train(model, optimizer, steps=range(7))
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, tmp_path / "checkpoint.pt")
    train(model, optimizer, steps=range(7, 14))

    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    resumed = make_model(seed=1)
    resumed.load_state_dict(saved["model"])
    resumed_optimizer = make_optimizer(groups_of(resumed))
    resumed_optimizer.load_state_dict(saved["optimizer"])
    train(resumed, resumed_optimizer, steps=range(7, 14))
    assert_same_weights(resumed, model)
    names = [group["name"] for group in resumed_optimizer.param_groups]
    assert names == ["hidden", "other", "no_decay"]


def test_groups_stay_what_they_were(make_optimizer):
    model = make_model()
    optimizer = make_optimizer(groups_of(model))
    train(model, optimizer, steps=range(2))
    for group, given in zip(optimizer.param_groups, groups_of(model), strict=True):
        assert group["name"] == given["name"]
        assert list(map(id, group["params"])) == list(map(id, given["params"]))
    assert optimizer.param_groups[-1]["weight_decay"] == 0.0


@pytest.mark.parametrize("kept", [[0], [1], [2], [0, 2], [1, 2]])
def test_any_group_may_be_missing(make_optimizer, kept):
    model, untouched = make_model(), make_model()
    groups = [groups_of(model)[index] for index in kept]
    trained = {id(parameter) for group in groups for parameter in group["params"]}
    train(model, make_optimizer(groups), steps=range(2))
    for weights, before in zip(model.parameters(), untouched.parameters(), strict=True):
        assert torch.equal(weights, before) == (id(weights) not in trained)


def test_parameter_without_a_gradient_is_left_alone_until_it_has_one(make_optimizer):
    model, untouched = make_model(), make_model()
    optimizer = make_optimizer(groups_of(model))
    late = [model[0].weight, model[3].weight, model[3].bias]  # one of each group
    before = [untouched[0].weight, untouched[3].weight, untouched[3].bias]
    for step in range(3):
        backward(model, step)
        for parameter in late:
            parameter.grad = None
        optimizer.step()
    assert all(torch.equal(*pair) for pair in zip(late, before, strict=True))
    train(model, optimizer, steps=[3])
    assert not any(torch.equal(*pair) for pair in zip(late, before, strict=True))


def test_decay_shrinks_the_decayed_groups_alone(make_optimizer):
    model, before = make_model(), make_model()
    optimizer = make_optimizer(groups_of(model))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for _ in range(20):
        optimizer.step()
    for group, old in zip(optimizer.param_groups, groups_of(before), strict=True):
        for parameter, old_parameter in zip(group["params"], old["params"], strict=True):
            if group["weight_decay"] == 0:
                assert torch.equal(parameter, old_parameter)
            elif isinstance(optimizer, torch.optim.SGD):  # its decay goes through the momentum
                assert (parameter.abs() < old_parameter.abs()).all()
            else:
                kept = (1 - group["lr"] * group["weight_decay"]) ** 20
                torch.testing.assert_close(parameter, old_parameter * kept)


def test_scaled_gradients_give_the_same_weights(make_optimizer):
    model, reference = make_model(), make_model()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)  # a power of two scales exactly
    train(model, make_optimizer(groups_of(model)), range(5), scaler)
    train(reference, make_optimizer(groups_of(reference)), range(5))
    assert_same_weights(model, reference)


@pytest.mark.parametrize("steps_before", [0, 3])
def test_step_skipped_for_an_overflow_leaves_no_trace(make_optimizer, steps_before):
    model, reference = make_model(), make_model()
    optimizer = make_optimizer(groups_of(model))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    train(model, optimizer, range(steps_before), scaler)
    backward(model, 0, scaler, scale=torch.inf)
    scaler.step(optimizer)
    scaler.update()
    train(model, optimizer, range(steps_before, 6), scaler)
    train(reference, make_optimizer(groups_of(reference)), range(6))
    assert_same_weights(model, reference)


def test_closure_is_called_with_gradients_on_and_its_loss_returned(make_optimizer):
    model, before = make_model(), make_model()
    optimizer = make_optimizer(groups_of(model))
    with torch.no_grad():
        loss = optimizer.step(lambda: backward_with_gradients(model))
    assert loss == backward_with_gradients(before)
    assert not torch.equal(model[3].weight, before[3].weight)


def backward_with_gradients(model):
    assert torch.is_grad_enabled()
    return backward(model, step=0)
