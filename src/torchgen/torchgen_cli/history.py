"""Every release of the templates: what a project was made from, and what has changed since.

history.json.xz holds each text once, under its hash, and a manifest a release; scripts/release.py
appends to it. So any version is at hand offline, without git.
"""

import json
import lzma
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from torchgen_cli import __version__, catalogue
from torchgen_cli.errors import MachineError, RequestError
from torchgen_cli.files import File

if TYPE_CHECKING:
    from packaging.version import Version

FILE = Path(__file__).with_name("history.json.xz")
UPGRADE = "pip install -U torchgen-cli"

# What tools leave beside the templates. The wheel leaves it out by .gitignore, which names the same.
DROPPINGS = (
    "__pycache__",
    "*.py[cod]",
    "*.egg-info",
    ".coverage",
    ".DS_Store",
    ".hypothesis",
    ".idea",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".vscode",
)


@dataclass(frozen=True)
class Release:
    """What was released, and what it said about itself.

    date: as `2030-01-31`
    behaviour: what is different for those who update, a sentence each
    numerics: `kind/name` of a component whose code changed, and what that does to its numbers
    files: by their paths below the templates folder, with slashes
    """

    version: str
    date: str
    behaviour: tuple[str, ...]
    numerics: Mapping[str, str]
    files: Mapping[str, File]


def releases() -> tuple[Release, ...]:
    """All that this torchgen knows, oldest first."""
    return _read_once(FILE)


def current() -> str:
    """What this torchgen stamps into projects.

    Its own version, if that is a release and the templates are those of the release; otherwise the
    version with a hash of the templates, so that no two contents ever share a name.
    """
    return _current(FILE, catalogue.templates_folder(), __version__)


def newest() -> str:
    """The newest version that a project can be brought to."""
    return current()


def known(version: str) -> str:
    """A version whose templates are at hand, as it is spelled here: `0.2` is `0.2.0`.

    Raises:
        RequestError: they are not; the message says why
    """
    if version == current():
        return version
    wanted = _parsed(version)
    by_order = {_parsed(release.version): release.version for release in releases()}
    if wanted in by_order:
        return by_order[wanted]
    if wanted.local or wanted.is_devrelease:
        raise RequestError(
            f"{wanted} is no release but a state of development: only the torchgen that wrote it "
            f"knows its templates, and this one is {current()}."
        )
    if wanted > max([_parsed(current()), *by_order]):
        raise RequestError(
            f"{wanted} is newer than the newest version that this torchgen knows, {current()}.",
            UPGRADE,
        )
    there_are = dict.fromkeys([*by_order.values(), current()])
    raise RequestError(f"There is no version {wanted}. There are: {', '.join(there_are)}.")


def is_older(one: str, other: str) -> bool:
    return _parsed(one) < _parsed(other)


def between(old: str, new: str) -> list[Release]:
    """The releases that an update from one version to the other brings, oldest first."""
    first, last = _parsed(old), _parsed(new)
    return [release for release in releases() if first < _parsed(release.version) <= last]


@contextmanager
def templates(version: str) -> Iterator[Path]:
    """The templates folder as it was at a version; a temporary one, if that is an earlier version.

    Raises:
        RequestError: the version is not `known`
    """
    version = known(version)
    if version == current():
        yield catalogue.templates_folder()
        return
    [release] = [release for release in releases() if release.version == version]
    with TemporaryDirectory(prefix="torchgen-") as folder:
        for path, file in release.files.items():
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.content)
            place.chmod(0o755 if file.executable else 0o644)
        yield Path(folder)


def read_templates(folder: Path) -> dict[str, File]:
    """The files that the wheel takes from a templates folder, in the order of their paths."""
    places = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_dropping(name)]
        places += [Path(parent, name) for name in names if not _is_dropping(name)]
    files = {
        place.relative_to(folder).as_posix(): File(
            place.read_bytes(), executable=bool(place.stat().st_mode & 0o100)
        )
        for place in places
    }
    return dict(sorted(files.items()))


def packed(all_releases: Iterable[Release]) -> bytes:
    """The history file; the same releases give the same bytes."""
    texts: dict[str, str] = {}
    entries = []
    for release in all_releases:
        hashes = {}
        for path, file in sorted(release.files.items()):
            hashes[path] = sha256(file.content).hexdigest()
            texts[hashes[path]] = file.content.decode("utf-8")
        entries.append(
            {
                "version": release.version,
                "date": release.date,
                "behaviour": list(release.behaviour),
                "numerics": dict(release.numerics),
                "files": hashes,
                "executable": sorted(p for p, file in release.files.items() if file.executable),
            }
        )
    text = json.dumps(
        {"releases": entries, "texts": texts}, ensure_ascii=False, separators=(",", ":")
    )
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)


def read(file: Path) -> tuple[Release, ...]:
    """A history file.

    Raises:
        MachineError: it is missing or damaged
    """
    try:
        history = json.loads(lzma.decompress(file.read_bytes()))
    except (OSError, lzma.LZMAError, ValueError) as error:
        raise MachineError(
            f"{file}, the releases that torchgen knows, cannot be read: {error}.",
            "pip install --force-reinstall torchgen-cli",
        ) from None
    contents = {name: text.encode() for name, text in history["texts"].items()}
    return tuple(
        Release(
            version=entry["version"],
            date=entry["date"],
            behaviour=tuple(entry["behaviour"]),
            numerics=entry["numerics"],
            files={
                path: File(contents[name], executable=path in entry["executable"])
                for path, name in entry["files"].items()
            },
        )
        for entry in history["releases"]
    )


_read_once = lru_cache(read)


@lru_cache
def _current(file: Path, folder: Path, version: str) -> str:
    files = read_templates(folder)
    for release in _read_once(file):
        if release.version == version and release.files == files:
            return version
    return f"{version}+{content_hash(files)[:8]}"


def content_hash(files: Mapping[str, File]) -> str:
    """Of the paths, the modes and the bytes."""
    manifest = [
        [path, file.executable, sha256(file.content).hexdigest()]
        for path, file in sorted(files.items())
    ]
    return sha256(json.dumps(manifest).encode()).hexdigest()


def _is_dropping(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in DROPPINGS)


def _parsed(version: str) -> "Version":
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version)
    except InvalidVersion:
        raise RequestError(
            f"{version[:60]!r} is not a version. torchgen's are written like {__version__}."
        ) from None
