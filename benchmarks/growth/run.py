"""Measures how the cost of a generated training grows with its work.

    python -m benchmarks.growth.run               ten minutes; writes results/VERSION.json and the page
    python -m benchmarks.growth.run --rounds 1    a first look

Needs Linux or macOS, and for the largest set 2.6 GB of disk and twice as much memory.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.growth import page
from benchmarks.growth.measure import Sample, measure, prepare, write_pixels
from benchmarks.growth.series import SERIES, Point, Series
from benchmarks.tool.record import as_text, machine

import torchgen_cli

FIGURES = ("step_microseconds", "start_seconds", "peak_mebibytes")


def main() -> None:
    arguments = parsed()
    series = [replaced(one, arguments.most) for one in SERIES]
    results: dict[str, Any] = {
        "torchgen": torchgen_cli.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {key: value for key, value in machine().items() if key != "git"},
        "versions": {"torch": version("torch")},
        "rounds": arguments.rounds,
        "series": measured(series, arguments.rounds),
    }
    file = arguments.results / f"{torchgen_cli.__version__}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(as_text(results), encoding="utf-8")
    print(f"Written: {os.path.relpath(file)}")
    if arguments.results == page.RESULTS:
        page.write()


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each point trains")
    parser.add_argument("--most", type=int, default=10**9, help="the largest size of all series")
    parser.add_argument("--results", type=Path, default=page.RESULTS, help="for the JSON")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds is 1 or more")
    return arguments


def replaced(series: Series, most: int) -> Series:
    """The series up to a size."""
    points = tuple(point for point in series.points if point.size <= most)
    return Series(series.name, series.title, series.size, series.figure, points)


def measured(series: Sequence[Series], rounds: int) -> list[dict[str, Any]]:
    """Every point in every round; points that two series share are measured once."""
    points = {key(point): point for one in series for point in one.points}
    taken: dict[str, list[Sample]] = {name: [] for name in points}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        project = prepare(Path(name) / "project")
        most = max(point.samples for point in points.values() if point.kept != "decoded")
        pixels = write_pixels(Path(name) / "pixels.bin", most)
        for turn in range(rounds):
            print(f"Round {turn + 1} of {rounds}, {len(points)} trainings ...", flush=True)
            for name, point in points.items():
                taken[name].append(measure(point, project, pixels))
    return [recorded(one, taken) for one in series]


def key(point: Point) -> str:
    """The same for points that are trained alike."""
    return json.dumps({**asdict(point), "size": None})


def recorded(series: Series, taken: dict[str, list[Sample]]) -> dict[str, Any]:
    points = [
        {"size": point.size}
        | {
            figure: [float(f"{getattr(sample, figure):.4g}") for sample in taken[key(point)]]
            for figure in FIGURES
        }
        for point in series.points
    ]
    return {
        "name": series.name,
        "title": series.title,
        "size": series.size,
        "figure": series.figure,
        "points": points,
    }


if __name__ == "__main__":
    main()
