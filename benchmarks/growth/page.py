"""Writes docs/benchmarks-growth.md and its charts from the newest results.

python -m benchmarks.growth.page
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import jinja2
from benchmarks.growth.chart import Curve, curves
from benchmarks.growth.series import FIRST
from benchmarks.tool.environments import ROOT
from benchmarks.tool.record import newest

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TEXT = HERE / "page.md.jinja"
PAGE, CHART = "benchmarks-growth.md", "benchmarks-growth.svg"
COMMAND = "make bench-growth"
LABELS = {
    "step_microseconds": "microseconds a step",
    "start_seconds": "seconds",
}
APART = 8  # times: between nearer sizes noise would be taken for growth
LINEAR = (
    1.15  # an exponent up to here is linear: at so many times the size a third of the cost is noise
)

Measured = Mapping[str, Any]  # the results or a part of them, as run.py writes them


def main() -> None:
    write()


def write(results: Path = RESULTS, docs: Path = ROOT / "docs") -> None:
    for name, text in pages(newest(results, COMMAND)).items():
        (docs / name).write_text(text, encoding="utf-8")
        print(f"Written: {docs.name}/{name}")


def pages(results: Measured) -> dict[str, str]:
    """What is written, by its file's name; the same results give the same text."""
    environment = jinja2.Environment(
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.globals.update(table=table, verdict=verdict)
    series = {one["name"]: one for one in results["series"]}
    text = environment.from_string(TEXT.read_text(encoding="utf-8"))
    drawn = [curve(one) for one in results["series"] if all(p["size"] for p in one["points"])]
    return {PAGE: text.render({**results, "series": series, "first": FIRST}), CHART: curves(drawn)}


def table(series: Measured) -> str:
    lines = [
        f"| {series['size']} | a step, us | times the one before | until the first step, s | peak, MiB |",
        "|---|---|---|---|---|",
    ]
    before = None
    for point in series["points"]:
        step = min(point["step_microseconds"])
        times = "" if before is None else f"{step / before:.2f}"
        start, peak = min(point["start_seconds"]), min(point["peak_mebibytes"])
        lines.append(f"| {point['size']:,} | {step:,.0f} | {times} | {start:.1f} | {peak:,.0f} |")
        before = step
    return "\n".join(lines)


def steepest(series: Measured) -> float:
    """The largest exponent e of cost ~ size ** e between sizes that are at least so many times apart."""
    costs = [(point["size"], min(point[series["figure"]])) for point in series["points"]]
    return max(
        math.log(after[1] / before[1]) / math.log(after[0] / before[0])
        for before, after in combinations(costs, 2)
        if after[0] >= APART * before[0]
    )


def verdict(series: Measured) -> str:
    """Whether the cost grows no faster than the size."""
    found = steepest(series)
    if found <= LINEAR:
        return f"Between sizes at least {APART} times apart, the cost grows at most as the size to the power of {max(found, 0):.2f}: not worse than linear."
    return f"Between sizes at least {APART} times apart, the cost grows as the size to the power of up to {found:.2f}: **worse than linear**."


def curve(series: Measured) -> Curve:
    figures: Sequence[Sequence[float]] = [point[series["figure"]] for point in series["points"]]
    return Curve(
        series["title"],
        series["size"],
        LABELS[series["figure"]],
        [point["size"] for point in series["points"]],
        [min(figure) for figure in figures],
        [max(figure) for figure in figures],
    )


if __name__ == "__main__":
    main()
