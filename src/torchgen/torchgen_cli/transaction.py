"""Changes to a project's files, all or nothing, and the way back.

Everything is written beside the project's files first, in a folder `.torchgen` that git ignores:

    .torchgen/transaction/    a change that is complete there, and on its way into the project
    .torchgen/rollback/       one that failed on its way, and is being taken back
    .torchgen/done/0001/      a change that was made, with what it replaced: for `undo`

Renaming a prepared folder to `transaction` is the moment at which a change is decided. Before it
the project is the old one. A process that is killed after it leaves all that is needed to finish:
the next command does so. What the folder says is believed only about places inside the project.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torchgen_cli.errors import MachineError, RequestError
from torchgen_cli.files import File

FOLDER = ".torchgen"
LEFT = 20  # changes that can be undone


@dataclass(frozen=True)
class Change:
    """One file: sums are SHA-256 in hex, None where there is no file; modes as of `chmod`."""

    path: str
    before: str | None
    after: str | None
    mode_before: int | None = None
    mode_after: int | None = None


@dataclass(frozen=True)
class Record:
    """What stands in the journal of a change.

    undoes: the name of the change in `done` that this one takes back
    """

    command: str
    changes: tuple[Change, ...]
    undoes: str | None = None


def commit(
    project: Path,
    command: str,
    files: Mapping[str, File | None],
    seen: Mapping[str, bytes | None],
    undoes: str | None = None,
) -> None:
    """Write and delete (None) files of a project, in this order.

    seen: what each of them held when the change was planned

    Raises:
        RequestError: a file is no longer what it was then
        MachineError: the disk is full, a folder cannot be written to; nothing was changed
    """
    home = project / FOLDER
    if home.is_symlink():
        raise RequestError(f"{home} is a symbolic link, and what is behind it is not touched.")
    stage = home / f"stage-{secrets.token_hex(4)}"
    is_new = not home.exists()
    try:
        _prepare(project, stage, command, files, seen, undoes)
        _sync_folder(stage)
        os.rename(stage, home / "transaction")
    except BaseException as error:
        shutil.rmtree(stage, ignore_errors=True)
        if is_new:
            shutil.rmtree(home, ignore_errors=True)
        if isinstance(error, OSError):
            raise _could_not(error, project) from error
        raise
    try:
        _sync_folder(home)
        _finish(project)
    except BaseException as error:
        _roll_back(project)
        if isinstance(error, OSError):
            raise _could_not(error, project) from error
        raise


def recover(project: Path) -> str | None:
    """Finish a change whose process was killed; returns its command, None where there is none."""
    home = project / FOLDER
    if not home.is_dir() or home.is_symlink():
        return None
    for stage in home.glob("stage-*"):
        shutil.rmtree(stage, ignore_errors=True)
    _put_back(project)
    if not (home / "transaction").is_dir():
        return None
    record = _read(home / "transaction")
    try:
        _finish(project)
    except OSError as error:
        message = f"An interrupted `{record.command}` could not be finished: {_reason(error)}."
        raise MachineError(message, "the same again when that is mended") from error
    return record.command


def undo(project: Path, dry_run: bool = False) -> Record:
    """Take the newest change back; returns what it had done.

    Raises:
        RequestError: there is none, or its files were changed since
    """
    name, record = _newest(project)
    folder = project / FOLDER / "done" / name
    now = {change.path: _content(project / change.path) for change in record.changes}
    changed = [c.path for c in record.changes if _sum(now[c.path]) != c.after]
    if changed:
        listed = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if changed[5:] else "")
        message = f"`{record.command}` cannot be undone: changed since then: {listed}."
        raise RequestError(message, "torchgen diff")
    if not dry_run:
        files = {
            change.path: None
            if change.before is None
            else File((folder / "before" / str(number)).read_bytes(), mode=change.mode_before)
            for number, change in enumerate(record.changes)
        }
        commit(project, f"undo of {record.command}", files, now, undoes=name)
    return record


def _newest(project: Path) -> tuple[str, Record]:
    done = project / FOLDER / "done"
    names = sorted(folder.name for folder in done.glob("*")) if done.is_dir() else []
    if not names:
        raise RequestError("There is nothing to undo: no command has changed this project here.")
    return names[-1], _read(done / names[-1])


def _prepare(
    project: Path,
    stage: Path,
    command: str,
    files: Mapping[str, File | None],
    seen: Mapping[str, bytes | None],
    undoes: str | None,
) -> None:
    """All that the change needs, in a folder of its own."""
    for side in ("before", "after"):
        (stage / side).mkdir(parents=True)
    (stage.parent / ".gitignore").write_text("*\n")
    changes = []
    for number, (path, file) in enumerate(files.items()):
        place = project / path
        content = _content(place)
        if content != seen.get(path):
            raise RequestError(f"{path} was changed just now, by somebody else. Nothing was done.")
        mode = None if content is None else stat.S_IMODE(os.stat(place).st_mode)
        if content is not None:
            _write(stage / "before" / str(number), content, mode)
        after = None
        if file is not None:
            wanted = file.mode if file.mode is not None else mode
            after = _write(stage / "after" / str(number), file.content, wanted, file.executable)
        sums = _sum(content), _sum(file.content if file else None)
        changes.append(Change(path, *sums, mode, after))
    text = json.dumps(asdict(Record(command, tuple(changes), undoes)), indent=1)
    _write(stage / "record.json", text.encode(), None)


def _finish(project: Path) -> None:
    """Carry the transaction out, from wherever it has got to."""
    home = project / FOLDER
    folder = home / "transaction"
    record = _read(folder)
    (home / "done").mkdir(exist_ok=True)
    for number, change in enumerate(record.changes):
        place, source = project / change.path, folder / "after" / str(number)
        if change.after is None:
            if _sum(_content(place)) == change.before:
                place.unlink(missing_ok=True)
        elif source.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            # after a kill: what somebody wrote since is theirs
            mine = _sum(_content(place)) in (change.before, change.after)
            os.replace(source, place if mine else _beside(place))
            _sync_folder(place.parent)
    _remove_empty(project, [change.path for change in record.changes if change.after is None])
    if record.undoes:
        if (home / "done" / record.undoes).is_dir():
            os.rename(home / "done" / record.undoes, folder / "undone")
        _discard(folder)
        return
    names = sorted(past.name for past in (home / "done").iterdir())
    last = int(names[-1]) if names else 0
    os.rename(folder, home / "done" / f"{last + 1:04d}")
    for name in names[: max(0, len(names) + 1 - LEFT)]:
        with contextlib.suppress(OSError):  # the change is made; the next one tries this again
            _discard(home / "done" / name)


def _roll_back(project: Path) -> None:
    """After an error in the middle: every file as it was before."""
    home = project / FOLDER
    if (home / "transaction").is_dir():
        os.rename(home / "transaction", home / "rollback")
    _put_back(project)


def _put_back(project: Path) -> None:
    """Only renames: they need no space on the disk. What fails now, the next command tries again."""
    folder = project / FOLDER / "rollback"
    if not folder.is_dir():
        return
    record = _read(folder)
    for number, change in reversed(list(enumerate(record.changes))):
        place, source = project / change.path, folder / "before" / str(number)
        try:
            if _sum(_content(place)) != change.after:
                continue
            if change.before is None:
                place.unlink(missing_ok=True)
            elif source.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(source, place)
        except OSError as error:
            message = f"`{record.command}` failed, and {place} could not be put back"
            raise MachineError(
                f"{message}: {_reason(error)}. The next command tries again.", "torchgen status"
            ) from error
    _remove_empty(project, [change.path for change in record.changes if change.before is None])
    if (folder / "undone").is_dir():
        os.rename(folder / "undone", folder.parent / "done" / str(record.undoes))
    _discard(folder)


def _discard(folder: Path) -> None:
    """Gone at once, whatever happens while its files are deleted."""
    if folder.is_dir():
        rubbish = folder.parents[folder.parent.name == "done"] / f"stage-{secrets.token_hex(4)}"
        os.rename(folder, rubbish)
        shutil.rmtree(rubbish, ignore_errors=True)


def _read(folder: Path) -> Record:
    try:
        read: dict[str, Any] = json.loads((folder / "record.json").read_text())
        changes = tuple(Change(**change) for change in read["changes"])
        record = Record(read["command"], changes, read["undoes"])
        if not (record.undoes is None or record.undoes.isdecimal()):
            raise ValueError(f"there is no change {record.undoes!r}")
        for change in changes:
            if not _is_inside(folder, change.path):
                raise ValueError(f"{change.path!r} is no place inside the project")
        return record
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{folder} cannot be read: {_reason(error)}. Delete it to go on without it."
        raise MachineError(message) from None


def _is_inside(folder: Path, path: str) -> bool:
    """Whether a journal may name this path: a stranger's project brings its `.torchgen` along."""
    project = next(parent.parent for parent in folder.parents if parent.name == FOLDER)
    named = Path(path)
    strange = {"..", ".git", FOLDER}.intersection(part.lower() for part in named.parts)
    behind_link = any((project / parent).is_symlink() for parent in named.parents[:-1])
    return bool(named.name) and not (named.anchor or strange or behind_link)


