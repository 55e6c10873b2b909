"""A rendered file, as it is before it is written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """Without a `mode` it gets, or keeps, an ordinary one."""

    content: bytes
    executable: bool = False
    mode: int | None = None
