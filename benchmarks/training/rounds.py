"""One run of one side in a process of its own, and whether it computed what the bare loop did."""

import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu.throughput.terminal import in_terminal
from benchmarks.training.sides import Side
from benchmarks.training.works import TrainingWork

SCRIPTS = Path(__file__).parent / "sides"
FIRST = 10  # steps that are not counted: they load what the later ones find loaded
COMPARED = 20  # steps whose losses have to agree; rounding grows from step to step


@dataclass(frozen=True)
class Run:
    """cpu, wall: seconds at each step's loss, of the processor and of the clock, both since the process began."""

    cpu: Sequence[float]
    wall: Sequence[float]
    losses: Sequence[float]
    peak_bytes: int


class OtherWorkError(Exception):
    """A side did not compute what the bare loop did, so its time says nothing."""


def run(side: Side, work: TrainingWork, python: Path, project: Path) -> Run:
    """Trains once, in a fresh copy of the project and in front of a terminal, so that bars are drawn."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name) / "leaf"
        shutil.copytree(project, folder)
        command = [str(python), *(part.replace("SIDES", str(SCRIPTS)) for part in side.command)]
        stamps = Path(name) / "stamps.json"
        began = time.perf_counter()
        in_terminal(command, folder, environment(Path(name), stamps))
        record = json.loads(stamps.read_text())
    # a trial step of a library's own comes before the others
    cpu, wall, losses = (record[key][-work.steps :] for key in ("cpu", "wall", "losses"))
    if len(losses) < work.steps:
        raise OtherWorkError(f"{side.label} made {len(losses)} steps of {work.steps}")
    return Run(cpu, [moment - began for moment in wall], losses, record["peak_bytes"])


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


def refuse_other_work(side: Side, losses: Sequence[float], reference: Sequence[float]) -> float:
    """The difference from the bare loop's losses, if it is small enough."""
    found = difference(losses, reference)
    if found > side.tolerance:
        raise OtherWorkError(
            f"its losses differ from the bare loop's by {found:.1e}, more than {side.tolerance:.0e}"
        )
    return found
