"""Measures torchgen against plain copier, a bare Typer program and other scaffolding programs.

    python benchmarks/tool/run.py               a few minutes; writes results/VERSION.json and docs/benchmarks.md
    python benchmarks/tool/run.py --pairs 3     a first look

Every program gets a virtual environment of its own in build/benchmarks, with its newest version from PyPI;
what cannot be installed is left out, and the page says so. Needs Linux or macOS, and git.
"""

import argparse
import os
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import page
from cases import Cases
from environments import (
    ROOT,
    Installed,
    NotInstalledError,
    copied,
    environment,
    installed,
    versions,
    without_python_path,
)
from imports import seconds_by_package
from measure import Case, Sample, run, run_case
from peers import PEERS, contender, write_cookiecutter_template
from record import as_text, machine
from two_versions import pair

import torchgen_cli

ENVIRONMENTS = ROOT / "build" / "benchmarks"
DISTRIBUTIONS = ("copier", "jinja2", "pydantic", "questionary", "rich", "typer")


def main() -> None:
    arguments = parsed()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        print("Installing torchgen ...", flush=True)
        torchgen = copied(folder) if arguments.here else installed(ENVIRONMENTS / "torchgen")
        results = measured(torchgen, folder, arguments)
    file = arguments.results / f"{torchgen_cli.__version__}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(as_text(results), encoding="utf-8")
    print(f"Written: {os.path.relpath(file)}")
    if not arguments.here:
        page.write()


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=15, help="how often each command is run")
    parser.add_argument("--warm-up", type=int, default=1, help="runs before, not counted")
    parser.add_argument("--no-peers", action="store_true", help="leave the other programs out")
    parser.add_argument(
        "--here",
        action="store_true",
        help="measure what this Python has: nothing is installed, and no page is written",
    )
    results = Path(__file__).parent / "results"
    parser.add_argument("--results", type=Path, default=results, help="the folder for the JSON")
    arguments = parser.parse_args()
    if arguments.pairs < 1 or arguments.warm_up < 0:
        parser.error("--pairs is 1 or more, --warm-up 0 or more")
    return arguments


def measured(torchgen: Installed, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """All that is known in the end."""
    surroundings = environment(torchgen, folder / "home")
    two = pair(torchgen)
    work = folder / "work"
    work.mkdir()
    cases = Cases(torchgen, two, work)
    found = []
    for case in cases.all():
        print(f"{case.title} ...", flush=True)
        samples = run_case(case, arguments.pairs, arguments.warm_up, surroundings)
        found.append(recorded(case, samples))
    skipped: dict[str, str] = {}
    known = versions(torchgen.python, DISTRIBUTIONS, torchgen.path)
    if not arguments.no_peers:
        case, theirs = peers(cases, surroundings, folder / "template", skipped)
        known |= theirs
        outside = without_python_path(surroundings)
        samples = run_case(case, arguments.pairs, arguments.warm_up, outside)
        found.append(recorded(case, samples))
    return {
        "torchgen": torchgen_cli.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": known,
        "update": {"from": two.before.version, "to": two.after, "made_up": two.made_up},
        "cases": found,
        "skipped": skipped,
        "imports": seconds_by_package(torchgen, surroundings),
    }


def peers(
    cases: Cases, surroundings: Mapping[str, str], folder: Path, skipped: dict[str, str]
) -> tuple[Case, dict[str, str]]:
    """The other programs beside ours, and their versions; those that cannot be had go to `skipped`."""
    ours = cases.new_project()
    template = write_cookiecutter_template(folder, run(ours, surroundings).files)
    contenders, known = [ours], {}
    for peer in PEERS:
        print(f"Installing {peer.distribution} ...", flush=True)
        try:
            their, known[peer.distribution] = contender(peer, ENVIRONMENTS, template)
            run(their, without_python_path(surroundings))
        except (NotInstalledError, RuntimeError) as problem:
            skipped[peer.distribution] = str(problem).strip().splitlines()[-1]
            print(f"  left out: {skipped[peer.distribution]}")
        else:
            contenders.append(their)
    print("Other programs ...", flush=True)
    return Case("peers", "Other programs", tuple(contenders)), known


def recorded(case: Case, samples: list[list[Sample]]) -> dict[str, Any]:
    """One case as the results hold it: every sample."""
    return {
        "name": case.name,
        "title": case.title,
        "goal": case.goal,
        "contenders": [
            {
                "label": contender.label,
                "files": len(taken[0].files),
                "cpu": [round(sample.cpu, 4) for sample in taken],
                "wall": [round(sample.wall, 4) for sample in taken],
            }
            for contender, taken in zip(case.contenders, samples, strict=True)
        ],
    }


if __name__ == "__main__":
    main()
