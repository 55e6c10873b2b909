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

from torchgen_cli import transaction
from torchgen_cli.errors import MachineError, RequestError
from torchgen_cli.files import File

Kind = Literal["create", "keep", "update", "merge", "conflict", "beside", "delete", "skip"]


@dataclass(frozen=True)
class FileAction:
    """What happens to one file.

    create: it is not there yet
    keep: it is, and holds just what would be written
    update: nobody has changed it since it was written, so it becomes the new one
    merge: what torchgen changed is put into yours
    conflict: the same, with markers at the `lines` where somebody has to choose
    beside: yours stays, and the new one gets this name beside it
    delete: nobody has changed it, and it is no longer needed
    skip: it stays as it is; a change that is not made is in `unapplied`, as a diff

    path: relative to the target, with slashes
    file: what will stand there; None where nothing is written
    before: what stands there now
    """

    path: str
    kind: Kind
    file: File | None
    before: bytes | None = None
    note: str = ""
    lines: tuple[int, ...] = ()
    unapplied: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def writes(self) -> bool:
        return self.kind not in ("keep", "skip")


@dataclass(frozen=True)
class Plan:
    """command: what is done, in words, for the record that `undo` reads; "" for a new project"""

    target: Path
    actions: tuple[FileAction, ...]
    command: str = ""

    @property
    def created(self) -> list[str]:
        return [action.path for action in self.actions if action.kind == "create"]

    @property
    def written(self) -> list[FileAction]:
        return [action for action in self.actions if action.writes]

    @property
    def files(self) -> dict[str, File]:
        """What will stand there, where a plan says it."""
        return {action.path: action.file for action in self.actions if action.file}

    @property
    def conflicts(self) -> list[FileAction]:
        """Where somebody has to choose."""
        return [action for action in self.actions if action.kind in ("conflict", "beside")]

    def apply(self) -> None:
        """Carry it out, all or nothing.

        Raises:
            RequestError: a file is no longer as it was when this was planned
            MachineError: a file cannot be written
        """
        if self.command:
            if self.written:
                files = {action.path: action.file for action in self.written}
                seen = {action.path: action.before for action in self.written}
                transaction.commit(self.target, self.command, files, seen)
            return
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
            if action.file:
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
    created = [plan.files[path] for path in plan.created]
    places = [target / path for path in plan.created]
    moved: list[Path] = []
    folders = {parent for place in places for parent in place.parents if target in parent.parents}
    missing = sorted(
        (f for f in folders if not f.exists()), key=lambda f: len(f.parts), reverse=True
    )
    try:
        stage.mkdir()
        for number, file in enumerate(created):
            _write(stage / str(number), file)
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
