import copy

import pytest
import torch
from torch import nn

from project.optimizers.muon import Muon


def make_model(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))


def groups_of(model):
    """The middle matrix is hidden; the first reads raw features, the last is the output layer."""
    first, _, middle, _, last = model
    return [
        {"params": [middle.weight], "name": "hidden"},
        {"params": [first.weight, last.weight], "name": "other"},
        {
            "params": [layer.bias for layer in (first, middle, last)],
            "name": "no_decay",
            "weight_decay": 0.0,
        },
    ]


def train(model, optimizers, steps, schedules=(), scaler=None):
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        inputs = torch.randn(16, 4, generator=generator)
        loss = (model(inputs) - inputs[:, :2]).square().mean()
        model.zero_grad()
        (scaler.scale(loss) if scaler else loss).backward()
        for optimizer in optimizers:
            scaler.step(optimizer) if scaler else optimizer.step()
        if scaler:
            scaler.update()
        for schedule in schedules:
            schedule.step()


def assert_same_weights(model, reference):
    for weights, expected in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.equal(weights, expected)


def test_it_is_torchs_muon_on_hidden_matrices_and_torchs_adamw_on_the_rest():
    model, reference = make_model(), make_model()
    train(model, [Muon(groups_of(model), lr=0.02, adamw_lr=1e-3, weight_decay=0.3)], steps=5)
    hidden, *others = groups_of(reference)
    muon = torch.optim.Muon([hidden], lr=0.02, weight_decay=0.3, momentum=0.95)
    adamw = torch.optim.AdamW(others, lr=1e-3, weight_decay=0.3, fused=True)
    train(reference, [muon, adamw], steps=5)
    assert_same_weights(model, reference)


def test_without_a_hidden_group_it_is_adamw():
    model, reference = make_model(), make_model()
    train(model, [Muon(groups_of(model)[1:], adamw_lr=1e-3, weight_decay=0.3)], steps=5)
    others = groups_of(reference)[1:]
    train(reference, [torch.optim.AdamW(others, weight_decay=0.3, fused=True)], steps=5)
    assert_same_weights(model, reference)


def test_one_schedule_drives_both():
    model = make_model()
    optimizer = Muon(groups_of(model), lr=0.02, adamw_lr=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 if step < 3 else 0.0)
    assert schedule.get_last_lr() == [0.02, 1e-3, 1e-3]
    train(model, [optimizer], steps=3, schedules=[schedule])
    weights_so_far = copy.deepcopy(model)
    train(model, [optimizer], steps=3, schedules=[schedule])
    assert_same_weights(model, weights_so_far)


def test_resumed_run_has_the_same_weights_bit_for_bit(tmp_path):
    model = make_model()
    optimizer = Muon(groups_of(model))
    train(model, [optimizer], steps=3)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, tmp_path / "checkpoint.pt")
    train(model, [optimizer], steps=3)

    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    resumed = make_model(seed=5)
    resumed_optimizer = Muon(groups_of(resumed), lr=9.0, adamw_lr=9.0)
    train(resumed, [resumed_optimizer], steps=1)  # state of its own, which loading replaces
    resumed.load_state_dict(saved["model"])
    resumed_optimizer.load_state_dict(saved["optimizer"])
    train(resumed, [resumed_optimizer], steps=3)
    assert_same_weights(resumed, model)
    names = [group["name"] for group in resumed_optimizer.param_groups]
    assert names == ["hidden", "other", "no_decay"]


def test_scaled_gradients_give_the_same_weights():
    model, reference = make_model(), make_model()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)  # a power of two scales exactly
    train(model, [Muon(groups_of(model))], steps=5, scaler=scaler)
    train(reference, [Muon(groups_of(reference))], steps=5)
    assert_same_weights(model, reference)


def test_step_skipped_for_an_overflow_leaves_no_trace():
    model, untouched = make_model(), make_model()
    optimizer = Muon(groups_of(model))
    scaler = torch.amp.GradScaler("cpu")
    scaler.scale(model(torch.full((1, 4), torch.inf)).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert_same_weights(model, untouched)
    assert not optimizer.state


def test_closure_computes_gradients_and_its_loss_is_returned():
    model, reference = make_model(), make_model()
    optimizer = Muon(groups_of(model))
    inputs = torch.ones(3, 4)

    def closure():
        optimizer.zero_grad()
        loss = model(inputs).square().mean()
        loss.backward()
        return loss

    with torch.no_grad():
        loss = optimizer.step(closure)
    assert loss == reference(inputs).square().mean()
    assert not torch.equal(model[2].weight, reference[2].weight)


def test_groups_given_are_left_as_they_are():
    model = make_model()
    groups = groups_of(model)
    Muon(groups, lr=0.5, adamw_lr=0.5)
    assert [group["lr"] for group in Muon(groups, lr=0.1, adamw_lr=0.2).param_groups] == [
        0.1,
        0.2,
        0.2,
    ]


def test_groups_without_names_are_refused():
    model = make_model()
    with pytest.raises(TypeError, match="Muon chooses by the name of a group"):
        Muon(model.parameters())
    with pytest.raises(TypeError, match="Muon chooses by the name of a group"):
        Muon([{"params": model.parameters()}])


@pytest.mark.parametrize("settings", [{"lr": -1.0}, {"adamw_lr": -1.0}])
def test_a_negative_rate_is_refused_also_where_no_group_would_use_it(settings):
    groups = [{"params": [nn.Parameter(torch.zeros(2))], "name": "other"}]
    with pytest.raises(ValueError, match=r"must be 0 or more, got .*-1[.]0"):
        Muon(groups, **settings)
