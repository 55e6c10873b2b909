"""The journal of a change to a project: what each file was and is to be.

It is believed only about places inside the project: a stranger's project brings its `.torchgen` along.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torchgen_cli.errors import MachineError
from torchgen_cli.files import locked, reason, write

FOLDER = ".torchgen"
FILE = "record.json"


@dataclass(frozen=True)
class Change:
    """One file: sums are SHA-256 in hex, None where there is no file; the mode as of `chmod`."""

    path: str
    before: str | None
    after: str | None
    mode_before: int | None = None


@dataclass(frozen=True)
class Record:
    """What stands in the journal of a change.

    undoes: the name of the change in `done` that this one takes back
    """

    command: str
    changes: tuple[Change, ...]
    undoes: str | None = None


@contextmanager
def alone(project: Path) -> Iterator[None]:
    """Around what changes the journal: no other command does so meanwhile.

    Raises:
        MachineError: another one is at work
    """
    with ExitStack() as held:
        try:
            held.enter_context(locked(project))
        except BlockingIOError:
            message = f"Another torchgen command is changing {project} just now."
            raise MachineError(message, "the same again when it has ended") from None
        yield


def write_record(folder: Path, record: Record) -> None:
    write(folder / FILE, json.dumps(asdict(record), indent=1).encode(), None)


def read_record(folder: Path) -> Record:
    """What `write_record` has written.

    Raises:
        MachineError: it is damaged, or names a place outside of the project
    """
    try:
        stated: dict[str, Any] = json.loads((folder / FILE).read_text())
        changes = tuple(Change(**change) for change in stated["changes"])
        record = Record(stated["command"], changes, stated["undoes"])
        if not (record.undoes is None or record.undoes.isdecimal()):
            raise ValueError(f"there is no change {record.undoes!r}")
        for change in changes:
            if not _is_inside(folder, change.path):
                raise ValueError(f"{change.path!r} is no place inside the project")
        return record
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{folder} cannot be read: {reason(error)}. Delete it to go on without it."
        raise MachineError(message) from None


def _is_inside(folder: Path, path: str) -> bool:
    project = next(parent.parent for parent in folder.parents if parent.name == FOLDER)
    named = Path(path)
    strange = {"..", ".git", FOLDER}.intersection(part.lower() for part in named.parts)
    behind_link = any((project / parent).is_symlink() for parent in named.parents[:-1])
    return bool(named.name) and not (named.anchor or strange or behind_link)
