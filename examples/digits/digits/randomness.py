"""Where chance comes from: everything random in a run follows from its seed.

The order of the data and their augmentation are pure functions of (seed, position), so they need no state. What is left (initial
weights, dropout) draws from the global generators, whose state is part of every checkpoint.
"""

import hashlib
import os
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor


def seed_everything(seed: int, *, deterministic: bool = False) -> None:
    """Seeds the global generators of Python, NumPy and torch, on every device.

    deterministic: torch then chooses algorithms that give the same result twice, and raises where it has none
    """
    if deterministic:  # cuBLAS reads it when CUDA is first used, which is later
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False  # it would choose by the clock
    torch.use_deterministic_algorithms(deterministic)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def generator_for(seed: int, purpose: str, position: int) -> torch.Generator:
    """A CPU generator of its own for one purpose at one position of the run."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{position}".encode(), digest_size=7).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))


def random_state() -> dict[str, Any]:
    """The state of the global generators, in types that `torch.load(weights_only=True)` reads."""
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        "numpy": (
            name,
            torch.from_numpy(np.asarray(keys, dtype=np.int64)),
            position,
            has_gauss,
            gauss,
        ),
        "torch": torch_random_state(),
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """The inverse of `random_state`."""
    random.setstate(state["python"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    restore_torch_random_state(state["torch"])


def torch_random_state() -> list[Tensor]:
    """That of torch's generators alone, the CPU's and the one of the current GPU: a step draws from no other."""
    # not `is_available`, which asks the driver each time
    on_gpu = [torch.cuda.get_rng_state()] if torch.cuda.is_initialized() else []
    return [torch.get_rng_state(), *on_gpu]


def restore_torch_random_state(states: Sequence[Tensor]) -> None:
    """The inverse of `torch_random_state`."""
    torch.set_rng_state(states[0].cpu())
    if len(states) > 1 and torch.cuda.is_initialized():
        torch.cuda.set_rng_state(states[1].cpu())
