"""Commands that are measured as people see them: in front of a terminal."""

import contextlib
import os
import pty
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path


def in_terminal(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
    """Runs a command that believes to be watched, so that it draws its bars.

    Raises:
        RuntimeError: it fails; with the end of what it said
    """
    ours, theirs = pty.openpty()
    said = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 65536):
                said.extend(part)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=dict(variables),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            check=False,
        )
    finally:
        os.close(theirs)
        reader.join(timeout=5)  # a process that compiles may hold the other end for longer
    if not reader.is_alive():
        os.close(ours)
    if done.returncode:
        raise RuntimeError(said.decode(errors="replace")[-2000:].strip())
