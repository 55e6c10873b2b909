"""The precision of a run: how the forward pass, the backward pass and the optimizer step are wrapped.

Parameters, gradients, optimizer state and the loss stay in float32, whatever the precision; only the forward pass is computed in less.
"""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .optim import trained_by
from .sharding import whole

NAMES = ("auto", "fp32", "tf32", "bf16", "fp16")


def resolve(name: str, device: torch.device) -> str:
    """The precision that `auto` stands for on this device; a worded error for one that it cannot do."""
    if name not in NAMES:
        raise ValueError(f"precision={name} is not known. There is: {', '.join(NAMES)}.")
    if name == "auto":
        if device.type != "cuda":
            return "fp32"
        # without the argument, emulation in software counts as support
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if name == "tf32" and device.type != "cuda":
        raise ValueError(f"precision=tf32 needs a CUDA device, and this run is on {device.type}")
    return name


class Precision:
    """autocast around the forward pass; scaled gradients, clipping and a guarded step after the backward pass."""

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = resolve(name, device)
        self.device_type = device.type
        self.dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.name)
        # float16 has few small numbers: the loss is scaled up so that gradients do not vanish. bfloat16 needs none of it.
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.name == "fp16")
        self.normal_skips = 20 if self.name == "fp16" else 0  # in a row, until the scale fits
        if device.type == "cuda":  # convolutions would otherwise use tf32 in a run that says fp32
            mode = "ieee" if self.name == "fp32" else "tf32"
            torch.backends.fp32_precision = mode  # type: ignore[attr-defined]

    def autocast(self) -> AbstractContextManager[None]:
        """A context for the forward pass."""
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device_type, dtype=self.dtype)

    def backward(self, loss: Tensor) -> None:
        """Adds the (scaled) gradient of a scalar loss."""
        self.scaler.scale(loss).backward()

    def norm(self, optimizer: Optimizer) -> Tensor:
        """The norm of the whole gradient."""
        self.scaler.unscale_(optimizer)  # first: otherwise it would be that of the scaled gradient
        gradients = [p.grad for p in trained_by(optimizer) if p.grad is not None]
        # what nn.utils.get_total_norm does for gradients on one device, in half of its time
        return whole(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))

    def step(
        self, optimizer: Optimizer, loss: Tensor, norm: Tensor, max_grad_norm: float | None
    ) -> bool:
        """Steps unless the loss or the gradient is not finite; whether it did. A gradient longer than `max_grad_norm` is shortened to it.

        One non-finite gradient would make every weight NaN, so each step waits for its norm.
        """
        length = float(norm)  # the wait: the loss is there before it
        # a loss of NaN may have a finite gradient, and a gradient of NaN a finite loss
        finite = math.isfinite(length) and math.isfinite(float(loss))
        if finite:
            if max_grad_norm is not None and length > max_grad_norm:
                nn.utils.clip_grads_with_norm_(trained_by(optimizer), max_grad_norm, norm)
            self.scaler.step(optimizer)
        self.scaler.update()  # it scales less after an overflow, which is normal in float16
        return finite
