"""Triplet loss: one's own class nearer than any other, by a margin.

    embeddings (B, D), class indices (B,) -> scalar

Schroff et al., 2015, arXiv:1503.03832; mined as in Hermans et al., 2017, arXiv:1703.07737.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TripletLoss(nn.Module):
    """Per anchor, the farthest of its class against the nearest of the others.

    The mean is over the anchors that have both: give every batch several samples a class.
    margin: by how much the others must be farther; unit vectors are at most 2 apart
    """

    compares_samples = True

    def __init__(self, *, margin: float = 0.2) -> None:
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
        positive = same & ~torch.eye(len(targets), dtype=torch.bool, device=targets.device)
        farthest_positive = distances.masked_fill(~positive, -torch.inf).amax(dim=1)  # (B,)
        nearest_negative = distances.masked_fill(same, torch.inf).amin(dim=1)  # (B,)
        # an anchor that lacks either stands at -inf: it violates nothing and has no gradient
        violations = F.relu(farthest_positive - nearest_negative + self.margin)  # (B,)
        anchors = positive.any(dim=1).sum()  # only a batch of one class lacks negatives: all 0 then
        return violations.sum() / anchors.clamp_min(1)
