"""Cross-entropy: minus the log-probability of the right class.

    logits (B, K), class indices (B,) -> scalar

Label smoothing: Szegedy et al., 2015, arXiv:1512.00567.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CrossEntropy(nn.Module):
    """The mean of -log p(target) over the samples, p being the softmax of the logits.

    label_smoothing: the share of each target that is spread evenly over all K classes
    class_weights: how much each class counts; the mean then divides by the samples' weights
    ignore_index: samples with this target are left out; None: none is
    """

    weight: Tensor | None

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        class_weights: tuple[float, ...] | None = None,
        ignore_index: int | None = None,
    ) -> None:
        super().__init__()
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(f"label_smoothing must lie in [0, 1), got {label_smoothing}")
        self.label_smoothing = label_smoothing
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
        smoothing = self.label_smoothing
        if self.ignore_index is None:
            return F.cross_entropy(logits, targets, self.weight, label_smoothing=smoothing)
        total = F.cross_entropy(
            logits,
            targets,
            self.weight,
            ignore_index=self.ignore_index,
            label_smoothing=smoothing,
            reduction="sum",
        )
        kept = targets != self.ignore_index  # (B,)
        counts = kept if self.weight is None else self.weight[targets * kept] * kept  # (B,)
        return total / counts.sum().clamp_min(1e-12)  # all ignored: 0, where 0 / 0 would be nan