def _write(place: Path, content: bytes, mode: int | None, executable: bool = False) -> int:
    """Write to the disk, not only to its cache; returns the mode."""
    with open(place, "xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    chosen = stat.S_IMODE(os.stat(place).st_mode) if mode is None else mode
    chosen |= 0o111 & (chosen >> 2) if executable else 0
    os.chmod(place, chosen)
    return chosen


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _content(place: Path) -> bytes | None:
    return place.read_bytes() if place.is_file() and not place.is_symlink() else None


def _sum(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def _beside(place: Path) -> Path:
    return next(free for free in beside(place) if not os.path.lexists(free))


def beside(place: Path) -> Iterator[Path]:
    """Where something new is put that must not overwrite: `train.py.new`, `train.py.new2`, ..."""
    yield place.with_name(f"{place.name}.new")
    number = 2
    while True:
        yield place.with_name(f"{place.name}.new{number}")
        number += 1


def _remove_empty(project: Path, paths: Iterable[str]) -> None:
    """The folders of files that are gone, where nothing else is in them."""
    folders = {project / parent for path in paths for parent in Path(path).parents[:-1]}
    for folder in sorted(folders, reverse=True):  # what is inside first
        with contextlib.suppress(OSError):
            folder.rmdir()


def _could_not(error: OSError, project: Path) -> MachineError:
    what = error.filename or project
    return MachineError(f"{what} could not be written: {_reason(error)}. Nothing was changed.")


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
