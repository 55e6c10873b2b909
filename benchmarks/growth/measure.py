"""One training of one point, in a process of its own."""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.gpu.throughput.terminal import in_terminal
from benchmarks.growth.series import FIRST, Point
from benchmarks.project import write_project
from benchmarks.training.rounds import environment
from benchmarks.training.works import PROJECT

GROWN = Path(__file__).with_name("grown.py")
CONFIG = f'''"""The baseline on a task of any size, without evaluations."""

from configs.baseline import config as baseline
from dataclasses import replace
from {PROJECT}.models.mlp import MLP
from {PROJECT}.tasks.grown import Grown

config = replace(baseline, task=Grown, model=MLP, epochs=10**6, evaluate_steps=10**12)
'''
NUMBERS = 64  # a sample
PART = 100_000  # samples that are made up at a time


@dataclass(frozen=True)
class Sample:
    """step_microseconds: by the clock, with what is logged and the turns of epochs."""

    step_microseconds: float
    start_seconds: float
    peak_mebibytes: float
    losses: Sequence[float]


def prepare(folder: Path) -> Path:
    """A project with a task of any size."""
    write_project(folder, project=PROJECT, model="mlp")
    shutil.copy(GROWN, folder / PROJECT / "tasks")
    (folder / "configs" / "grown.py").write_text(CONFIG)
    return folder


def write_pixels(file: Path, samples: int) -> Path:
    """Made-up samples of float32, one after the other."""
    random = np.random.default_rng(0)
    with file.open("wb") as stream:
        for first in range(0, samples, PART):
            count = min(PART, samples - first)
            random.standard_normal((count, NUMBERS), dtype=np.float32).tofile(stream)
    return file


def measure(point: Point, project: Path, pixels: Path, python: Path | None = None) -> Sample:
    """Trains in a fresh copy of the project, in front of a terminal.

    Raises:
        RuntimeError: the training fails, with the end of what it said
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder, stamps = Path(name) / PROJECT, Path(name) / "stamps.json"
        shutil.copytree(project, folder)
        grown = {"kept": point.kept, "samples": point.samples, "steps": point.steps}
        settings = [f"{name}={value}" for name, value in point.settings.items()]
        command = [str(python or sys.executable), "-m", f"{PROJECT}.train", "configs/grown.py"]
        variables = environment(Path(name), stamps)
        variables |= {"GROWN": json.dumps(grown), "PIXELS": str(pixels)}
        if "PYTHONPATH" in os.environ:  # where torch is, if it is not installed
            variables["PYTHONPATH"] += os.pathsep + os.environ["PYTHONPATH"]
        began = time.perf_counter()
        in_terminal([*command, *settings], folder, variables)
        record = json.loads(stamps.read_text())
    parts = int(point.settings.get("micro_batches", 1))  # each has a loss of its own
    # losses before the first step are those of the checks
    wall, losses = (record[key][-point.steps * parts :: parts] for key in ("wall", "losses"))
    taken = (wall[-1] - wall[FIRST]) / (point.steps - 1 - FIRST)
    return Sample(1e6 * taken, wall[0] - began, record["peak_bytes"] / 2**20, losses)
