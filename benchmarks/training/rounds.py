"""A round: every side trains once, in a process of its own, and whether it computed what the bare loop did.

The sides take turns: a machine that is slow for a while, as those of others' neighbours are, is so for all of them.
"""

import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu.throughput.terminal import Watched
from benchmarks.training.sides import BARE, Side
from benchmarks.training.works import TrainingWork

SCRIPTS = Path(__file__).parent / "sides"
FIRST = 10  # steps that are not counted: they load what the later ones find loaded
TURN = 0.1  # seconds
COMPARED = 20  # steps whose losses have to agree; rounding grows from step to step


@dataclass(frozen=True)
class Run:
    """cpu, wall: seconds at each step's loss, of the processor and of the clock, both since the process began and without others' turns."""

    cpu: Sequence[float]
    wall: Sequence[float]
    losses: Sequence[float]
    peak_bytes: int


class Training:
    """One side's training, in a fresh copy of the project and in front of a terminal, so that bars are drawn."""

    def __init__(self, side: Side, work: TrainingWork, python: Path, project: Path) -> None:
        self.side, self.work = side, work
        self.place = tempfile.TemporaryDirectory(prefix="benchmark-")
        home = Path(self.place.name)
        self.stamps = home / "stamps.json"
        shutil.copytree(project, home / "leaf")
        command = [str(python), *(part.replace("SIDES", str(SCRIPTS)) for part in side.command)]
        self.began = time.perf_counter()
        variables = environment(home, self.stamps) | {"TURN": str(TURN)}
        self.watched = Watched(command, home / "leaf", variables)

    def close(self) -> None:
        self.watched.process.kill()  # one that waits for its turn as well
        self.watched.process.wait()
        self.place.cleanup()

    def is_stopped(self) -> bool:
        """Waits until its turn is over, or all of it."""
        process = self.watched.process
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return True
        process.returncode = os.waitstatus_to_exitcode(status)  # nobody else will be told
        return False

    def goes_on(self) -> bool:
        """Has its turn; whether it needs another one."""
        self.watched.process.send_signal(signal.SIGCONT)
        return self.is_stopped()

    def run(self) -> Run:
        """What came of it.

        Raises:
            RuntimeError: it failed, or made fewer steps than it should
        """
        self.watched.end()
        record = json.loads(self.stamps.read_text())
        # a trial step of a library's own comes before the others
        steps = self.work.steps
        cpu, wall, losses = (record[key][-steps:] for key in ("cpu", "wall", "losses"))
        if len(losses) < steps:
            raise RuntimeError(f"{self.side.label} made {len(losses)} steps of {steps}")
        return Run(cpu, [moment - self.began for moment in wall], losses, record["peak_bytes"])


def run(
    sides: Sequence[Side], work: TrainingWork, pythons: Mapping[str, Path], project: Path
) -> tuple[dict[Side, Run], dict[Side, str]]:
    """The runs of the sides, and of those that have none that counts the reason. One of them is the bare loop.

    They start one after the other, and take turns from their first loss on.
    """
    runs: dict[Side, Run] = {}
    problems: dict[Side, str] = {}
    with ExitStack() as stack:
        begun, left = [], []
        for side in sides:
            training = Training(side, work, pythons[side.name], project)
            begun.append(stack.enter_context(closing(training)))
            left += [training] * training.is_stopped()
        while left:
            left = [training for training in left if training.goes_on()]
        for training in begun:
            try:
                runs[training.side] = training.run()
            except RuntimeError as problem:
                problems[training.side] = str(problem)
    bare = next(side for side in sides if side.name == BARE)
    if bare in problems:
        raise RuntimeError(problems[bare])
    for side, found in [*runs.items()]:
        if problem := other_work(side, found.losses, runs[bare].losses):
            problems[side] = problem
            del runs[side]
    return runs, problems


def environment(home: Path, stamps: Path) -> dict[str, str]:
    """Nobody's settings, and one thread."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "COLUMNS": "120",
        "PYTHONPATH": str(SCRIPTS),
        "STAMPS": str(stamps),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def difference(losses: Sequence[float], reference: Sequence[float]) -> float:
    """The largest relative difference among the first steps."""
    pairs = zip(losses[:COMPARED], reference[:COMPARED], strict=True)
    differences = [abs(one - other) / max(abs(other), 0.1) for one, other in pairs]
    return max(differences) if all(d == d for d in differences) else float("inf")


def other_work(side: Side, losses: Sequence[float], reference: Sequence[float]) -> str:
    """Why a side has not done the bare loop's work, if so: its losses are others."""
    found = difference(losses, reference)
    if found <= side.tolerance:
        return ""
    return f"its losses differ from the bare loop's by {found:.1e}, more than {side.tolerance:.0e}"
