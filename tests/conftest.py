"""A small catalogue of its own for the tests of the generator, and the command line as a function.

It has the real kinds.yml, copier.yml and macros, and made-up components: what is tested is the
generator, whatever the real catalogue holds today.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from hypothesis import settings

from torchgen_cli import catalogue as catalogue_module
from torchgen_cli import cli, lifecycle
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer

# the same examples every time, however busy the machine is
settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")

ROOT = Path(__file__).parent.parent
REAL = ROOT / "templates"
SOURCE = ROOT / "src" / "torchgen"

# What the small catalogue has of the real project: the answers, the config, and where components go.
SHARED = ["configs", "[[]= _copier_conf.answers_file =].jinja", "*/*yield*"]


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    """A small templates folder that a test may change."""
    here = tmp_path / "templates"
    here.mkdir()
    for name in ("kinds.yml", "copier.yml", "macros.jinja"):
        shutil.copy(REAL / name, here)
    shutil.copytree(REAL / "presets", here / "presets")
    for pattern in SHARED:
        for source in (REAL / "project").glob(pattern):
            copied = here / "project" / source.relative_to(REAL / "project")
            copied.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copied)
    small = yaml.safe_load((Path(__file__).parent / "small_catalogue.yml").read_text())
    for path, facts in small["components"].items():
        write(here / "components" / path / "component.yml", yaml.safe_dump(facts))
    for path, text in small["files"].items():
        write(here / path, text)
    return here


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def catalogue(templates: Path) -> Catalogue:
    return Catalogue(templates)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the user is in; a folder without a git identity of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("CI", raising=False)
    for name in ("NO_COLOR", "FORCE_COLOR", "GIT_DIR", "TORCHGEN_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def torchgen(templates: Path, work: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """`torchgen("new", "leaf", "-y")` -> code, out, err, json, with the small catalogue."""
    monkeypatch.setattr(catalogue_module, "templates_folder", lambda: templates)
    # test_render.py holds the two renderers equal; this one takes 10 ms, the other a second
    monkeypatch.setattr(
        lifecycle, "render", lambda folder, answers: Renderer(folder).render(answers)
    )

    def run(*arguments: str) -> SimpleNamespace:
        capsys.readouterr()
        code = cli.main(list(arguments))
        out, err = capsys.readouterr()
        data = json.loads(out) if "--json" in arguments else None
        return SimpleNamespace(code=code, out=out, err=err, json=data)

    return run


@pytest.fixture
def environment() -> dict[str, str]:
    """For a process of its own."""
    here = {**os.environ, "PYTHONPATH": str(SOURCE), "COLUMNS": "100"}
    here.pop("PYTHONUNBUFFERED", None)  # what is written late can fail late
    return here


@pytest.fixture
def process(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """torchgen as a process of its own, with the real catalogue."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "torchgen_cli", *arguments]
        surroundings = {**environment, **more}
        return subprocess.run(
            command, capture_output=True, text=True, env=surroundings, check=False
        )

    return run


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes | None]]:
    """Everything below a folder, by its path; None where there is no folder."""

    def everything(folder: Path) -> dict[str, bytes | None] | None:
        if not folder.exists():
            return None
        return {
            place.relative_to(folder).as_posix(): place.read_bytes() if place.is_file() else None
            for place in sorted(folder.rglob("*"))
        }

    return everything
