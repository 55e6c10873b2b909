import math

import pytest
import torch

from digits.readers import augmentation
from digits.readers.augmentation import random_affine


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(*shape, seed=0):
    return torch.rand(*shape, generator=seeded(seed))


def test_strength_zero_changes_nothing():
    images = random_images(4, 3, 8, 6)
    assert torch.equal(random_affine(images, 0, seeded()), images)


def test_shape_type_and_layout_stay_and_the_input_is_left_alone():
    images = random_images(4, 3, 8, 6)
    before = images.clone()
    varied = random_affine(images, 1, seeded())
    assert (varied.shape, varied.dtype) == (images.shape, images.dtype)
    assert not torch.equal(varied, images)
    assert torch.equal(images, before)


def test_chance_comes_from_the_generator_alone():
    images = random_images(4, 1, 8, 8)
    state = torch.get_rng_state()
    first, again = (random_affine(images, 1, seeded(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, random_affine(images, 1, seeded(4)))
    assert torch.equal(torch.get_rng_state(), state)


def test_every_image_is_changed_in_its_own_way():
    images = random_images(1, 1, 8, 8).expand(5, 1, 8, 8)
    varied = random_affine(images, 1, seeded())
    assert all(not torch.equal(varied[0], other) for other in varied[1:])


def test_edges_are_repeated_so_no_new_brightness_comes_in():
    plain = torch.full((6, 1, 8, 8), 5.0)
    assert torch.allclose(random_affine(plain, 3, seeded()), plain)


@pytest.mark.parametrize(("height", "width"), [(24, 24), (12, 36)])
def test_turned_image_is_not_sheared(height, width, monkeypatch):
    """A quarter turn makes rows of columns: a point keeps its distances from the middle."""
    monkeypatch.setattr(augmentation, "SHIFT", 0.0)
    monkeypatch.setattr(augmentation, "ZOOM", 0.0)
    images = torch.zeros(1, 1, height, width)
    row, column = height // 2, width // 2
    images[..., row - 2, column + 5] = 1
    draw = 2 * torch.rand(4, 1, generator=seeded())[0].item() - 1
    monkeypatch.setattr(augmentation, "ROTATION", math.pi / 2 / draw)
    turned = random_affine(images, 1, seeded())
    found_row, found_column = divmod(int(turned.flatten().argmax()), width)
    assert abs(found_row - row) == pytest.approx(5, abs=1)
    assert abs(found_column - column) == pytest.approx(2, abs=1)


@pytest.mark.parametrize("setting", ["ROTATION", "SHIFT", "ZOOM"])
def test_limits_are_kept_and_nearly_reached(setting, monkeypatch):
    """The middle of a blob, its tilt and its size, over many draws of one kind of change."""
    for other in {"ROTATION", "SHIFT", "ZOOM"} - {setting}:
        monkeypatch.setattr(augmentation, other, 0.0)
    size = 41
    steps = torch.arange(size) - size // 2
    y, x = torch.meshgrid(steps.float(), steps.float(), indexing="ij")
    blob = torch.exp(-((x / 6) ** 2 + (y / 3) ** 2) / 2)
    images = random_affine(blob.expand(400, 1, size, size), 1, seeded())[:, 0]
    weights = images / images.sum(dim=(1, 2), keepdim=True)
    middle_x, middle_y = ((weights * axis).sum(dim=(1, 2)) for axis in (x, y))
    dx, dy = x - middle_x[:, None, None], y - middle_y[:, None, None]
    xx, yy, xy = ((weights * product).sum(dim=(1, 2)) for product in (dx * dx, dy * dy, dx * dy))
    seen = [
        ("ROTATION", torch.atan2(2 * xy, xx - yy) / 2, augmentation.ROTATION),
        ("SHIFT", middle_x / size, augmentation.SHIFT),
        ("SHIFT", middle_y / size, augmentation.SHIFT),
        ("ZOOM", (xx * yy / 324).log() / 4, augmentation.ZOOM),
    ]
    for name, change, limit in seen:
        reached = change.abs().max().item()
        if name == setting:
            assert 0.9 * limit < reached < 1.05 * limit
            assert abs(change.mean()) < 0.1 * limit
        else:
            assert reached < 0.02
