"""The results as a page: a table for each work, and whether the goals are met."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from .processes import BARE, OURS, SCRIPTS
from .works import WORKS, GpuWork

LEAST_RATIO = 0.97  # of the speed of the bare loop, the goal
HEAD = "| side | {unit}/s | times the bare loop | MFU | memory, GiB |\n|---|---|---|---|---|\n"


def page(results: dict[str, Any]) -> str:
    """Markdown."""
    works = {work.name: work for work in WORKS}
    head = f"{results['date']}: {results.get('device', 'no device yet')}, {results.get('versions', '')}."
    if results["tiny"]:
        head += " Tiny works, to see that it runs: the figures say nothing."
    parts = [section(works[found["name"]], found, results["tiny"]) for found in results["works"]]
    return "\n\n".join([head, *parts]) + "\n"


def section(work: GpuWork, found: dict[str, Any], tiny: bool) -> str:
    """One work."""
    lines = [f"## {work.title}", ""]
    if found["rounds"]:
        step, rounds = found["step"], found["rounds"]
        lines += [circumstances(step, rounds), ""]
        rows = [row(side, step, rounds) for side in SCRIPTS if side in rounds[0]["sides"]]
        lines += [HEAD.format(unit=work.unit) + "\n".join(rows), ""]
        if tiny:
            lines.append(f"In full it is {size(found['in_full'])}.")
        else:
            lines += [f"- {goal}" for goal in goals(work, step, rounds)]
    if found["failed"]:
        lines.append(f"Failed: {found['failed']}")
    return "\n".join(lines).rstrip()


def circumstances(step: dict[str, Any], rounds: Sequence[dict[str, Any]]) -> str:
    """What was done, in words."""
    run = rounds[0]["sides"][BARE]
    rate = median(taken["matmul_rate"] for taken in rounds)
    apart = max(run["loss_difference"] for taken in rounds for run in taken["sides"].values())
    return (
        f"{size(step)}. Rounds: {len(rounds)}, of {run['steps']} steps that are measured. "
        f"The device multiplies matrices at {rate / 1e12:.3g} TFLOP/s. Losses differ by at most {apart:.0e}."
    )


def size(step: dict[str, Any]) -> str:
    """How large a step is, and how it is computed."""
    how = f"{step['precision']}{', compiled' if step['compiled'] else ''}"
    return (
        f"{step['parameters'] / 1e6:.2f}M parameters, batches of {step['batch_size']}, {how}, "
        f"{step['flops'] / 1e12:.3g} TFLOP a step"
    )


def row(side: str, step: dict[str, Any], rounds: Sequence[dict[str, Any]]) -> str:
    """A line of the table: medians, and the quartiles of the ratio."""
    speed = median(speeds(side, step["units"], rounds))
    memory = max(taken["sides"][side]["peak_bytes"] for taken in rounds) / 2**30
    used = median(utilisations(side, step, rounds))
    return f"| {side} | {speed:,.0f} | {spread(ratios(side, rounds))} | {used:.1%} | {memory:.2f} |"


def speeds(side: str, units: int, rounds: Sequence[dict[str, Any]]) -> list[float]:
    """So many of these a second, for each round; `units` are in a step."""
    runs = [taken["sides"][side] for taken in rounds]
    return [units * run["steps"] / run["seconds"] for run in runs]


def ratios(side: str, rounds: Sequence[dict[str, Any]]) -> list[float]:
    """The speed beside the bare loop's of the same round."""
    return [
        one / other
        for one, other in zip(speeds(side, 1, rounds), speeds(BARE, 1, rounds), strict=True)
    ]


def utilisations(side: str, step: dict[str, Any], rounds: Sequence[dict[str, Any]]) -> list[float]:
    """The model's FLOPs a second, of those that the device reached in multiplying matrices in the same round."""
    rates = [taken["matmul_rate"] for taken in rounds]
    used = speeds(side, step["flops"], rounds)
    return [one / rate for one, rate in zip(used, rates, strict=True)]


def spread(values: Sequence[float]) -> str:
    """The median and the quartiles."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def goals(work: GpuWork, step: dict[str, Any], rounds: Sequence[dict[str, Any]]) -> list[str]:
    """Each goal with what was measured."""
    ratio = median(ratios(OURS, rounds))
    told = [
        f"Goal: at least {LEAST_RATIO} times the bare loop. Measured: {ratio:.3f}, {verdict(ratio >= LEAST_RATIO)}."
    ]
    if work.least_utilisation is not None:
        used = median(utilisations(OURS, step, rounds))
        told.append(
            f"Goal: an MFU of at least {work.least_utilisation:.0%}. Measured: {used:.1%}, {verdict(used >= work.least_utilisation)}."
        )
    return told


def verdict(met: bool) -> str:
    return "met" if met else "**not met**"
