"""What the MLP promises: rows or images, any depth, a signal that keeps its size."""

import pytest
import torch
from torch import nn

from project.models.mlp import MLP


@pytest.mark.parametrize("shape", [(1, 12), (3, 12), (3, 3, 2, 2), (3, 1, 4, 3)])
def test_reads_rows_and_images(shape):
    assert MLP(12, 5)(torch.randn(shape)).shape == (shape[0], 5)


def test_an_image_is_read_as_its_pixels_in_order():
    model = MLP(12, 5).eval()
    images = torch.randn(3, 3, 2, 2)
    assert torch.equal(model(images), model(images.reshape(3, 12)))


def test_the_memory_format_changes_nothing():
    model = MLP(48, 5).eval()
    images = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(model(images.to(memory_format=torch.channels_last)), model(images))


@pytest.mark.parametrize("shape", [(12,), (3, 11), (3, 3, 2, 3)])
def test_inputs_of_another_size_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected 12 numbers a sample, .* got \(\d+"):
        MLP(12, 5)(torch.randn(shape))


def test_without_hidden_layers_it_is_linear():
    model = MLP(12, 5, depth=0)
    a, b = torch.randn(2, 3, 12)
    torch.testing.assert_close(model(a + b), model(a) + model(b))
    assert sum(p.numel() for p in model.parameters()) == 12 * 5 + 5


def test_the_signal_keeps_its_size_at_any_depth():
    torch.manual_seed(0)
    model = MLP(64, 5, width=256, depth=10).eval()
    inputs = torch.randn(64, 64)
    size = model.layers(inputs).square().mean().sqrt() / inputs.square().mean().sqrt()
    assert 0.5 < size < 2.0


def test_nothing_follows_the_last_layer():
    outputs = MLP(12, 5)(torch.randn(64, 12))
    assert (outputs < 0).any()  # no ReLU
    assert (outputs != 0).all()  # no dropout


def test_dropout_stands_after_every_hidden_layer():
    layers = list(MLP(12, 5, depth=3, dropout=0.2).layers)
    assert [type(layer) for layer in layers] == [nn.Linear, nn.ReLU, nn.Dropout] * 3
    assert {layer.p for layer in layers if isinstance(layer, nn.Dropout)} == {0.2}
