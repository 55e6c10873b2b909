"""The bare loop, tuned by hand: `python with_nothing.py CONFIG [KEY=VALUE ...]`, in a project's folder.

It has the project's model, data, settings and order of batches, and no step of it waits for the device but those that are logged.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from stamps import Stamps, steps_of
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

sys.path.insert(0, ".")

from leaf.config import load  # the project is here only now
from leaf.optim import param_groups
from leaf.randomness import generator_for
from leaf.weights import build_model


def main(path: str, *changes: str) -> None:
    config = load(path, changes)
    steps = steps_of(config)
    Stamps(nn.CrossEntropyLoss, steps)
    on_gpu = torch.cuda.is_available() and config.device != "cpu"
    device = torch.device("cuda" if on_gpu else "cpu")
    if on_gpu:
        torch.backends.fp32_precision = "tf32"
    torch.manual_seed(config.seed)
    task = config.task()
    train = task.load()[0].to(device)
    model = build_model(config.model, task.sizes).to(device)
    if on_gpu:
        model.to(memory_format=torch.channels_last)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = config.optimizer(param_groups(model, hidden_apart=False))
    parameters = list(model.parameters())
    rates = learning_rates(config, steps)
    if config.compile:
        model.compile()
    dtype = torch.bfloat16 if config.precision == "bf16" else None

    total, log = torch.zeros((), device=device), Path("metrics.jsonl").open("w", buffering=1)  # noqa: SIM115
    for step, (inputs, targets) in enumerate(batches(train, config, steps), start=1):
        for group in optimizer.param_groups:
            group["lr"] = rates[step - 1]
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            outputs = model(inputs)
        loss = loss_fn(outputs.float(), targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        clip_grad_norm_(parameters, config.max_grad_norm)
        optimizer.step()
        total += loss.detach()
        if step % config.log_steps == 0:
            mean = float(total) / config.log_steps
            log.write(json.dumps({"step": step, "loss": mean, "lr": rates[step - 1]}) + "\n")
            total.zero_()


def batches(train: Any, config: Any, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches in the project's order, which is on the device before an epoch begins."""
    inputs, targets = train.inputs, train.targets
    for epoch in range(config.epochs):
        chance = generator_for(config.seed, "order", epoch)
        order = torch.randperm(len(train), generator=chance).to(inputs.device)
        for rows in order.split(config.batch_size):
            batch = inputs.index_select(0, rows)
            if batch.ndim == 4 and batch.is_cuda:
                batch = batch.contiguous(memory_format=torch.channels_last)
            yield batch, targets.index_select(0, rows)


def learning_rates(config: Any, steps: int) -> list[float]:
    """The rate of each step."""
    rate = config.optimizer.keywords["lr"]
    (factor,) = config.scheduler(torch.optim.SGD([torch.zeros(1)], lr=1.0), steps).lr_lambdas
    return [rate * float(factor(step)) for step in range(steps)]


if __name__ == "__main__":
    main(*sys.argv[1:])
