"""Writes docs/benchmarks.md and its chart from the newest results.

python benchmarks/tool/page.py
"""

import argparse
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from chart import Bar, bars
from measure import quartiles
from record import newest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TEXT = HERE / "page.md.jinja"
PAGE, CHART = "benchmarks.md", "benchmarks.svg"
Measured = Mapping[str, Any]  # the results or a part of them, as run.py writes them


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=HERE / "results", help="what to read")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where to write")
    arguments = parser.parse_args()
    write(arguments.results, arguments.docs)


def write(results: Path = HERE / "results", docs: Path = ROOT / "docs") -> None:
    for name, text in pages(newest(results)).items():
        (docs / name).write_text(text, encoding="utf-8")
        print(f"Written: {docs.name}/{name}")


def pages(results: Measured) -> dict[str, str]:
    """What is written, by its file's name; the same results give the same text."""
    cases = {case["name"]: case for case in results["cases"]}
    environment = jinja2.Environment(
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    environment.globals.update(table=table, goal=goal, steps=steps, shares=shares, slower=slower)
    text = environment.from_string(TEXT.read_text(encoding="utf-8")).render(
        {**results, "cases": cases, "pairs": len(cases["new"]["contenders"][0]["cpu"])}
    )
    groups = [[bar(contender) for contender in ordered(case)] for case in compared(cases)]
    chart = bars("Seconds of the processor, in a new process (shorter is better)", groups)
    return {PAGE: text, CHART: chart}


def compared(cases: Mapping[str, Measured]) -> list[Measured]:
    """The cases but the one that takes `new` apart."""
    return [case for name, case in cases.items() if name != "steps"]


def table(case: Measured) -> str:
    lines = [
        "| command | processor, s | clock, s | times ours | files |",
        "|---|---|---|---|---|",
    ]
    ours = case["contenders"][0]
    for contender in ordered(case):
        times = "" if contender is ours else f"{ratio(ours, contender):.2f}"
        cells = [contender["label"], spread(contender["cpu"]), spread(contender["wall"]), times]
        lines.append(f"| {' | '.join(cells)} | {contender['files'] or ''} |")
    return "\n".join(lines)


def ordered(case: Measured) -> list[Measured]:
    """Ours first, then the quickest."""
    ours, *others = case["contenders"]
    return [ours, *sorted(others, key=lambda contender: statistics.median(contender["cpu"]))]


def bar(contender: Measured) -> Bar:
    return Bar(contender["label"].replace("`", ""), *quartiles(contender["cpu"]))


def spread(seconds: Sequence[float]) -> str:
    first, median, third = quartiles(seconds)
    return f"{median:.2f} ({first:.2f}-{third:.2f})"


def ratio(ours: Measured, theirs: Measured) -> float:
    """Their processor time over ours: the median over the pairs of runs."""
    pairs = zip(theirs["cpu"], ours["cpu"], strict=True)
    return statistics.median(their / our for their, our in pairs)


def goal(case: Measured, number: int) -> str:
    """Whether ours takes as little of another contender's time as it should."""
    ours, theirs = case["contenders"][0], case["contenders"][number]
    reached = ratio(theirs, ours)
    verdict = "met" if reached <= case["goal"] else "**not met**"
    return f"Goal: at most {case['goal']} times {theirs['label']}. Measured: {reached:.2f} times, {verdict}."


def steps(case: Measured) -> str:
    """What each step towards a new project adds."""
    whole, *before = case["contenders"]
    total = statistics.median(whole["cpu"])
    reached = [0.0, *(statistics.median(step["cpu"]) for step in before), total]
    lines = ["| step | processor, s | share |", "|---|---|---|"]
    labels = [*(step["label"] for step in before), "the rest: answers, checks, the plan, writing"]
    for label, start, end in zip(labels, reached[:-1], reached[1:], strict=True):
        lines.append(f"| {label} | {end - start:.2f} | {100 * (end - start) / total:.0f} % |")
    return "\n".join(lines)


def shares(imports: Mapping[str, float]) -> str:
    """The packages that take most of an import's time."""
    every = sum(imports.values())
    named = [f"{name} {100 * part / every:.0f} %" for name, part in imports.items()]
    return ", ".join(named[:8])


def slower(cases: Mapping[str, Measured]) -> Iterator[str]:
    """A sentence for each contender that is quicker than ours."""
    for case in compared(cases):
        ours = case["contenders"][0]
        for other in ordered(case)[1:]:
            if (times := ratio(ours, other)) < 1:
                yield f"{other['label']} takes {times:.2f} times the processor's time of {ours['label']}."


if __name__ == "__main__":
    main()
