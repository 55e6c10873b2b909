"""Changes to a project's files, all or nothing, and the way back.

Everything is written beside the project's files first, in a folder `.torchgen` that git ignores:

    .torchgen/transaction/    a change that is complete there, and on its way into the project
    .torchgen/rollback/       one that failed on its way, and is being taken back
    .torchgen/done/0001/      a change that was made, with what it replaced: for `undo`

Renaming a prepared folder to `transaction` is the moment at which a change is decided. Before it
the project is the old one. A process that is killed after it leaves all that is needed to finish:
the next command does so.
"""

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from torchgen_cli.errors import MachineError, RequestError
from torchgen_cli.files import File, beside, checksum, content_of, reason, sync_folder, write
from torchgen_cli.journal import FOLDER, Change, Record, alone, read_record, write_record

LEFT = 20  # changes that can be undone


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
        MachineError: the disk is full, a folder cannot be written to, another command is at work;
            nothing was changed
    """
    home = project / FOLDER
    if home.is_symlink():
        raise RequestError(f"{home} is a symbolic link, and what is behind it is not touched.")
    stage = home / f"stage-{secrets.token_hex(4)}"
    with alone(project):
        is_new = not home.exists()
        try:
            _prepare(project, stage, command, files, seen, undoes)
            sync_folder(stage)
            os.rename(stage, home / "transaction")
        except BaseException as error:
            shutil.rmtree(stage, ignore_errors=True)
            if is_new:
                shutil.rmtree(home, ignore_errors=True)
            if isinstance(error, OSError):
                raise _could_not(error, project) from error
            raise
        try:
            sync_folder(home)
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
    with alone(project):
        for stage in home.glob("stage-*"):
            shutil.rmtree(stage, ignore_errors=True)
        _put_back(project)
        if not (home / "transaction").is_dir():
            return None
        record = read_record(home / "transaction")
        try:
            _finish(project)
        except OSError as error:
            message = f"An interrupted `{record.command}` could not be finished: {reason(error)}."
            raise MachineError(message, "the same again when that is mended") from error
        return record.command


def undo(project: Path, dry_run: bool = False) -> Record:
    """Take the newest change back; returns what it had done.

    Raises:
        RequestError: there is none, or its files were changed since
    """
    name, record = _newest(project)
    folder = project / FOLDER / "done" / name
    now = {change.path: content_of(project / change.path) for change in record.changes}
    changed = [c.path for c in record.changes if checksum(now[c.path]) != c.after]
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
    return names[-1], read_record(done / names[-1])


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
        content = content_of(place)
        if content != seen.get(path):
            raise RequestError(f"{path} was changed just now, by somebody else. Nothing was done.")
        mode = None if content is None else stat.S_IMODE(os.stat(place).st_mode)
        if content is not None:
            write(stage / "before" / str(number), content, mode)
        if file is not None:
            wanted = file.mode if file.mode is not None else mode
            write(stage / "after" / str(number), file.content, wanted, file.executable)
        after = checksum(file.content if file else None)
        changes.append(Change(path, checksum(content), after, mode))
    write_record(stage, Record(command, tuple(changes), undoes))


def _finish(project: Path) -> None:
    """Carry the transaction out, from wherever it has got to."""
    home = project / FOLDER
    folder = home / "transaction"
    record = read_record(folder)
    (home / "done").mkdir(exist_ok=True)
    for number, change in enumerate(record.changes):
        place, source = project / change.path, folder / "after" / str(number)
        if change.after is None:
            if checksum(content_of(place)) == change.before:
                place.unlink(missing_ok=True)
        elif source.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            # after a kill: what somebody wrote since is theirs
            mine = checksum(content_of(place)) in (change.before, change.after)
            os.replace(source, place if mine else _beside(place))
            sync_folder(place.parent)
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
    record = read_record(folder)
    for number, change in reversed(list(enumerate(record.changes))):
        place, source = project / change.path, folder / "before" / str(number)
        try:
            if checksum(content_of(place)) != change.after:
                continue
            if change.before is None:
                place.unlink(missing_ok=True)
            elif source.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(source, place)
        except OSError as error:
            message = f"`{record.command}` failed, and {place} could not be put back"
            raise MachineError(
                f"{message}: {reason(error)}. The next command tries again.", "torchgen status"
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


def _beside(place: Path) -> Path:
    return next(free for free in beside(place) if not os.path.lexists(free))


def _remove_empty(project: Path, paths: Iterable[str]) -> None:
    """The folders of files that are gone, where nothing else is in them."""
    folders = {project / parent for path in paths for parent in Path(path).parents[:-1]}
    for folder in sorted(folders, reverse=True):  # what is inside first
        with contextlib.suppress(OSError):
            folder.rmdir()


def _could_not(error: OSError, project: Path) -> MachineError:
    what = error.filename or project
    return MachineError(f"{what} could not be written: {reason(error)}. Nothing was changed.")
