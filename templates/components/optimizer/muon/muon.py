"""Muon: orthogonal updates for hidden matrices, AdamW for the rest.

Muon turns the momentum of a weight matrix into the nearest orthogonal matrix, so that every
direction moves equally far. That suits matrices between hidden features. Embeddings, the output
layer, convolutions, norms and biases are left to AdamW, as the authors advise. Both are torch's
own; this class makes one optimizer of them, which one schedule drives and one state dict saves.

Jordan et al., 2024, "Muon: An optimizer for hidden layers in neural networks",
https://kellerjordan.github.io/posts/muon/
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch


class Muon(torch.optim.Optimizer):
    """torch.optim.Muon for the group named "hidden", torch.optim.AdamW for every other group.

    `param_groups` are dictionaries such as `{"params": [...], "name": "hidden"}`; a group may state
    its own `lr` or `weight_decay`. A model without a hidden group is trained by AdamW alone.
    """

    def __init__(
        self,
        param_groups: Iterable[dict[str, Any]],
        *,
        lr: float = 0.02,
        adamw_lr: float = 2e-3,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
    ) -> None:
        groups = list(param_groups)
        if not all(isinstance(group, dict) and "name" in group for group in groups):
            raise TypeError(
                "Muon chooses by the name of a group, so give it groups such as "
                '{"params": [...], "name": "hidden"} and {"params": [...], "name": "other"}'
            )
        if lr < 0 or adamw_lr < 0:  # also where there is no hidden group to use lr
            raise ValueError(f"lr and adamw_lr must be 0 or more, got {lr} and {adamw_lr}")
        groups = [dict(group) for group in groups]  # the caller's own stay as they are
        hidden, other = split(groups)
        self.parts: list[torch.optim.Optimizer] = []
        if hidden:
            muon = torch.optim.Muon(hidden, lr=lr, weight_decay=weight_decay, momentum=momentum)
            self.parts.append(muon)
        if other:
            adamw = torch.optim.AdamW(other, lr=adamw_lr, weight_decay=weight_decay, fused=True)
            self.parts.append(adamw)
        super().__init__(groups, defaults={})  # each part has written its settings into its groups

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        hidden, other = split(self.param_groups)
        for part in self.parts:
            # shared anew each time, since loading a state dict puts new objects in their place
            part.param_groups = hidden if isinstance(part, torch.optim.Muon) else other
            part.state = self.state
            part.step()
        return loss


def split(groups: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The groups for Muon and those for AdamW."""
    hidden = [group for group in groups if group["name"] == "hidden"]
    other = [group for group in groups if group["name"] != "hidden"]
    return hidden, other
