"""What the steps of a run are fed: batches in their order, varied at random and on the device; of several processes each gets its share."""

import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from .config import Config
from .data import Batch, Dataset, Task, TensorSet, batches
from .device import place, to_device
from .randomness import generator_for
from .shares import share

DATA_SHARE = 0.5  # of the free memory of a GPU: so much of it data may take


def on_device(dataset: Dataset, device: torch.device) -> Dataset:
    """A set in memory on the device, so that a batch costs no transfer, where it fits; any other set as it is."""
    if not isinstance(dataset, TensorSet):
        return dataset
    size = dataset.inputs.nbytes + dataset.targets.nbytes
    if device.type == "cuda" and size > DATA_SHARE * torch.cuda.mem_get_info(device)[0]:
        return dataset
    return dataset.to(device)


def feed(
    task: Task, dataset: Dataset, config: Config, start: int, stop: int, device: torch.device
) -> Iterator[Batch]:
    """The batches of steps `start` to `stop`, a pure function of the seed and the step.

    Chance is drawn for the whole batch: how a sample is varied must not depend on the number of processes. Of data that are not in
    memory a process reads its share alone; samples of such data have one shape.
    """
    size, seed, parts = config.batch_size, config.seed, config.micro_batches
    read = slice if isinstance(dataset, TensorSet) else partial(share, parts=parts)
    stream = batches(dataset, size, seed, start, stop, config.workers, device, read)
    steps_per_epoch = math.ceil(len(dataset) / size)
    for step, (inputs, targets) in enumerate(stream, start):
        samples = min(size, len(dataset) - step % steps_per_epoch * size)
        rows, generator = share(samples, parts), generator_for(seed, "augment", step)
        inputs = task.augment(in_whole_batch(inputs, rows, samples), generator)
        if rows != slice(0, samples):
            inputs = inputs[rows]
            targets = targets[rows] if len(targets) == samples else targets
        yield place(inputs, device), to_device(targets, device)


def in_whole_batch(inputs: Tensor, rows: slice, samples: int) -> Tensor:
    """Inputs at their rows of a batch of `samples`; the rows of other processes are blank."""
    if len(inputs) == samples:
        return inputs
    batch = inputs.new_zeros(samples, *inputs.shape[1:])
    batch[rows] = inputs
    return batch
