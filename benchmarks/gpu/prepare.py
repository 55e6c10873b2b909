"""Writes a folder with which the speed of generated projects is measured on a machine with a GPU.

    python -m benchmarks.gpu.prepare FOLDER                  two projects, and what measures them
    python -m benchmarks.gpu.prepare FOLDER --python 3.12    ... with what they need for that Python, on Linux

Take the folder there and call `python -m throughput` in it: that machine needs Python, torch and numpy, and no network.
"""

import argparse
import shutil
from pathlib import Path

from benchmarks.cuda.prepare import bring_packages
from benchmarks.gpu.throughput.works import WORKS, GpuWork

from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer

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
        write_project(folder / work.name, work)
    shutil.copytree(HERE / "throughput", folder / "throughput", ignore=NO_CACHES)


def write_project(folder: Path, work: GpuWork) -> None:
    """The project as `torchgen new` writes it, with configs to be measured and data that are made up."""
    catalogue = Catalogue()
    choices = {"project": PROJECT, "task": work.task, "model": work.name}
    files = Renderer(catalogue.templates).render(complete(choices, catalogue))
    for path, file in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
    shutil.copytree(HERE / "projects" / work.name, folder, ignore=NO_CACHES, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
