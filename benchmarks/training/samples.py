"""From the moments of the steps to what the results hold of a work."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from benchmarks.training.rounds import FIRST, Run, difference
from benchmarks.training.sides import BARE, Side
from benchmarks.training.works import TrainingWork


def recorded(work: TrainingWork, taken: Mapping[Side, Sequence[Run]]) -> dict[str, Any]:
    """A number a round for each side."""
    bare = next(runs for side, runs in taken.items() if side.name == BARE)
    reference = bare[0].losses
    return {
        "name": work.name,
        "title": work.title,
        "steps": work.steps,
        "steps_per_epoch": work.steps_per_epoch,
        "evaluate_steps": work.evaluate_steps,
        "sides": [
            {
                "name": side.name,
                "label": side.label,
                "remark": side.remark,
                "loss_difference": max(difference(run.losses, reference) for run in runs),
                **{key: [rounded(value(run, work)) for run in runs] for key, value in FIGURES.items()},
            }
            for side, runs in taken.items()
        ],
    }  # fmt: skip


def rounded(number: float) -> float:
    return float(f"{number:.5g}")


def step_microseconds(moments: Sequence[float], work: TrainingWork) -> float:
    """The mean step, with what is logged, without the turn from one epoch to the next."""
    taken = [
        later - earlier
        for step, (earlier, later) in enumerate(pairwise(moments), start=1)
        if step > FIRST and step % work.steps_per_epoch
    ]
    return 1e6 * fmean(taken)


def whole_microseconds(moments: Sequence[float]) -> float:
    """A step's share of the whole run: epochs, evaluations and checkpoints included."""
    return 1e6 * (moments[-1] - moments[FIRST]) / (len(moments) - 1 - FIRST)


FIGURES = {
    "step_cpu": lambda run, work: step_microseconds(run.cpu, work),
    "step_wall": lambda run, work: step_microseconds(run.wall, work),
    "whole_cpu": lambda run, work: whole_microseconds(run.cpu),
    "whole_wall": lambda run, work: whole_microseconds(run.wall),
    "start_cpu": lambda run, work: run.cpu[0],
    "start_wall": lambda run, work: run.wall[0],
    "peak_mebibytes": lambda run, work: run.peak_bytes / 2**20,
}
