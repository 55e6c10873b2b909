"""What the CNN promises: any image size, samples apart, no bias that a norm has already."""

import pytest
import torch
from torch import nn

from digits.models.cnn import CNN, conv_block


@pytest.mark.parametrize(
    ("in_channels", "out_channels", "size"), [(1, 8, 8), (8, 16, 5), (3, 32, 1)]
)
def test_a_block_keeps_the_size(in_channels, out_channels, size):
    features = conv_block(in_channels, out_channels)(torch.randn(2, in_channels, size, size + 1))
    assert features.shape == (2, out_channels, size, size + 1)


@pytest.mark.parametrize("size", [(8, 8), (8, 13), (9, 9), (28, 28), (65, 33)])
def test_accepts_any_height_and_width(size):
    assert CNN(3, 5)(torch.randn(2, 3, *size)).shape == (2, 5)


@pytest.mark.parametrize(("stages", "smallest", "side"), [(1, 4, 4), (2, 8, 4), (3, 16, 4)])
def test_a_further_stage_halves_the_map_and_doubles_the_channels(stages, smallest, side):
    model = CNN(1, 5, width=8, stages=stages)
    maps = model.features(torch.randn(1, 1, smallest, smallest))
    assert maps.shape == (1, 8 * 2 ** (stages - 1), side, side)
    with pytest.raises(ValueError, match=f"at least {smallest}x{smallest} pixels"):
        model(torch.randn(1, 1, smallest, smallest - 1))


@pytest.mark.parametrize("shape", [(3, 64), (1, 8, 8), (3, 3, 8, 8), (3, 1, 8, 7), (3, 1, 7, 8)])
def test_other_images_are_refused(shape):
    with pytest.raises(
        ValueError, match=r"expected images \(B, 1, H, W\) of at least 8x8 pixels, got \("
    ):
        CNN(1, 5)(torch.randn(shape))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 20}, "width must be a multiple of 8"),
        ({"stages": 0}, "stages must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CNN(1, 5, **settings)


def test_a_gradient_keeps_its_size_through_a_convolution_and_its_relu():
    torch.manual_seed(0)
    conv = conv_block(64, 64)[0]
    maps = torch.randn(4, 64, 16, 16, requires_grad=True)
    outputs = conv(maps).relu()
    gradient = torch.randn(outputs.shape)
    outputs.backward(gradient)
    assert 0.8 < maps.grad.square().mean() / gradient.square().mean() < 1.2


def test_no_convolution_has_a_bias():
    convolutions = [m for m in CNN(1, 5).modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 4
    assert all(convolution.bias is None for convolution in convolutions)


def test_a_sample_alone_in_training_gives_what_it_gives_in_a_batch():
    model = CNN(1, 5, dropout=0.0).train()
    images = torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(model(images[:1]), model(images)[:1])


def test_of_the_last_map_only_the_maxima_count():
    model = CNN(16, 5, width=8).eval()
    model.features = nn.Sequential()  # what comes in is now the last map
    maps = torch.randn(2, 16, 8, 8)
    torch.testing.assert_close(model(maps), model.head(maps.amax(dim=(2, 3))))


def test_the_memory_format_changes_nothing():
    model, images = CNN(3, 5).eval(), torch.randn(2, 3, 9, 12)
    expected = model(images)
    model = model.to(memory_format=torch.channels_last)
    outputs = model(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(outputs, expected)


def test_dropout_acts_in_training_only():
    model, inputs = CNN(1, 5, dropout=0.5), torch.randn(3, 1, 8, 8)
    assert not torch.equal(model(inputs), model(inputs))
    assert torch.equal(model.eval()(inputs), model(inputs))
