"""Binary cross-entropy: every class is a yes-or-no question of its own.

    logits (B, K), class indices (B,) -> scalar

For choosing among classes: Wightman et al., 2021, arXiv:2110.00476.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BinaryCrossEntropy(nn.Module):
    """One sigmoid against the rest for each class; the mean over samples and classes.

    positive_weight: how much a yes counts; with K - 1 the one yes weighs as much as all noes
    """

    positive_weight: Tensor

    def __init__(self, *, positive_weight: float = 1.0) -> None:
        super().__init__()
        if positive_weight <= 0:
            raise ValueError(f"positive_weight must be above 0, got {positive_weight}")
        self.register_buffer("positive_weight", torch.tensor(positive_weight, dtype=torch.float32))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        if logits.ndim != 2 or targets.shape != logits.shape[:1]:
            shapes = f"{tuple(logits.shape)} and {tuple(targets.shape)}"
            raise ValueError(f"expected logits (B, K) and class indices (B,), got {shapes}")
        if targets.dtype != torch.int64:
            raise TypeError(f"expected class indices as torch.int64, got {targets.dtype}")
        logits = logits if logits.dtype == torch.float64 else logits.float()
        answers = F.one_hot(targets, logits.shape[1]).to(logits.dtype)  # (B, K)
        return F.binary_cross_entropy_with_logits(logits, answers, pos_weight=self.positive_weight)
