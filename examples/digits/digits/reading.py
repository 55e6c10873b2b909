"""Batches as they are read: a sample that cannot be read in the middle of a run is told with its row."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from threading import Thread
from traceback import clear_frames
from typing import Any

from torch import Tensor

from .errors import ReadingError
from .exhaustion import of_the_machine

Read = Callable[[Any], Any]  # the `__getitems__` of a data set
LOOK = 1.0  # seconds from one look whether the run is alive to the next


def reading(batches: Iterator[Any], read: Read, chunks: Iterable[Tensor]) -> Iterator[Any]:
    """The same batches, one for each chunk of rows."""
    for chunk in chunks:
        try:
            batch = next(batches)
        except Exception as error:  # a data set may raise anything
            clear_frames(error.__traceback__)  # they hold the loader in a cycle, and
            del batches  # one that is collected with a cycle waits 5 s for its processes
            if of_the_machine(error):
                error.add_note(f"rows waited for: {', '.join(map(str, chunk.tolist()))}")
                raise
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


def started(loader: Iterable[Any]) -> Iterator[Any]:
    """Starts the processes of a loader; a SIGTERM waits in them until it is looked at."""
    if sys.platform != "linux":
        return iter(loader)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        return iter(loader)  # they inherit what is blocked, and so does every thread of theirs
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals_to_the_run(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal, and SIGTERM often all of a job; only the one that trains knows when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # others do not tell who has sent a signal
        Thread(target=end_with_the_run, daemon=True).start()


def end_with_the_run() -> None:
    """Ends this process when the run does, or asks for it by SIGTERM, as of one that is left at its end."""
    if sys.platform == "linux" and (run := multiprocessing.parent_process()):
        # torch looks as well, but not where the run was killed while this process was starting
        while run.is_alive():
            sent = signal.sigtimedwait({signal.SIGTERM}, LOOK)
            if sent and sent.si_pid == run.pid:
                break
        os._exit(0)  # another code would be told as a death
