"""Writes docs/benchmarks-training.md and its chart from the newest results.

python -m benchmarks.training.page
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import jinja2
from benchmarks.tool.chart import Bar, bars
from benchmarks.tool.environments import ROOT
from benchmarks.tool.measure import quartiles
from benchmarks.tool.record import newest
from benchmarks.training.ratios import Measured, by_name, largest_noise, noise, over, ratios, spread
from benchmarks.training.rounds import COMPARED
from benchmarks.training.sides import BARE, OURS, TOLERANCE

HERE = Path(__file__).parent
TEXT = HERE / "page.md.jinja"
PAGE, CHART = "benchmarks-training.md", "benchmarks-training.svg"
GOAL = 1.05  # times the bare loop, where the loop and not the model takes the time
LIGHTNING, TIMES_LIGHTNING = "lightning_ordinary", 6  # as quick as it, there
NOISE = 0.1  # as a share; above it the bare loop's own runs are too different to decide anything
COMMAND = "make bench-training"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=HERE / "results", help="what to read")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where to write")
    arguments = parser.parse_args()
    write(arguments.results, arguments.docs)


def write(results: Path = HERE / "results", docs: Path = ROOT / "docs") -> None:
    for name, text in pages(newest(results, COMMAND)).items():
        (docs / name).write_text(text, encoding="utf-8")
        print(f"Written: {docs.name}/{name}")


def pages(results: Measured) -> dict[str, str]:
    """What is written, by its file's name; the same results give the same text."""
    environment = jinja2.Environment(
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.globals.update(
        table=table,
        noise=noise,
        largest_noise=largest_noise,
        goal=goal,
        goal_beside_lightning=goal_beside_lightning,
        quicker=quicker,
        differences=differences,
        remarks=remarks(results),
    )
    text = environment.from_string(TEXT.read_text(encoding="utf-8")).render(
        {**results, "compared": COMPARED, "tolerance": TOLERANCE}
    )
    groups = [[bar(work, side) for side in ordered(work)] for work in results["works"][:1]]
    title = f"{results['works'][0]['title']}: time of a step, as times that of the bare loop (shorter is better)"
    return {PAGE: text, CHART: bars(title, groups)}


def ordered(work: Measured) -> list[Measured]:
    """Ours first, then the quickest."""
    ours = by_name(work)[OURS]
    others = [side for side in work["sides"] if side is not ours]
    return [ours, *sorted(others, key=lambda side: median(ratios(work, side)))]


def table(work: Measured) -> str:
    lines = [
        "| side | a step, us | over the bare loop, us | times the bare loop | by the clock | whole run, times | start, s | peak, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for side in ordered(work):
        is_bare = side["name"] == BARE
        step, start = median(side["step_cpu"]), median(side["start_wall"])
        compared = [
            f"{over(work, side):+,.0f}",
            spread(ratios(work, side)),
            f"{median(ratios(work, side, 'step_wall')):.2f}",
            f"{median(ratios(work, side, 'whole_cpu')):.2f}",
        ]
        cells = [side["label"], f"{step:,.0f}", *([""] * 4 if is_bare else compared)]
        lines.append(
            f"| {' | '.join(cells)} | {start:.1f} | {median(side['peak_mebibytes']):.0f} |"
        )
    return "\n".join(lines)


def bar(work: Measured, side: Measured) -> Bar:
    return Bar(side["label"], *quartiles(ratios(work, side)))


def goal(work: Measured) -> str:
    """Whether ours is as near to the bare loop as it should be."""
    reached, limit = median(ratios(work, by_name(work)[OURS])), GOAL
    if work["name"] != "mlp":
        if (unsure := noise(work)) > NOISE:
            return f"Goal: not above the bare loop. Measured: {reached:.2f} times, which decides nothing at a noise of {100 * unsure:.0f} %."
        limit = 1 + unsure
        named = f"not above the bare loop beyond its noise, {limit:.3f} times"
    else:
        named = f"at most {limit:.2f} times the bare loop"
    verdict = "met" if reached <= limit else "**not met**"
    return f"Goal: {named}. Measured: {reached:.3f} times, {verdict}."


def goal_beside_lightning(work: Measured) -> str:
    """Whether ours is as much quicker as it should be where the loop takes the time, and whether the bare loop is."""
    if work["name"] != "mlp" or LIGHTNING not in by_name(work):
        return ""
    theirs = by_name(work)[LIGHTNING]
    pairs = zip(ratios(work, theirs), ratios(work, by_name(work)[OURS]), strict=True)
    reached, limit = median(their / our for their, our in pairs), median(ratios(work, theirs))
    verdict = "met" if reached >= TIMES_LIGHTNING else "**not met**"
    within = limit >= TIMES_LIGHTNING
    beyond = "" if within else ", so it does not reach that either"
    return (
        f"Goal: {TIMES_LIGHTNING} times as quick as Lightning in ordinary use. Measured: {reached:.1f} times, {verdict}; "
        f"the bare loop is {limit:.1f} times as quick{beyond}."
    )


def quicker(works: Sequence[Measured]) -> Iterator[str]:
    """A sentence for each side that is quicker than ours."""
    for work in works:
        ours = by_name(work)[OURS]["step_cpu"]
        for side in ordered(work)[1:]:
            pairs = zip(side["step_cpu"], ours, strict=True)
            if (times := median(theirs / our for theirs, our in pairs)) < 1:
                beyond = "" if 1 - times > noise(work) else ", which is within the noise"
                yield f"{work['title']}: {side['label']} takes {times:.2f} times the time of torchgen's step{beyond}."


def differences(works: Sequence[Measured]) -> str:
    """How far the compared losses were from those of the bare loop: those that were further than the usual, and all others."""
    largest: dict[str, float] = {}
    for work in works:
        for side in work["sides"]:
            known = largest.get(side["label"], 0.0)
            largest[side["label"]] = max(known, side["loss_difference"])
    far = {label: found for label, found in largest.items() if found > TOLERANCE}
    others = max(found for label, found in largest.items() if label not in far)
    named = [f"{label} {found:.0e}" for label, found in far.items()]
    return "; ".join([*named, f"all others at most {others:.0e}"])


def remarks(results: Measured) -> list[str]:
    """What sides do otherwise, once each."""
    found = [side["remark"] for work in results["works"] for side in work["sides"]]
    return [*dict.fromkeys(remark for remark in found if remark)]


if __name__ == "__main__":
    main()
