"""What the loop knows of data: sets of samples, and batches in an order that is a pure function of (seed, step)."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from .device import cores
from .randomness import generator_for
from .reading import leave_signals_to_the_run, reading, started
from .shares import passes_of

Batch = tuple[Tensor, Tensor]
CPU = torch.device("cpu")
LOOKED_AT = 10_000  # rows at a time: the tensors may be files that memory does not hold
HANGS = 600  # seconds for a batch, after which a process that loads data will not bring it any more


class Dataset(Protocol):
    """Samples by index. A batch is fetched at once: no Python for each sample."""

    def __len__(self) -> int: ...

    def __getitems__(self, indices: Any) -> Batch:
        """Inputs (B, ...) and targets (B, ...) of the given rows."""


class TensorSet:
    """Samples in memory, or in files that are mapped into it: row i of `inputs` belongs to row i of `targets`."""

    def __init__(self, inputs: Tensor, targets: Tensor) -> None:
        if len(inputs) != len(targets):
            raise ValueError(f"{len(inputs)} inputs but {len(targets)} targets")
        for first in range(0, len(inputs), LOOKED_AT) if inputs.is_floating_point() else ():
            finite = inputs[first : first + LOOKED_AT].flatten(1).isfinite().all(dim=1)
            if not finite.all():
                row = first + int((~finite).nonzero()[0])
                raise ValueError(f"the inputs of row {row} are not finite")
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitems__(self, indices: Any) -> Batch:
        rows = torch.as_tensor(indices, device=self.inputs.device)
        return self.inputs.index_select(0, rows), self.targets.index_select(0, rows)

    def to(self, device: torch.device) -> "TensorSet":
        """The same samples on a device: a batch then costs no transfer."""
        return type(self)(self.inputs.to(device), self.targets.to(device))


class Task(Protocol):
    """Data with their preprocessing and their metrics. Settings are keywords of the constructor, which reads nothing."""

    metric: str  # the headline figure
    higher_is_better: bool
    sizes: dict[str, int]  # what a model has to know: in_channels, in_features, out_features, ...

    def load(self, held_out: str = "val") -> tuple[Dataset, Dataset]:
        """Training set, and validation or ("test") test set; preprocessing is fitted on the training rows alone."""

    def augment(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
        """A batch varied at random, by `generator` alone."""

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Figures of a whole set, from outputs (N, ...) and targets (N, ...)."""

    def references(self) -> dict[str, float]:
        """What the headline figure is compared with: chance, and a known baseline."""

    def figure(self, outputs: Tensor, targets: Tensor, path: Any) -> None:
        """Draws what the outputs look like into a PNG."""

    def state_dict(self) -> dict[str, Any]:
        """All that `read` and `describe` need, in plain types and tensors."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`; reads no data."""

    def read(self, paths: Sequence[Any]) -> Tensor:
        """The user's files as inputs, preprocessed exactly as in training."""

    def describe(self, outputs: Tensor) -> list[str]:
        """What each output says, in words."""


def batches(
    dataset: Dataset,
    batch_size: int,
    seed: int,
    start: int,
    stop: int,
    workers: int | None = None,
    device: torch.device = CPU,
    read: Callable[[int], slice] = slice,
) -> Iterator[Batch]:
    """The batches of steps `start` to `stop`; each epoch visits every sample once, the last batch may be smaller.

    read: which samples of a batch of so many; all of them by default
    """
    steps = math.ceil(len(dataset) / batch_size)

    def chunks() -> Iterator[Tensor]:
        for epoch in range(start // steps, math.ceil(stop / steps)):
            order = torch.randperm(len(dataset), generator=generator_for(seed, "order", epoch))
            first, last = max(start - epoch * steps, 0), min(stop - epoch * steps, steps)
            for chunk in order.split(batch_size)[first:last]:
                yield chunk[read(len(chunk))]

    return fetch(dataset, chunks(), workers, device)


def in_order(
    dataset: Dataset, batch_size: int, workers: int | None = None, device: torch.device = CPU
) -> Iterator[Batch]:
    """Every sample once, in order; of several processes each gets its share, in whole batches as in `passes_of`."""
    chunks = torch.arange(len(dataset)).split(batch_size)
    return fetch(dataset, [chunks[number] for number in passes_of(len(chunks))], workers, device)


def fetch(
    dataset: Dataset, chunks: Iterable[Tensor], workers: int | None, device: torch.device = CPU
) -> Iterator[Batch]:
    """The batch of each chunk of indices. Processes that load them live as long as there are chunks, for several epochs."""
    wanted, chunks = itertools.tee(chunks)
    if workers is None:  # processes cost more than they bring where the samples are in memory
        workers = 0 if isinstance(dataset, TensorSet) else min(8, cores())
    if workers == 0:
        return reading(map(dataset.__getitems__, wanted), dataset.__getitems__, chunks)
    loader: DataLoader[Any] = DataLoader(
        dataset,  # type: ignore[arg-type]  # a Dataset by its methods
        batch_sampler=map(Tensor.tolist, wanted),  # one by one: all would take much memory
        num_workers=workers,
        collate_fn=as_it_is,  # type: ignore[arg-type]
        worker_init_fn=leave_signals_to_the_run,
        timeout=HANGS,
        pin_memory=device.type == "cuda",
        generator=torch.Generator(),  # a loader would otherwise draw from the global generator
    )
    return reading(started(loader), dataset.__getitems__, chunks)


def as_it_is(batch: Batch) -> Batch:
    """`__getitems__` gives whole batches: nothing is left to collate. At the top level, so that workers can import it."""
    return batch
