"""Files: as they are rendered, and what is done with them on the disk."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class File:
    """A rendered one, before it is written. Without a `mode` it gets, or keeps, an ordinary one."""

    content: bytes
    executable: bool = False
    mode: int | None = None


def write(place: Path, content: bytes, mode: int | None, executable: bool = False) -> None:
    """Make a new file, on the disk and not only in its cache."""
    with open(place, "xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    chosen = stat.S_IMODE(os.stat(place).st_mode) if mode is None else mode
    chosen |= 0o111 & (chosen >> 2) if executable else 0
    os.chmod(place, chosen)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    with contextlib.suppress(OSError):  # not every file system can
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A lock that ends with the process, where the system has such.

    Raises:
        BlockingIOError: another one holds it
    """
    handle = os.open(folder, os.O_RDONLY) if fcntl else None
    try:
        if handle is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError:  # not every file system can
                pass
        yield
    finally:
        if handle is not None:
            os.close(handle)


def content_of(place: Path) -> bytes | None:
    """None where there is no file; what a link leads to is not read."""
    return place.read_bytes() if place.is_file() and not place.is_symlink() else None


def checksum(content: bytes | None) -> str | None:
    """SHA-256 in hex; None of no file."""
    return None if content is None else hashlib.sha256(content).hexdigest()


def beside(place: Path) -> Iterator[Path]:
    """Where something new is put that must not overwrite: `train.py.new`, `train.py.new2`, ..."""
    yield place.with_name(f"{place.name}.new")
    number = 2
    while True:
        yield place.with_name(f"{place.name}.new{number}")
        number += 1


def reason(error: Exception) -> str:
    """Why, in the words of the system and without the name of the file."""
    return (getattr(error, "strerror", None) or str(error)).lower()
