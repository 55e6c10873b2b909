"""When the machine gives out, of memory, of disk or of a process that loads data: told with what to change, instead of a traceback.

Exit code 1, as for every run that stops although settings and data are right (2: they are not).
"""

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from .config import Config

ON_CPU = "can't allocate memory"  # of a plain RuntimeError
DEAD_PROCESS = re.compile(r"DataLoader worker \(pid")
HANGING_PROCESS = re.compile(r"DataLoader timed out after")
FROM_WORKER = "in DataLoader worker"  # around the error of a process that loads data
ASKED_FOR = re.compile(r"ried to allocate ([\d.]+ \w+)")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or ON_CPU in str(error)


def of_the_machine(error: BaseException) -> bool:
    """Whether an error is one that `explained` words, rather than one of a sample or of the code."""
    told = str(error)
    of_a_process = DEAD_PROCESS.match(told) or HANGING_PROCESS.match(told)
    return out_of_memory(error) or bool(of_a_process)


@contextmanager
def explained(config: Config) -> Iterator[None]:
    """Around a training: raises MemoryError, ChildProcessError or TimeoutError, in words."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        told = str(error)
        if out_of_memory(error):
            asked = ASKED_FOR.search(told)
            more = f", when {asked[1]} were asked for" if asked else ""
            raise MemoryError(f"out of memory{more}: {less_memory(config, error)}") from error
        waited_for = "; ".join(["", *getattr(error, "__notes__", [])])
        if DEAD_PROCESS.match(told):  # at any moment, and not only while it is waited for
            raise ChildProcessError(
                f"a process that loads data is dead ({told.strip()}{waited_for}). Often memory is short: try workers="
                f"{(config.workers or 2) // 2}. With workers=0 the run itself reads, and says at which sample"
            ) from error
        if HANGING_PROCESS.match(told):
            raise TimeoutError(
                f"a process that loads data hangs ({told.strip()}{waited_for}). With workers=0 the run itself reads: "
                "under `python -X faulthandler`, kill -ABRT shows where. `HANGS` in data.py is how long a batch may take"
            ) from error
        raise


def less_memory(config: Config, error: BaseException) -> str:
    """What to change, by what was being done."""
    doing = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
    smallest = 2 if getattr(config.loss(), "compares_samples", False) else 1
    smaller = f"batch_size={max(smallest, config.batch_size // 2)}"
    if "reading" in doing:
        less = "a smaller `at_once` in evaluate.py" if "evaluate" in doing else smaller
        here = " or workers=0, since each process holds batches of its own"
        return f"a batch is read whole, so {less} helps{here * (FROM_WORKER in str(error))}"
    if "evaluate" in doing:
        return "a smaller `at_once` in evaluate.py gives the same figures"
    parts = min(2 * config.micro_batches, config.batch_size)
    if parts == config.micro_batches:
        return (
            "a batch is already computed sample by sample, so make the model or its inputs smaller"
        )
    if smallest == 2:
        return f"try {smaller}"
    return f"try micro_batches={parts}, which gives the same gradient"


def unwritten(path: Path, write: Callable[[Path], Any]) -> list[str]:
    """Writes a file with its folder. Where it cannot be, that is returned in words: what is told beside it matters more."""
    try:
        path.parent.mkdir(exist_ok=True)
        write(path)
    except (OSError, RuntimeError) as error:  # torch's error for a full disk
        return [f"{path} cannot be written: {str(error).splitlines()[0]}"]
    return []
