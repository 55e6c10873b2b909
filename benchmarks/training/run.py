"""Measures the generated training loop beside a bare one and beside other libraries.

    python -m benchmarks.training.run               an hour; writes results/VERSION.json and the page
    python -m benchmarks.training.run --rounds 1    a first look

Every library gets a virtual environment of its own in build/benchmarks/training; what cannot be installed, or does not compute the
same losses, is left out, and the page says so. Needs Linux or macOS.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.tool.environments import ROOT
from benchmarks.tool.record import as_text, machine
from benchmarks.training import page
from benchmarks.training.pythons import Pythons, here, installed, versions
from benchmarks.training.rounds import TURN, Run, run
from benchmarks.training.samples import recorded
from benchmarks.training.sides import KEPT, PEERS, Side
from benchmarks.training.works import WORKS, TrainingWork, prepare

import torchgen_cli

ENVIRONMENTS = ROOT / "build" / "benchmarks" / "training"


def main() -> None:
    arguments = parsed()
    skipped: dict[str, str] = {}
    sides = KEPT if arguments.no_peers else (*KEPT, *PEERS)
    pythons = here(sides) if arguments.here else installed(sides, arguments.environments, skipped)
    results: dict[str, Any] = {
        "torchgen": torchgen_cli.__version__,
        "date": now(),
        "versions": versions(pythons),
        "note": arguments.note,
        "works": [],
        "skipped": skipped,
    }
    file = arguments.results / f"{torchgen_cli.__version__}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    if arguments.work and file.exists():  # what is measured anew takes the place of what was
        before = json.loads(file.read_text(encoding="utf-8"))
        results["works"] = [work for work in before["works"] if work["name"] != arguments.work]
        results["skipped"] = skipped = before["skipped"] | skipped
        results["versions"] = before["versions"] | results["versions"]
    for work in WORKS:
        if arguments.work in (None, work.name):
            found = measured(work, sides, pythons, arguments.rounds, skipped)
            results["works"].append(circumstances() | found)
            results["works"].sort(key=lambda one: [work.name for work in WORKS].index(one["name"]))
            file.write_text(as_text(results), encoding="utf-8")
            print(f"Written: {os.path.relpath(file)}")
    if not arguments.here:
        page.write()


def circumstances() -> dict[str, Any]:
    """Of each work: it may be measured anew on another machine than the others."""
    return {
        "date": now(),
        "machine": {key: value for key, value in machine().items() if key != "git"},
        "turn": TURN,
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, help="how often each side trains, on every work")
    parser.add_argument("--work", choices=[work.name for work in WORKS], help="only this one")
    parser.add_argument("--no-peers", action="store_true", help="leave the other libraries out")
    parser.add_argument("--note", default="", help="what the page should say of the circumstances")
    parser.add_argument(
        "--here",
        action="store_true",
        help="measure what this Python has: nothing is installed, and no page is written",
    )
    folder = Path(__file__).parent
    parser.add_argument("--results", type=Path, default=folder / "results", help="for the JSON")
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS, help="to install into")
    arguments = parser.parse_args()
    if arguments.rounds == 0:
        parser.error("--rounds is 1 or more")
    return arguments


def measured(
    work: TrainingWork,
    sides: Sequence[Side],
    pythons: Pythons,
    rounds: int | None,
    skipped: dict[str, str],
) -> dict[str, Any]:
    """Every side's rounds of one work; each begins with another side."""
    taken: dict[Side, list[Run]] = {side: [] for side in sides if side.name in pythons}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        project = prepare(Path(name) / "project", work)
        for turn in range(rounds or work.rounds):
            print(f"{work.title}, round {turn + 1} ...", flush=True)
            order = [*taken]
            first = turn % len(order)
            runs, problems = run(order[first:] + order[:first], work, pythons, project)
            for side, problem in problems.items():
                skipped[f"{side.label}: {work.title}"] = problem.splitlines()[-1]
                print(f"  {side.label} is left out: {problem}")
                del taken[side]
            for side in taken:
                taken[side].append(runs[side])
    return recorded(work, taken)


if __name__ == "__main__":
    main()
