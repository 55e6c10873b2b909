"""One run of one side in a process of its own, and whether it computed what the bare loop did."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .terminal import in_terminal

SIDES = Path(__file__).resolve().parent / "sides"
OURS, BARE, AGAIN = "torchgen", "bare loop", "bare loop, again"
SCRIPTS = {OURS: "with_torchgen.py", BARE: "with_nothing.py", AGAIN: "with_nothing.py"}
COMPARED = 20  # steps whose losses have to agree
# relative to the losses of the bare loop; bf16 keeps three digits, and a GPU adds up in any order
TOLERANCE = {"fp32": 1e-4, "bf16": 2e-2}


class OtherWorkError(Exception):
    """A side did not compute what the bare loop did, so its time says nothing."""


def train(side: str, project: Path, config: str, *changes: str) -> dict[str, Any]:
    """Trains once, and gives what stamps.py notes."""
    shutil.rmtree(project / "runs", ignore_errors=True)  # one to go on with, or without an end
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder:
        stamps = Path(folder) / "stamps.json"
        command = [sys.executable, str(SIDES / SCRIPTS[side]), config, *changes]
        in_terminal(command, project, environment(project) | {"STAMPS": str(stamps)})
        if not stamps.is_file():
            raise OtherWorkError(f"{side} made fewer steps than it should")
        record: dict[str, Any] = json.loads(stamps.read_text())
    return record


def utilisation(project: Path, size: int, *configs: str) -> dict[str, Any]:
    """What utilisation.py finds, with matrices of this size."""
    command = [sys.executable, str(SIDES / "utilisation.py"), str(size), *configs]
    done = subprocess.run(
        command, cwd=project, env=environment(project), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:].strip())
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def environment(project: Path) -> dict[str, str]:
    """With the packages that were brought, and one place for what was compiled: the first run of a side compiles for all."""
    beside = project.resolve().parent
    paths = [str(beside / "packages"), os.environ.get("PYTHONPATH", "")]
    own = {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "TORCHINDUCTOR_CACHE_DIR": str(beside / "compiled"),
        "TERM": "xterm",
        "COLUMNS": "120",
    }
    return os.environ | own


def refuse_other_work(
    side: str, losses: Sequence[float], reference: Sequence[float], tolerance: float
) -> float:
    """The largest relative difference of the first losses from those of the bare loop, if it is small enough.

    Raises:
        OtherWorkError: it is not, or there are fewer losses
    """
    if len(losses) != len(reference):
        raise OtherWorkError(f"{side} made {len(losses)} steps, the bare loop {len(reference)}")
    pairs = list(zip(losses[:COMPARED], reference[:COMPARED], strict=True))
    for step, (one, other) in enumerate(pairs, start=1):
        if not abs(one - other) <= tolerance * scale(other):  # so that NaN is refused
            raise OtherWorkError(
                f"the losses of {side} differ from the bare loop's: at step {step} {one:.6g} is not {other:.6g}, to {tolerance:.0e}"
            )
    return max(abs(one - other) / scale(other) for one, other in pairs)


def scale(loss: float) -> float:
    """What a difference is measured by; near 0 a relative one says nothing."""
    return max(abs(loss), 0.1)
