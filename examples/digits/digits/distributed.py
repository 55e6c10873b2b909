"""The processes of a run: `torchrun` starts them, and each computes its share of every batch.

    torchrun --nproc-per-node 2 -m digits.train configs/baseline.py

One process, without torchrun, is the same code with a share of everything: nothing is joined and nothing is waited for. What is
shared out and how is a function of the sizes alone, so a run may go on with another number of processes.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

# how long a process waits for the others; a process that dies ends the wait at once
PATIENCE = timedelta(minutes=10)
ALONE = ContextVar("alone", default=False)

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


@contextmanager
def joined() -> Iterator[None]:
    """Around a command: joins the processes that torchrun started, of which the first one alone prints."""
    if not dist.is_torchelastic_launched():
        yield
        return
    local_rank = int(os.environ["LOCAL_RANK"])
    if local_rank < torch.accelerator.device_count():
        torch.accelerator.set_device_index(local_rank)  # what "cuda" means from here on
    store, own_rank, count = next(dist.rendezvous("env://", timeout=PATIENCE))
    if os.environ["GROUP_WORLD_SIZE"] == "1":  # one machine, and so one count of restarts
        # torchrun keeps the store when it restarts the processes: the addresses in it are those of the dead
        store = dist.PrefixStore(os.environ["TORCHELASTIC_RESTART_COUNT"], store)
    dist.init_process_group(store=store, rank=own_rank, world_size=count, timeout=PATIENCE)
    try:
        with (
            open(os.devnull, "w") as nowhere,
            redirect_stdout(sys.stdout if is_first() else nowhere),
        ):
            yield
        dist.destroy_process_group()  # not after an error: it would wait for the others
    finally:
        time.sleep(0.5)  # gloo's threads still let go of tensors, and abort a Python that is gone


def processes() -> int:
    """How many there are."""
    return 1 if ALONE.get() or not dist.is_initialized() else dist.get_world_size()


def rank() -> int:
    """The number of this one, from 0."""
    return 0 if ALONE.get() or not dist.is_initialized() else dist.get_rank()


@contextmanager
def alone() -> Iterator[None]:
    """Around what this process computes by itself, as if it were the only one."""
    token = ALONE.set(True)
    try:
        yield
    finally:
        ALONE.reset(token)


def is_first() -> bool:
    """Whether this is the process that prints and writes files."""
    return rank() == 0


def wait_for_all() -> None:
    """Goes on when every process has come as far."""
    if processes() > 1:
        dist.barrier()


def from_first(
    function: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Answer:
    """What a function gives on the first process, alone, which every process then has."""
    answer: list[Any] = [None]
    if is_first():
        with alone():
            answer = [function(*args, **kwargs)]
    if processes() > 1:
        dist.broadcast_object_list(answer)
    return answer[0]  # type: ignore[no-any-return]


def from_each(value: Answer) -> list[Answer]:
    """The value of every process, in their order."""
    values: list[Any] = [value] * processes()
    if processes() > 1:
        dist.all_gather_object(values, value)
    return values


def mean(value: Tensor) -> Tensor:
    """The mean over the processes. Nothing waits for it on a GPU."""
    if processes() == 1:
        return value
    total = value.clone()
    dist.all_reduce(total)
    return total / processes()


def largest(number: int) -> int:
    """The largest number that any process has."""
    if processes() == 1:
        return number
    value = torch.tensor(number)
    dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return int(value)


def gather_rows(rows: Tensor) -> Tensor:
    """The rows of all processes, in their order: (b, ...) -> (B, ...)."""
    if processes() == 1:
        return rows
    counts = from_each(len(rows))
    padded = rows.new_zeros(max(counts), *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = [torch.empty_like(padded) for _ in counts]
    dist.all_gather(parts, padded)
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])


class GatherRows(torch.autograd.Function):
    """`gather_rows` for a loss that every process computes from all rows, before gradients are averaged."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        before = sum(from_each(len(rows))[: rank()])
        ctx.own = slice(before, before + len(rows))
        return gather_rows(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        # each process knows the gradient of its own rows alone: the mean over the processes has to be their sum
        return gradients[0][ctx.own] * processes()
