"""From one render to another, in a project that somebody has edited since.

`old` is what torchgen wrote, `new` what it would write now. What you changed stays yours: a file
that only one side changed is taken from that side, one that both changed is merged, and what
cannot be merged is put beside yours.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from torchgen_cli import git, merge
from torchgen_cli.answers import FILE
from torchgen_cli.errors import RequestError
from torchgen_cli.files import File, beside
from torchgen_cli.merge import Text
from torchgen_cli.plan import FileAction

Files = Mapping[str, File]

# What is never looked through for a file that was moved.
SKIPPED = {"runs", "node_modules", "__pycache__", "build", "dist"}
LARGEST = 1 << 20  # bytes


def differences(
    project: Path, old: Files, new: Files, labels: Sequence[str], follow: bool = True
) -> list[FileAction]:
    """What leads from `old` to `new` in a project, a file at a time; the answers come last.

    labels: what conflict markers call yours, the old and the new text
    follow: whether files that were moved are looked for
    """
    moved = _moved(project, old, new) if follow else {}
    actions = []
    for path in sorted(old.keys() | new.keys(), key=lambda path: (path == FILE, path)):
        before, after = old.get(path), new.get(path)
        if before != after:
            action = _action(project, path, before, after, moved.get(path), labels)
            actions += [action] if action else []
    return actions


def content(project: Path, path: str) -> bytes | None:
    """What a project has there; None where it has no file of its own, but nothing or a link.

    Raises:
        RequestError: the file cannot be read
    """
    if obstacle(project, path):
        return None
    place = project / path
    try:
        return place.read_bytes() if place.is_file() else None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RequestError(f"{path} cannot be read: {reason}. Mend that first.") from None


def obstacle(project: Path, path: str) -> bool:
    """Whether a link or something else than a file is in the way; nothing goes through a link."""
    place = project
    *folders, name = path.split("/")
    for folder in folders:
        place = place / folder
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            return True
    place = place / name
    return place.is_symlink() or (place.exists() and not place.is_file())


def _action(
    project: Path,
    path: str,
    old: File | None,
    new: File | None,
    moved: str | None,
    labels: Sequence[str],
) -> FileAction | None:
    if obstacle(project, path):
        return _skipped(path, old, new, "a link or a folder is in its place")
    yours = content(project, moved or path)
    if new is None:
        assert old is not None
        return _deletion(path, old, yours)
    if yours is None:
        if old is None:
            return FileAction(path, "create", new)
        return _skipped(path, old, new, "you deleted it")
    note = f"moved from {path}" if moved else ""
    path = moved or path
    if old is None:
        if pristine(yours, new, path):
            return FileAction(path, "keep", new, yours)
        return _beside(project, path, new, "there is a file of yours with this name")
    return _merged(project, path, old, yours, new, labels, note)


def pristine(yours: bytes, file: File, path: str) -> bool:
    """Whether a file is as it was rendered: its form and formatting aside."""
    if yours == file.content:
        return True
    mine, rendered = Text.of(yours), Text.of(file.content)
    return bool(mine and rendered and merge.same(mine.plain, rendered.plain, path))


def _deletion(path: str, old: File, yours: bytes | None) -> FileAction | None:
    if yours is None:
        return None
    if pristine(yours, old, path):
        return FileAction(path, "delete", None, yours)
    return FileAction(path, "skip", None, yours, "you edited it: it stays, and is yours now")


def _merged(
    project: Path,
    path: str,
    old: File,
    yours: bytes,
    new: File,
    labels: Sequence[str],
    note: str,
) -> FileAction | None:
    if yours == new.content:
        return None
    if yours == old.content:
        return FileAction(path, "update", new, yours, note)
    mine, before, after = Text.of(yours), Text.of(old.content), Text.of(new.content)
    if not (mine and before and after):
        return _beside(project, path, new, "it is no text that could be merged")
    if merge.markers(mine.plain):
        message = f"{path} has conflict markers from before. Resolve them first."
        raise RequestError(message, "torchgen status")
    result = merge.merged(before.plain, mine.plain, after.plain, labels)
    if path == FILE and (result is None or result.conflicts):
        result = merge.Merged(after.plain)  # it is torchgen's, and holds nothing but the answers
    if result is None:
        return _beside(project, path, new, "without git nothing is merged")
    if result.text == mine.plain:
        return None
    file = File(mine.with_plain(result.text), new.executable)
    if result.conflicts:
        return FileAction(path, "conflict", file, yours, note, result.conflicts)
    clean = merge.same(before.plain, mine.plain, path)
    return FileAction(path, "update" if clean else "merge", file, yours, note)


def _skipped(path: str, old: File | None, new: File | None, why: str) -> FileAction | None:
    """A change that is not applied is shown."""
    if new is None:
        return None
    sides = [Text.of(file.content) if file else Text("") for file in (old, new)]
    before, after = (side.plain if side else "" for side in sides)
    unapplied = merge.diff(before, after, path)
    return FileAction(path, "skip", None, None, f"{why}; not applied", unapplied=unapplied)


def _beside(project: Path, path: str, new: File, why: str) -> FileAction | None:
    for place in beside(project / path):
        if place.is_file() and place.read_bytes() == new.content:
            return None  # put there before
        if not os.path.lexists(place):
            break
    name = place.relative_to(project).as_posix()
    return FileAction(name, "beside", new, None, f"not {path}: {why}")


def _moved(project: Path, old: Files, new: Files) -> dict[str, str]:
    """Where files with a change to come were moved to, found as git finds renames."""
    missing = {
        path: file
        for path, file in old.items()
        if path in new and new[path] != file and not os.path.lexists(project / path)
    }
    if not missing or not git.is_installed():
        return {}
    endings = {os.path.splitext(path)[1] for path in missing}
    with tempfile.TemporaryDirectory(prefix="torchgen-") as name:
        folder = Path(name)
        for path, file in missing.items():
            _put(folder / "old" / path, file.content)
        for path in _own_files(project, endings):
            if path not in old and path not in new:
                _put(folder / "new" / path, (project / path).read_bytes())
        (folder / "new").mkdir(exist_ok=True)
        options = ["--no-index", "--find-renames=50%", "--name-status", "--no-ext-diff", "-z"]
        done = git.run(folder, "diff", *options, "old", "new")
    words = done.stdout.decode(errors="surrogateescape").split("\0")
    found = {}
    position = 0
    while position < len(words) - 1:
        if words[position].startswith("R"):
            before, after = words[position + 1 : position + 3]
            found[before.removeprefix("old/")] = after.removeprefix("new/")
            position += 3
        else:
            position += 2
    return found


def _own_files(project: Path, endings: set[str]) -> Iterator[str]:
    """The project's files with such endings; no environments, no runs, nothing hidden, no link."""
    for folder, folders, names in os.walk(project):
        here = Path(folder)
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name not in SKIPPED
            and not (here / name / "pyvenv.cfg").exists()
        ]
        for name in names:
            place = here / name
            if (
                os.path.splitext(name)[1] in endings
                and not place.is_symlink()
                and place.stat().st_size <= LARGEST
            ):
                yield place.relative_to(project).as_posix()


def own_python(project: Path) -> Iterator[str]:
    """The project's Python files."""
    return _own_files(project, {".py"})


def _put(place: Path, data: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
