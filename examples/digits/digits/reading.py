"""Batches as they are read: a sample that cannot be read in the middle of a run is told with its row."""

import signal
from collections.abc import Callable, Iterable, Iterator
from traceback import clear_frames
from typing import Any

from torch import Tensor

from .errors import ReadingError

Read = Callable[[Any], Any]  # the `__getitems__` of a data set


def reading(batches: Iterator[Any], read: Read, chunks: Iterable[Tensor]) -> Iterator[Any]:
    """The same batches, one for each chunk of rows."""
    for chunk in chunks:
        try:
            batch = next(batches)
        except (RuntimeError, MemoryError):  # of the machine rather than of a sample
            raise
        except Exception as error:  # a data set may raise anything
            clear_frames(error.__traceback__)  # they hold the loader in a cycle, and
            del batches  # one that is collected with a cycle waits 5 s for its processes
            raise ReadingError(error, unreadable(read, chunk)) from error
        yield batch


def unreadable(read: Read, rows: Tensor) -> int | None:
    """The first of these rows that cannot be read alone."""
    for row in rows:
        try:
            read(row[None])
        except Exception:  # the error that is told is the one of the batch
            return int(row)
    return None


def leave_interrupts_to_the_run(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal; only the one that trains knows when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
