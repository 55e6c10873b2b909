"""What the results say of a side in comparison: with the bare loop of the same round, and the bare loop with itself."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.tool.measure import quartiles
from benchmarks.training.sides import AGAIN, BARE

Measured = Mapping[str, Any]  # the results or a part of them, as run.py writes them


def by_name(work: Measured) -> dict[str, Measured]:
    return {side["name"]: side for side in work["sides"]}


def ratios(work: Measured, side: Measured, figure: str = "step_cpu") -> list[float]:
    """Times the bare loop, a number a round."""
    bare = by_name(work)[BARE][figure]
    return [theirs / its for theirs, its in zip(side[figure], bare, strict=True)]


def over(work: Measured, side: Measured) -> float:
    """Microseconds a step over the bare loop."""
    bare = by_name(work)[BARE]["step_cpu"]
    return median(one - other for one, other in zip(side["step_cpu"], bare, strict=True))


def spread(values: Sequence[float]) -> str:
    first, middle, third = quartiles(values)
    return f"{middle:.2f} ({first:.2f}-{third:.2f})"


def noise(work: Measured) -> float:
    """The difference of the bare loop from itself in the middle half of the rounds, as a share."""
    first, _, third = quartiles(ratios(work, by_name(work)[AGAIN]))
    return max(abs(first - 1), abs(third - 1))


def largest_noise(work: Measured) -> float:
    """The same, of the round in which it is largest."""
    return max(abs(ratio - 1) for ratio in ratios(work, by_name(work)[AGAIN]))
