"""Made-up histories: releases that differ in what a test is about, and a torchgen that knows them."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torchgen_cli import history
from torchgen_cli.files import File
from torchgen_cli.history import Release

PACKAGE = Path(history.__file__).parent
Texts = dict[str, str]
Change = str | tuple[str, str] | None  # the whole new text, (old, new) in it, or None: away with it


def releases_of(templates: Path, changes: Mapping[str, Mapping[str, Change]]) -> dict[str, Texts]:
    """Version -> the texts of a templates folder with the changes up to that version."""
    texts = {p: f.content.decode() for p, f in history.read_templates(templates).items()}
    versions = {}
    for version, changed in changes.items():
        for path, change in changed.items():
            if change is None:
                del texts[path]
            elif isinstance(change, tuple):
                assert change[0] in texts[path], f"{path} has no {change[0]!r}"
                texts[path] = texts[path].replace(*change)
            else:
                texts[path] = change
        versions[version] = dict(texts)
    return versions


def write(
    folder: Path,
    versions: Mapping[str, Texts],
    behaviour: Mapping[str, list[str]] | None = None,
    numerics: Mapping[str, dict[str, str]] | None = None,
) -> Path:
    """A history file, for `monkeypatch.setattr(history, "FILE", ...)`.

    behaviour, numerics: what a version declares, where it declares anything
    """
    releases = [
        Release(
            version,
            f"2030-01-{day:02}",
            tuple((behaviour or {}).get(version, ())),
            (numerics or {}).get(version, {}),
            {path: File(text.encode()) for path, text in sorted(texts.items())},
        )
        for day, (version, texts) in enumerate(versions.items(), start=1)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / history.FILE.name
    file.write_bytes(history.packed(releases))
    return file


def lay_out(folder: Path, texts: Texts) -> Path:
    """A templates folder."""
    for path, text in texts.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8", newline="")
    return folder


@dataclass(frozen=True)
class Installation:
    """A torchgen as a wheel would install it. Only its own processes see it."""

    site: Path
    programs: Path

    def environment(self, home: Path) -> dict[str, str]:
        """For a process that finds this torchgen; nobody's settings, and caches of its own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "PYTHON"))}
        return kept | {
            "PATH": os.pathsep.join([str(self.programs), os.environ["PATH"]]),
            "PYTHONPATH": str(self.site),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "GIT_CONFIG_NOSYSTEM": "1",
        }


def install(
    folder: Path, versions: Mapping[str, Texts], version: str, templates: Texts | None = None
) -> Installation:
    """torchgen `version` that knows these releases.

    templates: what it holds, if that is not the release of its version
    """
    package = folder / "site" / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__", "templates"))
    write(package, versions)
    lay_out(package / "templates", versions[version] if templates is None else templates)
    (package / "__init__.py").write_text(f'__version__ = "{version}"\n')
    programs = folder / "bin"
    programs.mkdir()
    for name, module in (
        ("torchgen", "torchgen_cli"),
        ("git-remote-torchgen", "torchgen_cli.git_remote"),
    ):
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        script.chmod(0o755)
    return Installation(folder / "site", programs)
