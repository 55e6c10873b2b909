"""Negative log-likelihood: cross-entropy with its two steps in sight.

    logits (B, K), class indices (B,) -> scalar

The same number as cross-entropy; here each step can be seen, and changed.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class NegativeLogLikelihood(nn.Module):
    """The log-softmax of the logits, then minus its mean at the targets.

    class_weights: how much each class counts; the mean then divides by the samples' weights
    ignore_index: samples with this target are left out; None: none is
    """

    weight: Tensor | None

    def __init__(
        self, *, class_weights: tuple[float, ...] | None = None, ignore_index: int | None = None
    ) -> None:
        super().__init__()
        self.ignore_index = ignore_index
        weight = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("weight", weight)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        if logits.ndim != 2 or targets.shape != logits.shape[:1]:
            shapes = f"{tuple(logits.shape)} and {tuple(targets.shape)}"
            raise ValueError(f"expected logits (B, K) and class indices (B,), got {shapes}")
        if targets.dtype != torch.int64:
            raise TypeError(f"expected class indices as torch.int64, got {targets.dtype}")
        logits = logits if logits.dtype == torch.float64 else logits.float()
        # log_softmax in one: the log of a softmax is -inf as soon as a probability rounds to 0
        log_p = F.log_softmax(logits, dim=1)  # (B, K)
        if self.ignore_index is None:
            return F.nll_loss(log_p, targets, self.weight)
        total = F.nll_loss(
            log_p, targets, self.weight, ignore_index=self.ignore_index, reduction="sum"
        )
        kept = targets != self.ignore_index  # (B,)
        counts = kept if self.weight is None else self.weight[targets * kept] * kept  # (B,)
        return total / counts.sum().clamp_min(1e-12)  # all ignored: 0, where 0 / 0 would be nan
