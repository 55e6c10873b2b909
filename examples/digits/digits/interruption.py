"""Being asked to stop, by Ctrl-C or by a scheduler's SIGTERM: the run saves at the end of the step and leaves.

Exit codes: 130 after Ctrl-C, 143 after SIGTERM, as in a shell. The same command goes on; a scheduler can requeue on 143 (Slurm:
`sbatch --signal=B:TERM@60`, and `exec python ...` in the script). SIGTERM may reach the processes that load data as well, but on macOS.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from .checkpoint import State
from .data import Batch
from .distributed import largest, wait_for_all
from .run import Run


def until_asked_to_stop(stream: Iterator[Batch], state: State, run: Run) -> Iterator[Batch]:
    """The batches; between two steps it looks whether a signal has come, and then saves and leaves."""
    with noted_signals() as asked, closing(state.writer):
        for batch in stream:
            yield batch
            # every process stops after the same step, also where the signal has reached one of them alone
            if number := largest(asked[0] if asked else 0):
                state.save(run.last_file)
                state.writer.wait()
                wait_for_all()  # torchrun ends the others when the first one leaves
                print(f"\nstopped; the same command goes on from {run.last_file}", file=sys.stderr)
                sys.exit(128 + number)
        state.writer.wait(patience=1)  # a run is not complete without its files


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """The signals that have come. A handler only notes the first, whatever the step is doing; a second one acts as ever."""
    asked: list[int] = []
    before: dict[int, Any] = {}

    def note(number: int, frame: object) -> None:
        asked.append(number)
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup: it stays so
                before[number] = signal.signal(number, note)
    except ValueError:  # not in the main thread: whoever started this one sees to signals
        pass
    try:
        yield asked
    finally:
        if not asked:
            restore()
