"""What the ResNet promises: blocks that start as their shortcut, any image size, samples apart."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from project.models.resnet import ResidualBlock, ResNet


@pytest.mark.parametrize("size", [(8, 8), (8, 13), (9, 9), (32, 32), (33, 65)])
def test_accepts_any_height_and_width(size):
    assert ResNet(3, 5)(torch.randn(2, 3, *size)).shape == (2, 5)


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("out_channels", [8, 16])
def test_a_block_changes_size_and_channels(size, stride, out_channels):
    features = ResidualBlock(8, out_channels, stride)(torch.randn(2, 8, size, size))
    side = (size + stride - 1) // stride
    assert features.shape == (2, out_channels, side, side)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_a_further_stage_halves_the_map_and_doubles_the_channels(stages):
    model, smallest = ResNet(1, 5, width=8, stages=stages), 2 ** (stages + 1)
    maps = model.blocks(model.stem(torch.randn(1, 1, smallest, smallest)))
    assert maps.shape == (1, 8 * 2 ** (stages - 1), 4, 4)
    with pytest.raises(ValueError, match=f"at least {smallest}x{smallest} pixels"):
        model(torch.randn(1, 1, smallest, smallest - 1))


def test_a_block_starts_as_the_identity():
    features = torch.randn(2, 8, 5, 5)
    assert torch.equal(ResidualBlock(8, 8)(features), features)


def test_a_gradient_keeps_its_size_through_a_convolution_and_its_relu():
    torch.manual_seed(0)
    conv = ResidualBlock(64, 64).conv1
    maps = torch.randn(4, 64, 16, 16, requires_grad=True)
    outputs = conv(maps).relu()
    gradient = torch.randn(outputs.shape)
    outputs.backward(gradient)
    assert 0.8 < maps.grad.square().mean() / gradient.square().mean() < 1.2


def test_a_block_is_the_sum_of_shortcut_and_branch():
    torch.manual_seed(0)
    block, features = ResidualBlock(8, 16, stride=2), torch.randn(2, 8, 6, 6)
    for parameter in block.parameters():
        nn.init.normal_(parameter)
    branch = F.relu(F.group_norm(features, 8, block.norm1.weight, block.norm1.bias))
    branch = F.conv2d(branch, block.conv1.weight, stride=2, padding=1)
    branch = F.relu(F.group_norm(branch, 8, block.norm2.weight, block.norm2.bias))
    branch = F.conv2d(branch, block.conv2.weight, padding=1)
    shortcut = F.conv2d(F.avg_pool2d(features, 2), block.shortcut[1].weight)
    torch.testing.assert_close(block(features), shortcut + branch)


def test_a_smaller_shortcut_sees_every_pixel():
    features = torch.randn(1, 8, 7, 7, requires_grad=True)
    ResidualBlock(8, 16, stride=2).shortcut(features).sum().backward()
    assert (features.grad.abs().sum(dim=1) > 0).all()


def test_the_branches_learn_from_the_second_step_on():
    torch.manual_seed(0)
    model = ResNet(1, 5, width=8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        F.cross_entropy(model(torch.randn(8, 1, 8, 8)), torch.arange(8) % 5).backward()
        optimizer.step()
    assert all(parameter.grad.abs().max() > 0 for parameter in model.parameters())


@pytest.mark.parametrize("shape", [(3, 64), (1, 8, 8), (3, 3, 8, 8), (3, 1, 8, 7), (3, 1, 7, 8)])
def test_other_images_are_refused(shape):
    with pytest.raises(
        ValueError, match=r"expected images \(B, 1, H, W\) of at least 8x8 pixels, got \("
    ):
        ResNet(1, 5)(torch.randn(shape))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 20}, "width must be a multiple of 8"),
        ({"stages": 0}, "stages and blocks must be at least 1, got 0 and 2"),
        ({"blocks": 0}, "stages and blocks must be at least 1, got 2 and 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ResNet(1, 5, **settings)


@pytest.mark.parametrize(("stages", "blocks"), [(1, 1), (2, 2), (3, 1)])
def test_depth_is_stages_times_blocks_and_no_convolution_has_a_bias(stages, blocks):
    model = ResNet(1, 5, width=8, stages=stages, blocks=blocks)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    shortcuts = stages - 1  # where the map is halved
    assert len(convolutions) == 1 + 2 * stages * blocks + shortcuts
    assert all(convolution.bias is None for convolution in convolutions)


def test_a_sample_alone_in_training_gives_what_it_gives_in_a_batch():
    model = ResNet(1, 5, dropout=0.0).train()
    images = torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(model(images[:1]), model(images)[:1])


def test_the_memory_format_changes_nothing():
    model, images = ResNet(3, 5).eval(), torch.randn(2, 3, 9, 12)
    expected = model(images)
    model = model.to(memory_format=torch.channels_last)
    outputs = model(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(outputs, expected)


def test_dropout_acts_in_training_only():
    model, inputs = ResNet(1, 5, dropout=0.5), torch.randn(3, 1, 8, 8)
    assert not torch.equal(model(inputs), model(inputs))
    assert torch.equal(model.eval()(inputs), model(inputs))
