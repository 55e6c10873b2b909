"""Makes a release of what stands in templates/, or goes on to the next development version.

    make release VERSION=0.2.0
    python scripts/release.py --next 0.3.0.dev0

A release is an entry in history.json.xz, which torchgen updates projects from. It is made only if it
says what it changes: in CHANGELOG.md and in releases.yml. Nothing is tagged or pushed.
"""

import argparse
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from packaging.version import InvalidVersion, Version

from torchgen_cli import history
from torchgen_cli.errors import RequestError
from torchgen_cli.files import File
from torchgen_cli.history import Release

Files = Mapping[str, File]
FORM = """  x.y.z:
    date: 2030-01-31
    behaviour: []
    numerics: {}"""


@dataclass(frozen=True)
class Repository:
    root: Path

    @property
    def templates(self) -> Path:
        return self.root / "templates"

    @property
    def history(self) -> Path:
        return self.root / "src" / "torchgen" / "torchgen_cli" / "history.json.xz"

    @property
    def version_file(self) -> Path:
        return self.root / "src" / "torchgen" / "torchgen_cli" / "__init__.py"

    def named(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()

    def text(self, name: str) -> str:
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except OSError as error:
            raise RequestError(f"{name} cannot be read: {error.strerror}.") from None


def main(arguments: list[str] | None = None, root: Path = Path(__file__).parents[1]) -> int:
    parser = argparse.ArgumentParser(description="Make a release of templates/.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("version", nargs="?", help="the release, as x.y.z")
    what.add_argument("--next", metavar="VERSION", help="a development version, as x.y.z.dev0")
    given = parser.parse_args(arguments)
    repository = Repository(root)
    try:
        releases = history.read(repository.history)
        if given.next:
            set_version(repository, development(given.next, releases))
            print(
                f"The version is {given.next} now. Commit {repository.named(repository.version_file)}"
            )
            return 0
        release = prepared(repository, given.version, releases)
    except RequestError as refusal:
        print(f"{refusal.message}\nNothing was written.", file=sys.stderr)
        return 2
    # the history first: a version without its history would name templates that nobody has
    replace_file(repository.history, history.packed([*releases, release]))
    set_version(repository, release.version)
    print(f"{release.version} is released: {len(release.files)} files. Now commit and tag it:")
    written = f"{repository.named(repository.history)} {repository.named(repository.version_file)}"
    print(f"  git add {written} CHANGELOG.md releases.yml")
    print(f"  git commit -m 'Release {release.version}' && git tag v{release.version}")
    print("and go on with: python scripts/release.py --next x.y.z.dev0")
    return 0


def prepared(repository: Repository, version: str, releases: tuple[Release, ...]) -> Release:
    """The release, if all is said that it has to say.

    Raises:
        RequestError: something is missing; all that is, at once
    """
    problems: list[str] = []
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise RequestError(f"{version!r} is not a version to release: write it as x.y.z.")
    if releases and Version(version) <= Version(releases[-1].version):
        raise RequestError(
            f"{version} is not newer than {releases[-1].version}, which is released."
        )
    files = history.read_templates(repository.templates)
    problems += [
        f"templates/{path} is no UTF-8 text." for path in files if not is_text(files[path])
    ]
    entry = entry_of(repository.text("releases.yml"), version)
    problems += wrong_in(entry, version)
    if not problems:
        problems += wrong_in_changelog(repository.text("CHANGELOG.md"), version, entry["date"])
        old = releases[-1].files if releases else files
        problems += undeclared(old, files, entry["numerics"])
    if problems:
        raise RequestError("\n".join(problems))
    behaviour, numerics = tuple(entry["behaviour"]), dict(sorted(entry["numerics"].items()))
    return Release(version, entry["date"].isoformat(), behaviour, numerics, files)


def entry_of(text: str, version: str) -> dict[str, Any]:
    try:
        entries = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise RequestError(f"releases.yml is not valid YAML: {error}.") from None
    if not isinstance(entries, dict) or not isinstance(entries.get(version), dict):
        raise RequestError(f"releases.yml has no entry for {version}. Add:\n{FORM}")
    entry: dict[str, Any] = entries[version]
    return entry


def wrong_in(entry: Mapping[str, Any], version: str) -> list[str]:
    """What an entry of releases.yml leaves unsaid."""
    where = f"releases.yml, {version}"
    problems = []
    if type(entry.get("date")) is not date:
        problems.append(f"{where}: `date: 2030-01-31` is missing, or written otherwise.")
    if not isinstance(entry.get("behaviour"), list) or not all(map(said, entry["behaviour"])):
        problems.append(
            f"{where}: `behaviour:` has to be a list of sentences, [] if there is none."
        )
    numerics = entry.get("numerics")
    if not isinstance(numerics, dict) or not all(map(said, [*numerics, *numerics.values()])):
        problems.append(
            f"{where}: `numerics:` has to be `kind/name: sentence`, {{}} if there is none."
        )
    if unknown := entry.keys() - {"date", "behaviour", "numerics"}:
        problems.append(f"{where}: there is no {', '.join(map(repr, sorted(unknown)))}.")
    return problems


def wrong_in_changelog(text: str, version: str, released: date) -> list[str]:
    heading = f"## [{version}] - {released}"
    _, found, after = f"\n{text}\n".partition(f"\n{heading}\n")
    lines = after.partition("\n## ")[0].splitlines()
    if not found:
        return [f"CHANGELOG.md has no section {heading!r}."]
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return [f"CHANGELOG.md: the section {heading!r} is empty."]
    return []


def undeclared(old: Files, new: Files, numerics: Mapping[str, str]) -> list[str]:
    """Components whose code changed and that releases.yml says nothing about, and the reverse."""
    parts = components(new)
    changed = [part for part, code in components(old).items() if parts.get(part, code) != code]
    problems = [
        f"{part} changed: releases.yml has to say under `numerics:` what that does to its numbers, "
        f'or "none: ..." why it does nothing.'
        for part in changed
        if part not in numerics
    ]
    problems += [
        f"releases.yml speaks of the numerics of {part}, and there is no such component."
        for part in numerics
        if part not in parts
    ]
    return problems


def components(files: Files) -> dict[str, dict[str, bytes]]:
    """`kind/name` -> what decides its numbers: its code or data, and its settings in a config."""
    found: dict[str, dict[str, bytes]] = {}
    for path, file in files.items():
        root, _, rest = path.partition("/")
        if root != "components" or rest.count("/") < 2:
            continue
        kind, name, below = rest.split("/", 2)
        code = found.setdefault(f"{kind}/{name}", {})
        if below == "component.yml":
            code[below] = str(yaml.safe_load(file.content).get("entry")).encode()
        elif not below.startswith("test_") and not below.endswith(".md"):
            code[below] = file.content
    return found


def development(version: str, releases: tuple[Release, ...]) -> str:
    try:
        is_development = Version(version).is_devrelease
    except InvalidVersion:
        is_development = False
    if not is_development:
        raise RequestError(f"{version!r} is no development version: write it as x.y.z.dev0.")
    if releases and Version(version) <= Version(releases[-1].version):
        raise RequestError(
            f"{version} is not newer than {releases[-1].version}, which is released."
        )
    return version


def set_version(repository: Repository, version: str) -> None:
    text = repository.version_file.read_text(encoding="utf-8")
    changed, count = re.subn(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', text)
    assert count == 1, repository.version_file
    replace_file(repository.version_file, changed.encode())


def replace_file(file: Path, content: bytes) -> None:
    """All or nothing: a history cut short would lose every release."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(content)
    os.replace(beside, file)


def is_text(file: File) -> bool:
    try:
        file.content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def said(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


if __name__ == "__main__":
    sys.exit(main())
