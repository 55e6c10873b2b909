"""What model FLOP utilisation is made of: the FLOPs of a step, and those that the device reaches when it multiplies matrices.

    python utilisation.py SIZE CONFIG ...

in a project's folder, prints both as JSON, with the device and the versions; matrices have the precision of the first config. The FLOPs are the model's: what a forward pass multiplies,
and twice as much for the backward pass. What a program computes anew to save memory does not count.
"""

import json
import platform
import sys
import time
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

ROUNDS, CALLS = 30, 20


def main(size: str, *paths: str) -> None:
    sys.path.insert(0, ".")
    from leaf.config import load  # the project is here only now

    configs = {path: load(path) for path in paths}
    precision = configs[paths[0]].precision
    on_gpu = torch.cuda.is_available()
    cuda = f", CUDA {torch.version.cuda}" if torch.version.cuda else ""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    facts = {
        "device": torch.cuda.get_device_name() if on_gpu else "no GPU",
        "versions": f"torch {torch.__version__}{cuda}, Python {platform.python_version()}",
        "matmul_rate": matmul_rate(int(size), dtype, torch.device("cuda" if on_gpu else "cpu")),
        "steps": {path: a_step(config) for path, config in configs.items()},
    }
    print(json.dumps(facts))


def a_step(config: Any) -> dict[str, Any]:
    """What a step of a project's config consists of."""
    from leaf.weights import build_model

    task, batch = config.task(), config.batch_size
    with torch.device("meta"):  # shapes without numbers
        model = build_model(config.model, task.sizes)
    step = {
        "batch_size": batch,
        "precision": config.precision,
        "compiled": config.compile,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    if "max_length" not in task.sizes:
        images = torch.empty(batch, *task.shape, device="meta")
        return step | {"units": batch, "flops": counted_flops(model, images)}
    tokens = task.sizes["max_length"] + 1  # CLS is one
    shape = {name: config.model.keywords[name] for name in ("width", "depth")}
    forward = encoder_flops(batch, tokens, classes=task.sizes["out_features"], **shape)
    return step | {"units": batch * tokens, "flops": 3 * forward}


def encoder_flops(batch: int, tokens: int, *, width: int, depth: int, classes: int) -> int:
    """Those of a forward pass of an encoder; a multiplication with its addition is two."""
    # queries, keys and values: 3; their output: 1; the MLP: twice 4
    matrices = 12 * width**2
    # each token with each: its similarity, and its share in the mean of values
    attention = 2 * tokens * width
    return 2 * batch * (tokens * depth * (matrices + attention) + width * classes)


def counted_flops(model: nn.Module, inputs: Tensor) -> int:
    """Those of a forward and a backward pass as torch counts them; no gradient reaches the inputs."""
    counter: Any = FlopCounterMode(display=False)
    with counter:
        model(inputs).sum().backward()
    return int(counter.get_total_flops())


def matmul_rate(size: int, dtype: torch.dtype, device: torch.device) -> float:
    """FLOPs a second of square matrices: the median of some rounds, in each of which nothing waits for the device."""
    left, right = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(left)
    seconds = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        for _ in range(CALLS):
            torch.mm(left, right, out=out)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    return CALLS * 2 * size**3 / median(seconds[1:])  # the first one warms up


if __name__ == "__main__":
    main(*sys.argv[1:])
