"""Measures how fast generated projects train on a GPU: `python -m throughput`, in the folder that prepare.py wrote.

    python -m throughput                       both works, five rounds: some twenty minutes
    python -m throughput --work resnet --rounds 3
    python -m throughput --tiny                on a CPU, in seconds: whether it works; its figures say nothing

Needs Python, torch and numpy; what else the projects need lies beside this folder. In each round the project and a bare loop that is tuned
by hand train in new processes, in turn. Writes results.md and results.json after each round, and ends with 1 if anything failed.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .page import page
from .processes import (
    AGAIN,
    BARE,
    SCRIPTS,
    TOLERANCE,
    OtherWorkError,
    refuse_other_work,
    train,
    utilisation,
)
from .works import MEASURED, TINY, WORKS, GpuWork

HERE = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m throughput", description="Measure training on a GPU."
    )
    parser.add_argument("--work", choices=[work.name for work in WORKS], help="only this one")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side trains")
    parser.add_argument("--tiny", action="store_true", help="on a CPU, in seconds, to try it")
    parser.add_argument("--results", type=Path, default=HERE, help="where results.md is written")
    options = parser.parse_args()
    if not options.tiny and not has_gpu():
        parser.error("there is no GPU here; --tiny tries it on a CPU")
    options.results.mkdir(parents=True, exist_ok=True)
    works = [work for work in WORKS if options.work in (None, work.name)]
    results: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "tiny": options.tiny,
        "works": [],
    }
    for work in works:
        results["works"].append({"name": work.name, "rounds": [], "failed": ""})
        try:
            measure(work, options, results)
        except (OtherWorkError, RuntimeError) as error:
            results["works"][-1]["failed"] = str(error)
            print(f"{work.title}: {error}", file=sys.stderr)
        write(results, options.results)
    print(page(results))
    sys.exit(any(work["failed"] for work in results["works"]))


def has_gpu() -> bool:
    import torch  # takes seconds, and nothing else here needs it

    return torch.cuda.is_available()


def measure(work: GpuWork, options: argparse.Namespace, results: dict[str, Any]) -> None:
    """All rounds of a work; each begins with another side.

    Raises:
        OtherWorkError: a side computes something else than the bare loop
        RuntimeError: a side fails
    """
    project, config = HERE / work.name, TINY if options.tiny else MEASURED
    found = results["works"][-1]
    sides = [side for side in SCRIPTS if side != AGAIN or not options.tiny]
    for number in range(options.rounds):
        facts = utilisation(
            project, 256 if options.tiny else 8192, *dict.fromkeys([config, MEASURED])
        )
        results |= {"device": facts["device"], "versions": facts["versions"]}
        found |= {"step": facts["steps"][config], "in_full": facts["steps"][MEASURED]}
        tolerance = TOLERANCE[found["step"]["precision"]]
        turn = number % len(sides)
        runs = {side: train(side, project, config) for side in sides[turn:] + sides[:turn]}
        reference = runs[BARE]["losses"]
        for side, run in runs.items():
            run["loss_difference"] = refuse_other_work(side, run["losses"], reference, tolerance)
        found["rounds"].append({"matmul_rate": facts["matmul_rate"], "sides": runs})
        print(f"{work.title}: round {number + 1} of {options.rounds}")
        write(results, options.results)


def write(results: dict[str, Any], folder: Path) -> None:
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
