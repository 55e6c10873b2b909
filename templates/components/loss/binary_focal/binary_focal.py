"""Binary focal loss: one yes-or-no a class, and hard ones count more.

    logits (B, K), class indices (B,) -> scalar

Lin et al., 2017, arXiv:1708.02002.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BinaryFocalLoss(nn.Module):
    """Binary cross-entropy times (1 - p) ** gamma, p being the probability of the right answer.

    gamma: how fast an answer fades as p grows
    alpha: the weight of a yes; a no weighs 1 - alpha
    """

    def __init__(self, *, gamma: float = 2.0, alpha: float = 0.25) -> None:
        super().__init__()
        if gamma < 0:
            raise ValueError(f"gamma must be 0 or more, got {gamma}")
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"alpha must lie between 0 and 1, got {alpha}")
        self.gamma = gamma
        self.alpha = alpha

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        if logits.ndim != 2 or targets.shape != logits.shape[:1]:
            shapes = f"{tuple(logits.shape)} and {tuple(targets.shape)}"
            raise ValueError(f"expected logits (B, K) and class indices (B,), got {shapes}")
        if targets.dtype != torch.int64:
            raise TypeError(f"expected class indices as torch.int64, got {targets.dtype}")
        logits = logits if logits.dtype == torch.float64 else logits.float()
        yes = F.one_hot(targets, logits.shape[1]).bool()  # (B, K)
        right = logits.where(yes, -logits)  # (B, K): the logit of the right answer
        # 1 - p; never 0, where x ** gamma is infinitely steep for gamma < 1
        missing = torch.sigmoid(-right).clamp_min(torch.finfo(right.dtype).tiny)  # (B, K)
        weight = torch.where(yes, self.alpha, 1 - self.alpha)  # (B, K)
        return -(weight * missing**self.gamma * F.logsigmoid(right)).mean()
