"""What a command is going to do to the user's files: printed, or applied all or nothing.

Everything is known before the first write. What is interrupted half-way, by Ctrl-C or by a full
disk, leaves the target as it was.
"""

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torchgen_cli.errors import MachineError, RequestError


@dataclass(frozen=True)
class File:
    """A rendered file."""

    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class FileAction:
    """create: the file is not there yet; keep: it is, and holds just what would be written"""

    path: str  # relative to the target, with slashes
    kind: Literal["create", "keep"]
    file: File

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Plan:
    target: Path
    actions: tuple[FileAction, ...]

    @property
    def created(self) -> list[str]:
        return [action.path for action in self.actions if action.kind == "create"]

    def apply(self) -> None:
        try:
            if os.path.lexists(self.target):
                _add_to_folder(self)
            else:
                _make_folder(self)
        except OSError as error:
            what = error.filename or self.target
            reason = (error.strerror or str(error)).lower()
            raise MachineError(
                f"{what} could not be written: {reason}. Nothing was changed."
            ) from error


def creation(target: Path, files: Mapping[str, File]) -> Plan:
    """The plan that puts new files in a folder; refused where one would touch what is there."""
    check_target(target)
    actions, clashes = [], []
    for path, file in sorted(files.items()):
        if (obstacle := _obstacle(target, path)) is None:
            actions.append(FileAction(path, "create", file))
        elif obstacle == target / path and _holds(obstacle, file.content):
            actions.append(FileAction(path, "keep", file))
        else:
            clashes.append(obstacle.relative_to(target).as_posix())
    if clashes := list(dict.fromkeys(clashes)):
        shown = ", ".join(clashes[:5]) + (f" and {len(clashes) - 5} more" if clashes[5:] else "")
        raise RequestError(
            f"{target} is not empty, and what is there is never overwritten: {shown}.",
            f"torchgen new {target}-2",
        )
    return Plan(target, tuple(actions))


def check_target(target: Path) -> None:
    """Whether a project can stand there at all; known before anything is asked or rendered."""
    try:
        os.lstat(target)
    except ValueError:  # a null byte, half a surrogate pair
        raise RequestError(f"{str(target)!r} is no path.") from None
    except OSError:
        pass
    if os.path.islink(target):
        link = os.path.realpath(target)
        raise RequestError(
            f"{target} is a symbolic link. Give the folder itself.", f"torchgen new {link}"
        )
    if os.path.lexists(target) and not os.path.isdir(target):
        raise RequestError(
            f"{target} is a file, and a project is a folder.", f"torchgen new {target}-2"
        )
    existing = target
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    if not os.path.isdir(existing):
        raise RequestError(f"{target} cannot be made: {existing} is no folder.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise RequestError(f"{existing.absolute()} cannot be written to. Choose another folder.")


def _obstacle(target: Path, path: str) -> Path | None:
    """The first thing in the way of a new file: itself, or a file where it needs a folder.

    A symbolic link is always in the way: what is written through it would land elsewhere.
    """
    place = target
    parts = path.split("/")
    for depth, part in enumerate(parts, start=1):
        place = place / part
        if not os.path.lexists(place):
            return None
        if depth == len(parts) or os.path.islink(place) or not os.path.isdir(place):
            return place
    return None


def _holds(file: Path, content: bytes) -> bool:
    return file.is_file() and not file.is_symlink() and file.read_bytes() == content


def _write(place: Path, file: File) -> None:
    with open(place, "xb") as stream:  # x: never over a file, never through a link
        stream.write(file.content)
    if file.executable:
        os.chmod(place, os.stat(place).st_mode | 0o111)


def _make_folder(plan: Plan) -> None:
    """Everything into a sibling with a temporary name, then one rename."""
    target = plan.target.absolute()
    missing = [parent for parent in target.parents if not os.path.lexists(parent)]
    stage = target.parent / f".{target.name[:40]}.{secrets.token_hex(4)}"
    try:
        stage.mkdir(parents=True)
        for action in plan.actions:
            place = stage / action.path
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, action.file)
        os.rename(stage, target)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        _remove_folders(missing)
        raise


def _add_to_folder(plan: Plan) -> None:
    """Everything into a temporary folder inside the target, then one rename a file."""
    target = plan.target.absolute()
    stage = target / f".torchgen.{secrets.token_hex(4)}"
    created = [action for action in plan.actions if action.kind == "create"]
    places = [target / action.path for action in created]
    moved: list[Path] = []
    folders = {parent for place in places for parent in place.parents if target in parent.parents}
    missing = sorted(
        (f for f in folders if not f.exists()), key=lambda f: len(f.parts), reverse=True
    )
    try:
        stage.mkdir()
        for number, action in enumerate(created):
            _write(stage / str(number), action.file)
        for number, place in enumerate(places):
            place.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(place):
                raise FileExistsError(17, "something else wrote it just now", str(place))
            moved.append(place)
            os.replace(stage / str(number), place)
        stage.rmdir()
    except BaseException:
        for place in moved:
            place.unlink(missing_ok=True)
        shutil.rmtree(stage, ignore_errors=True)
        _remove_folders(missing)
        raise


def _remove_folders(deepest_first: list[Path]) -> None:
    for folder in deepest_first:
        with contextlib.suppress(OSError):  # not there, or somebody else's by now
            folder.rmdir()
