"""Projects in use: made in milliseconds, with made-up releases to bring them to.

The releases have the real questions, macros and kinds, made-up components, and an engine of a few
files that differs from release to release in every way in which files can.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import histories
import pytest
import yaml

from torchgen_cli import catalogue as catalogue_module
from torchgen_cli import history, transaction
from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.files import File
from torchgen_cli.in_process import Renderer
from torchgen_cli.project import Library, Project, open_project

HERE = Path(__file__).parent
REAL = HERE.parent / "templates"

Texts = dict[str, str]
Tree = dict[str, tuple[bytes, int] | None]

TRAIN = "project/[= package =]/train.py.jinja"
CONFIG = "project/[= package =]/config.py.jinja"
FOCAL = "components/loss/focal/focal.py"
README = "project/README.md.jinja"

LOOP = '''"""Trains a model: the whole run, top to bottom."""

import argparse


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", help="a file such as configs/baseline.py")
    train(parser.parse_args().config)


def train(config: str) -> None:
    """One run."""
    steps = 0
    for epoch in range(10):
        for batch in range(100):
            steps = optimize(steps, epoch, batch)
    report(steps)


def optimize(steps: int, epoch: int, batch: int) -> int:
    """One optimizer step."""
    if epoch > 5 and batch > 50:
        return steps + 1
    return steps + 2


def report(steps: int) -> None:
    print(f"{steps} steps were taken, and that is all there is to say about it: {steps}")
'''


def small_texts() -> Texts:
    """A small templates folder, as `histories` takes it."""
    texts = {
        name: (REAL / name).read_text() for name in ("kinds.yml", "copier.yml", "macros.jinja")
    }
    for file in (REAL / "project").rglob("*.jinja"):
        path = file.relative_to(REAL).as_posix()
        if "yield" in path or "/configs/" in path or "answers_file" in path:
            texts[path] = file.read_text()
    small = yaml.safe_load((HERE / "small_catalogue.yml").read_text())
    for path, facts in small["components"].items():
        texts[f"components/{path}/component.yml"] = yaml.safe_dump(facts)
    texts |= small["files"]
    return texts | {
        TRAIN: LOOP,
        README: "# [= project =]\n\nWhat it is.\n\n## Use\n\nTrain it.\n\n## More\n\nNothing.\n",
        "project/[= package =]/old.py.jinja": '"""Goes with the next release."""\n\nOLD = True\n',
        "project/tests/test_train.py.jinja": "def test_it():\n    assert [= project | tojson =]\n",
    }


def small_releases() -> dict[str, Texts]:
    """Three: lines and files come, change and go, and so do those of a component."""
    first = small_texts()
    second = first | {
        TRAIN: LOOP.replace("import argparse\n", "import argparse\nimport bisect\n").replace(
            "steps + 2", "steps + 3"
        ),
        README: first[README].replace("Train it.", "Train it, then look at it."),
        FOCAL: first[FOCAL].replace("= gamma\n", "= gamma  # as published\n"),
        "project/[= package =]/plots.py.jinja": '"""Draws."""\n\n\ndef curve() -> None: ...\n',
    }
    del second["project/[= package =]/old.py.jinja"]
    third = second | {
        TRAIN: second[TRAIN].replace("range(10)", "range(20)").replace("One run.", "A run."),
        CONFIG: '"""What a run is made of: a dataclass."""\n\nFIELDS = ("model", "loss")\n',
        "project/[= package =]/plots.py.jinja": '"""Draws curves."""\n\n\ndef curves(): ...\n',
    }
    return {"0.1.0": first, "0.2.0": second, "0.3.0": third}


@cache
def compiled(templates: Path, version: str) -> Library:
    """A version whose projects are rendered once each."""
    library = Library(version, Catalogue(templates), Renderer(templates))
    renderer: Any = library.renderer
    rendered = cache(renderer.render)
    renderer.render = lambda *arguments: dict(rendered(*arguments))
    renderer.sources = cache(renderer.sources)
    return library


@contextmanager
def installed(folder: Path, versions: Mapping[str, Texts]) -> Iterator[None]:
    """The newest of these versions is this torchgen; each is written and compiled once."""
    newest = list(versions)[-1]
    places = {
        version: histories.lay_out(folder / version, texts) for version, texts in versions.items()
    }
    libraries: dict[Path, Library] = {}

    @contextmanager
    def templates(version: str) -> Iterator[Path]:
        yield places[history.known(version)]

    def at(templates: Path, version: str) -> Library:
        if templates not in libraries:
            libraries[templates] = compiled(templates, version)
        return libraries[templates]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "FILE", histories.write(folder, versions))
        patch.setattr(history, "__version__", newest)
        patch.setattr(history, "templates", templates)
        patch.setattr(catalogue_module, "templates_folder", lambda: places[newest])
        patch.setattr(Library, "at", at)
        yield


@contextmanager
def installed_as_it_is() -> Iterator[Library]:
    """This torchgen with its own templates, compiled once."""
    library = compiled(catalogue_module.templates_folder(), history.current())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Library, "at", lambda templates, version: library)
        yield library


def make(folder: Path, version: str | None = None, **answers: Any) -> Project:
    """A project as a version of torchgen makes it."""
    version = version or history.current()
    with history.templates(version) as templates:
        library = Library.at(templates, version)
        given = complete({"project": "leaf", **answers}, library.catalogue)
        lay(folder, library.renderer.render(given, version))
    return opened(folder)


def lay(folder: Path, files: Mapping[str, File]) -> None:
    for path, file in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)


def opened(folder: Path) -> Project:
    return open_project(folder)[0]


def tree(folder: Path) -> Tree:
    """Every file with its mode, and None for a folder; not what torchgen keeps for itself."""
    found: Tree = {}
    for place in sorted(folder.rglob("*")):
        path = place.relative_to(folder)
        if transaction.FOLDER not in path.parts[:1]:
            mode = place.lstat().st_mode & 0o7777
            found[path.as_posix()] = (place.read_bytes(), mode) if place.is_file() else None
    return found


def restore(folder: Path, files: Tree) -> None:
    """The folder with just these files, and nothing that torchgen kept."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, file in files.items():
        place = folder / path
        if file is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file[0])
            place.chmod(file[1])
