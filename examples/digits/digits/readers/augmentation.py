"""Random affine maps: images turned, shifted and zoomed a little.

Whole batches on the device, with chance from a CPU generator: the same draw on every device.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

ROTATION = math.radians(10)
SHIFT = 0.1  # of height and width
ZOOM = 0.1


def random_affine(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Images (B, C, H, W), changed up to `strength` times the limits above; 0 changes nothing."""
    if strength == 0:
        return images
    height, width = images.shape[2:]
    draws = strength * (2 * torch.rand(4, len(images), generator=generator) - 1)  # (4, B)
    angle, zoom = ROTATION * draws[0], torch.exp(-ZOOM * draws[1])
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    # affine_grid's axes go from -1 to 1 in both directions: only with the ratio of the sides is a
    # turned image not sheared. A shift of 1 is half an image.
    rows = [cos, -sin * height / width, 2 * SHIFT * draws[2]]
    rows += [sin * width / height, cos, 2 * SHIFT * draws[3]]
    maps = torch.stack(rows, dim=1).view(-1, 2, 3).to(images.device, non_blocking=True)
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    # what comes in from outside repeats the edge: zeros would be grey after normalisation
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
