"""Writes a folder with which the speed of generated projects is measured on a machine with a GPU.

    python -m benchmarks.gpu.prepare FOLDER                  two projects, and what measures them
    python -m benchmarks.gpu.prepare FOLDER --python 3.12    ... with what they need for that Python, on Linux

Take the folder there and call `python -m throughput` in it: that machine needs Python, torch and numpy, and no network.
"""

import argparse
import shutil
from pathlib import Path

from benchmarks.cuda.prepare import bring_packages
from benchmarks.gpu.throughput.works import WORKS
from benchmarks.project import write_project

HERE = Path(__file__).parent
PROJECT = "leaf"
NO_CACHES = shutil.ignore_patterns("__pycache__")


def main() -> None:
    parser = argparse.ArgumentParser(description="Write projects to be measured on a GPU.")
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--python", metavar="X.Y", help="bring packages for this Python on Linux")
    arguments = parser.parse_args()
    if arguments.folder.exists():
        parser.error(f"{arguments.folder} exists already; name a new folder")
    prepare(arguments.folder)
    if arguments.python:
        bring_packages(arguments.folder / "packages", arguments.python)
    print(f"Written: {arguments.folder}. There: python -m throughput")


def prepare(folder: Path) -> None:
    """The projects, and the package that measures them."""
    for work in WORKS:
        project = write_project(
            folder / work.name, project=PROJECT, task=work.task, model=work.name
        )
        own = HERE / "projects" / work.name  # configs to be measured, and data that are made up
        shutil.copytree(own, project, ignore=NO_CACHES, dirs_exist_ok=True)
    shutil.copytree(HERE / "throughput", folder / "throughput", ignore=NO_CACHES)


if __name__ == "__main__":
    main()
