"""Contrastive loss: pairs of one class together, others a margin apart.

    embeddings (B, D), class indices (B,) -> scalar

Hadsell, Chopra and LeCun, 2006, doi:10.1109/CVPR.2006.100, here over all pairs of the batch.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ContrastiveLoss(nn.Module):
    """Squared distances within classes, squared shortfalls from the margin between them.

    Each kind of pair has its own mean, since pairs of different classes are far more numerous.
    margin: how far apart different classes should be; unit vectors are at most 2 apart
    """

    compares_samples = True

    def __init__(self, *, margin: float = 1.0) -> None:
        super().__init__()
        if not 0.0 < margin <= 2.0:
            raise ValueError(f"margin must lie in (0, 2], got {margin}")
        self.margin = margin

    def forward(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        if embeddings.ndim != 2 or targets.shape != embeddings.shape[:1]:
            shapes = f"{tuple(embeddings.shape)} and {tuple(targets.shape)}"
            raise ValueError(f"expected embeddings (B, D) and class indices (B,), got {shapes}")
        if targets.dtype != torch.int64:
            raise TypeError(f"expected class indices as torch.int64, got {targets.dtype}")
        embeddings = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
        embeddings = F.normalize(embeddings, dim=1, eps=1e-3)  # slope at 0: 1 / eps
        # from differences, not products: exact where embeddings meet, and the gradient there is 0
        distances = torch.cdist(
            embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist"
        )  # (B, B)
        same = targets[:, None] == targets  # (B, B)
        itself = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
        together = mean_where(same & ~itself, distances.square())
        apart = mean_where(~same, F.relu(self.margin - distances).square())
        return (together + apart) / 2


def mean_where(chosen: Tensor, values: Tensor) -> Tensor:
    """The mean of the chosen values; 0 where none is chosen."""
    return (values * chosen).sum() / chosen.sum().clamp_min(1)
