"""The Python of each side: a virtual environment for each library, with the same torch in all of them."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.tool.environments import ROOT, NotInstalledError, install
from benchmarks.training.sides import PEERS, Side

CONSTRAINTS = ("--constraint", str(ROOT / "constraints.txt"))
EVERY_SIDE = ("torch", "numpy", "pillow", "tqdm")  # what the project's data and models import
Pythons = dict[str, Path]


def here(sides: Sequence[Side]) -> Pythons:
    return {side.name: Path(sys.executable) for side in sides}


def installed(sides: Sequence[Side], folder: Path, skipped: dict[str, str]) -> Pythons:
    """The Python of each side; what cannot be installed goes to `skipped`."""
    pythons: Pythons = {}
    for side in sides:
        name = side.name.rpartition("_")[0] or "bare"
        place = folder / name
        try:
            if place / "bin" / "python" not in pythons.values():
                print(f"Installing {name} ...", flush=True)
                install(place, *EVERY_SIDE, *side.requirements, *CONSTRAINTS)
        except NotInstalledError as problem:
            skipped[side.label] = str(problem)
            print(f"  left out: {problem}")
        else:
            pythons[side.name] = place / "bin" / "python"
    return pythons


def versions(pythons: Pythons) -> dict[str, str]:
    """Of torch and of the libraries."""
    found: dict[str, str] = {}
    names = {requirement.partition("[")[0] for side in PEERS for requirement in side.requirements}
    code = f"""
from importlib.metadata import PackageNotFoundError, version
for name in {sorted({"torch", *names})!r}:
    try:
        print(name, version(name))
    except PackageNotFoundError:
        pass
"""
    for python in dict.fromkeys(pythons.values()):
        command = [str(python), "-c", code]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found |= dict(line.split() for line in said.splitlines())
    return dict(sorted(found.items()))
