"""Supervised contrastive loss: pick one's own class out of the batch.

    embeddings (B, D), class indices (B,) -> scalar

Khosla et al., 2020, arXiv:2004.11362.
With two samples a class it is InfoNCE, as in SimCLR: Chen et al., 2020, arXiv:2002.05709.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SupervisedContrastiveLoss(nn.Module):
    """Cross-entropy of finding an anchor's own class among all other samples by cosine.

    The mean is over the anchors with company of their class: give every batch several a class.
    temperature: what cosines are divided by; the lower, the more the nearest samples decide
    """

    compares_samples = True

    def __init__(self, *, temperature: float = 0.1) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        self.temperature = temperature

    def forward(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        if embeddings.ndim != 2 or targets.shape != embeddings.shape[:1]:
            shapes = f"{tuple(embeddings.shape)} and {tuple(targets.shape)}"
            raise ValueError(f"expected embeddings (B, D) and class indices (B,), got {shapes}")
        if targets.dtype != torch.int64:
            raise TypeError(f"expected class indices as torch.int64, got {targets.dtype}")
        embeddings = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
        embeddings = F.normalize(embeddings, dim=1, eps=1e-3)  # slope at 0: 1 / eps
        with torch.autocast(embeddings.device.type, enabled=False):  # it would round the product
            logits = embeddings @ embeddings.T / self.temperature  # (B, B)
        itself = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
        # the lowest number and not -inf: in a batch of 1 nothing else stands in the row
        log_p = logits.masked_fill(itself, torch.finfo(logits.dtype).min).log_softmax(dim=1)
        positive = (targets[:, None] == targets) & ~itself  # (B, B)
        positives = positive.sum(dim=1)  # (B,)
        surprisal = -log_p.where(positive, 0).sum(dim=1) / positives.clamp_min(1)  # (B,)
        return surprisal.sum() / (positives > 0).sum().clamp_min(1)
