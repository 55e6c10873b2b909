"""What grows, and from what to what: each point is one training of the small MLP on made-up samples of 64 numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FIRST = 20  # steps that are not counted


@dataclass(frozen=True)
class Point:
    """One training.

    size: of what grows
    kept: where its samples are: read into "memory", "mapped" from a file, or "decoded" one by one
    settings: of the config, on the command line
    """

    size: int
    kept: str = "memory"
    samples: int = 10_000
    steps: int = 1_000
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """Points that differ in the size of one thing.

    figure: what is expected to stay or to grow: "step_microseconds" or "start_seconds"
    """

    name: str
    title: str
    size: str
    figure: str
    points: tuple[Point, ...]


def of_samples(kept: str) -> tuple[Point, ...]:
    return tuple(Point(count, kept, count) for count in SAMPLES)


def parameters(width: int) -> int:
    """Of an MLP of 64 inputs, two hidden layers of this width and 10 outputs."""
    return 65 * width + (width + 1) * width + 10 * (width + 1)


STEP, START = "step_microseconds", "start_seconds"
SAMPLES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
PARTS = Point(0, samples=100_000, steps=100)
WIDTH = Point(0, samples=100_000, steps=100)
DECODED = Point(0, "decoded", samples=2_000, steps=150)
SERIES = (
    Series("memory", "Samples in memory", "samples", STEP, of_samples("memory")),
    Series("mapped", "Samples mapped from a file", "samples", STEP, of_samples("mapped")),
    Series("start", "Until the first step", "samples in memory", START, of_samples("memory")),
    Series(
        "parts",
        "A batch in parts",
        "parts of 512 samples",
        STEP,
        tuple(
            replace(PARTS, size=count, settings={"batch_size": 512, "micro_batches": count})
            for count in (1, 2, 4, 8, 16, 32, 64)
        ),
    ),
    Series(
        "parameters",
        "Parameters",
        "parameters",
        STEP,
        tuple(
            replace(WIDTH, size=parameters(width), settings={"model.width": width})
            for width in (64, 128, 256, 512, 1024, 2048, 4096)
        ),
    ),
    Series(
        "workers",
        "Samples that are decoded",
        "processes that decode",
        STEP,
        tuple(replace(DECODED, size=count, settings={"workers": count}) for count in (0, 1, 2)),
    ),
)
