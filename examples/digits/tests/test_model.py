"""What every model keeps to, whatever it is: samples by themselves, one device, a mode that is set for it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook

from digits.debug import Bench
from digits.optim import train_mode


@pytest.fixture
def bench(config) -> Bench:
    return Bench(config)


@pytest.fixture
def inputs(bench) -> Tensor:
    return bench.train_set.__getitems__(range(16))[0]


def test_batches_of_any_size_give_a_row_each(bench, inputs):
    bench.model.eval()
    outputs = bench.model(inputs)
    for size in (1, 3):
        torch.testing.assert_close(bench.model(inputs[:size]).shape, outputs[:size].shape)


def test_samples_do_not_see_each_other(bench, inputs):
    """A sample alone gives what it gives among others: nothing leaks through norms or padding."""
    bench.model.eval()
    with torch.no_grad():
        together = bench.model(inputs)
        alone = torch.cat([bench.model(sample) for sample in inputs.split(1)])
        backwards = bench.model(inputs.flip(0)).flip(0)
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(backwards, together, rtol=1e-4, atol=1e-5)


def test_evaluation_draws_nothing_at_random(bench, inputs):
    bench.model.eval()
    with torch.no_grad():
        assert torch.equal(bench.model(inputs), bench.model(inputs))


def test_the_memory_format_changes_nothing(bench, inputs):
    """A GPU gets images with their channels last, which are the same numbers in another order."""
    if inputs.ndim != 4:
        pytest.skip("only images have channels")
    bench.model.eval()
    with torch.no_grad():
        outputs = bench.model(inputs)
        channels_last = inputs.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(bench.model(channels_last), outputs, rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_gradient(bench):
    bench.step(next(bench.batches(1)))
    without = [name for name, p in bench.model.named_parameters() if p.grad is None]
    assert without == []


def test_everything_is_on_the_models_device(bench, inputs):
    """A tensor that is made without `device=`, or kept outside the buffers, stays behind on the CPU."""
    model = bench.model.to("meta")
    try:
        assert model(inputs.to("meta")).device.type == "meta"
    except NotImplementedError as error:
        pytest.skip(f"this model reads values on the host: {error}")


def test_trains_in_training_mode_and_evaluates_in_the_other(config, trained):
    kind, modes = type(Bench(config).model), []

    def note(module: nn.Module, inputs: tuple) -> None:
        if type(module) is kind:
            modes.append((torch.is_grad_enabled(), module.training))

    handle = register_module_forward_pre_hook(note)
    try:
        trained(replace(config, evaluate_steps=1, epochs=1))
    finally:
        handle.remove()
    training, evaluating = (True, True), (False, False)
    checks = [evaluating, training]  # that the parts fit, and a first step on a copy
    assert modes == [*checks, *[training, evaluating] * 3]


def test_a_frozen_layer_behaves_as_in_evaluation():
    layers = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
    model = nn.Sequential(layers, nn.BatchNorm1d(2))
    layers[1].requires_grad_(False)
    train_mode(model)
    assert [layer.training for layer in layers] == [True, False, True, True]
    before = layers[1].running_mean.clone()
    model(torch.randn(8, 4))
    assert torch.equal(layers[1].running_mean, before)

    layers.requires_grad_(False)
    train_mode(model)
    assert [layer.training for layer in layers] == [False] * 4  # its dropout as well
    assert model[1].training
