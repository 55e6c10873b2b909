"""A project that torchgen made: where it is, what it was made of, and by which version."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from torchgen_cli import history, transaction
from torchgen_cli.answers import FILE, Answers, complete, read
from torchgen_cli.catalogue import Catalogue, Loader
from torchgen_cli.errors import RequestError
from torchgen_cli.render import SOURCE

if TYPE_CHECKING:
    from torchgen_cli.in_process import Renderer


@dataclass(frozen=True)
class Project:
    """version: of the templates that made it, as its answers say"""

    folder: Path
    version: str
    given: dict[str, Any]

    def answers(self, catalogue: Catalogue) -> Answers:
        return complete(self.given, catalogue)


@dataclass(frozen=True)
class Library:
    """One version of the templates, to choose from and to render with."""

    version: str
    catalogue: Catalogue
    renderer: "Renderer"

    @classmethod
    def at(cls, templates: Path, version: str) -> "Library":
        from torchgen_cli.in_process import Renderer  # and with it Jinja, which errors do not need

        return cls(version, Catalogue(templates), Renderer(templates))


def open_project(start: Path) -> tuple[Project, str | None]:
    """The project in a folder or above it, and the interrupted command that was finished first.

    Raises:
        RequestError: there is none, it was made by something else, or its answers are damaged
    """
    folder = _find(start)
    finished = transaction.recover(folder)
    file = folder / FILE
    given = read(file)
    stamps = yaml.load(file.read_text(encoding="utf-8"), Loader)
    source, version = str(stamps.get("_src_path")), stamps.get("_commit")
    if source != SOURCE:
        message = f"{folder} was made from {source!r}, not by torchgen. Only copier can update it."
        raise RequestError(message, "copier update")
    if not isinstance(version, str):
        message = f"{file} does not say which version made the project: `_commit` is missing."
        raise RequestError(message, "torchgen new")
    if missing := [key for key in ("project", "package", "task") if key not in given]:
        raise RequestError(f"{file} has no {missing[0]!r}. Restore it: `git checkout {FILE}`.")
    return Project(folder, version, given), finished


def _find(start: Path) -> Path:
    here = Path(os.path.abspath(start))
    if not here.is_dir():
        raise RequestError(f"{start} is no folder.", "torchgen new")
    for folder in (here, *here.parents):
        if (folder / FILE).is_file() and not (folder / FILE).is_symlink():
            return folder
    message = f"{here} is in no project of torchgen: neither it nor a folder above it has a {FILE}."
    raise RequestError(message, "torchgen new", "--project FOLDER")


@contextmanager
def library(version: str) -> Iterator[Library]:
    with history.templates(version) as templates:
        yield Library.at(templates, version)
