"""Measures processes: the time of the processor, that of all their children included, and of the clock."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torchgen_cli.answers import FILE
from torchgen_cli.files import File
from torchgen_cli.render import read_tree

PROJECT = "leaf"  # the folder that every command makes or works in


@dataclass(frozen=True)
class Contender:
    """A command that is measured.

    label: what the page calls it
    start: a project that each run gets a fresh copy of and runs in; None: it runs in an empty folder
    """

    label: str
    command: tuple[str, ...]
    start: Path | None = None


@dataclass(frozen=True)
class Case:
    """Contenders that are measured in turns, ours first.

    goal: how many times the second one's processor time ours may take at most
    same: they all have to leave the same files behind
    """

    name: str
    title: str
    contenders: tuple[Contender, ...]
    goal: float | None = None
    same: bool = False


@dataclass(frozen=True)
class Sample:
    """cpu, wall: seconds"""

    cpu: float
    wall: float
    files: Mapping[str, File]


def run_case(
    case: Case, pairs: int, warm_up: int, environment: Mapping[str, str]
) -> list[list[Sample]]:
    """The samples of each contender. They take turns, and the turns rotate: none is always first."""
    samples: list[list[Sample]] = [[] for _ in case.contenders]
    for turn in range(-warm_up, pairs):
        taken = {}
        for place in range(len(case.contenders)):
            number = (place + turn) % len(case.contenders)
            taken[number] = run(case.contenders[number], environment)
        if case.same:
            refuse_difference(case, [taken[number].files for number in sorted(taken)])
        if turn >= 0:
            for number, sample in taken.items():
                samples[number].append(sample)
    return samples


def run(contender: Contender, environment: Mapping[str, str]) -> Sample:
    """One run in a folder of its own, in a process that shares nothing with the one before."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        work = Path(folder)
        project = work / PROJECT
        if contender.start:
            shutil.copytree(contender.start, project, symlinks=True)
        cpu, wall = seconds(contender.command, project if contender.start else work, environment)
        return Sample(cpu, wall, files_of(project))


def seconds(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[float, float]:
    """Seconds of the processor, user and system, with all children; and seconds of the clock."""
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            reason = said.read().decode(errors="replace")
            raise RuntimeError(f"{' '.join(command)} failed ({process.returncode}):\n{reason}")
    return usage.ru_utime + usage.ru_stime, wall


def files_of(project: Path) -> dict[str, File]:
    """What a command left behind, without the repository, the journal and what names the template."""
    return {
        path: file
        for path, file in read_tree(project).items()
        if path.partition("/")[0] not in (".git", ".torchgen", FILE)
    }


def refuse_difference(case: Case, trees: Sequence[Mapping[str, File]]) -> None:
    """Times of two programs mean something only if both did the same."""
    ours = trees[0]
    for contender, theirs in zip(case.contenders[1:], trees[1:], strict=True):
        paths = sorted({*ours, *theirs})
        if differing := [path for path in paths if ours.get(path) != theirs.get(path)]:
            shown = ", ".join(differing[:5])
            raise RuntimeError(f"{case.name}: {contender.label} leaves other files: {shown}")


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The first, the median, the third."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    first, median, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, median, third
