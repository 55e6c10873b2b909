"""Focal loss: hard examples count more.

    logits (B, K), class indices (B,) -> scalar

Lin et al., 2017, arXiv:1708.02002, here for one class of K; gamma = 0 is cross-entropy.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FocalLoss(nn.Module):
    """Cross-entropy times (1 - p) ** gamma, p being the probability of the right class.

    gamma: how fast a sample fades as p grows
    class_weights: how much each class counts; the mean then divides by the samples' weights
    ignore_index: samples with this target are left out; None: none is
    """

    weight: Tensor | None

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        class_weights: tuple[float, ...] | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__()
        if gamma < 0:
            raise ValueError(f"gamma must be 0 or more, got {gamma}")
        self.gamma = gamma
        self.ignore_index = ignore_index
        weight = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("weight", weight)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        if logits.ndim != 2 or targets.shape != logits.shape[:1]:
            shapes = f"{tuple(logits.shape)} and {tuple(targets.shape)}"
            raise ValueError(f"expected logits (B, K) and class indices (B,), got {shapes}")
        if targets.dtype != torch.int64:
            raise TypeError(f"expected class indices as torch.int64, got {targets.dtype}")
        if self.weight is not None and len(self.weight) != logits.shape[1]:
            counted = f"{logits.shape[1]} classes, got {len(self.weight)}"
            raise ValueError(f"expected a class weight for each of {counted}")
        logits = logits if logits.dtype == torch.float64 else logits.float()
        ignored = -100 if self.ignore_index is None else self.ignore_index  # no class has -100
        # -log p (B,), without class weights: they would make p wrong
        surprisal = F.cross_entropy(logits, targets, ignore_index=ignored, reduction="none")
        # 1 - p without cancellation; never 0, where x ** gamma is infinitely steep for gamma < 1
        missing = (-torch.expm1(-surprisal)).clamp_min(torch.finfo(logits.dtype).tiny)  # (B,)
        kept = targets != ignored  # (B,)
        counts = kept.float() if self.weight is None else self.weight[targets * kept] * kept  # (B,)
        # all ignored: 0, where 0 / 0 would be nan
        return (counts * missing**self.gamma * surprisal).sum() / counts.sum().clamp_min(1e-12)
