"""Writes a folder of generated projects to be tried on a machine with a GPU.

    python -m benchmarks.cuda.prepare FOLDER                  every pair of choices is in one of some sixty projects
    python -m benchmarks.cuda.prepare FOLDER --python 3.12    ... with what they need for that Python, on Linux

Take the folder there and call `python smoke.py` in it: that machine needs Python, torch, numpy and pytest, and no network.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.project import write_project
from tests.covering import KINDS, covering_set, valid_combinations

from torchgen_cli.catalogue import Catalogue

PACKAGES = ["matplotlib", "pillow", "tqdm"]  # what generated projects need besides torch and numpy
PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Write generated projects to be tried on a GPU.")
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--python", metavar="X.Y", help="bring packages for this Python on Linux")
    parser.add_argument("--projects", type=int, help="only the first so many")
    arguments = parser.parse_args()
    if arguments.folder.exists():
        parser.error(f"{arguments.folder} exists already; name a new folder")
    write_projects(arguments.folder, arguments.projects)
    shutil.copy(Path(__file__).with_name("smoke.py"), arguments.folder)
    if arguments.python:
        bring_packages(arguments.folder / "packages", arguments.python)
    print(f"Written: {arguments.folder}. There: python smoke.py")


def write_projects(folder: Path, count: int | None = None) -> None:
    """A project for each combination of the covering set; each is named by what it is made of."""
    for combination in covering_set(list(valid_combinations(Catalogue())))[:count]:
        choices = dict(zip(KINDS, combination, strict=True))
        write_project(folder / "-".join(combination), project="sample", **choices)


def bring_packages(folder: Path, python: str) -> None:
    """Wheels for another machine, unpacked; numpy stays that machine's own, which its torch knows."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    command += ["--target", str(folder), "--only-binary=:all:", f"--python-version={python}"]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    subprocess.run([*command, *PACKAGES], check=True)
    for numpy in folder.glob("numpy*"):
        shutil.rmtree(numpy)


if __name__ == "__main__":
    main()
