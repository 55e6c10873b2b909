"""Commands that are measured as people see them: in front of a terminal."""

import contextlib
import os
import pty
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path


class Watched:
    """A process that believes to be watched, so that it draws its bars."""

    def __init__(self, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
        self.terminal, theirs = pty.openpty()
        self.said = bytearray()
        self.reader = threading.Thread(target=self.read, daemon=True)
        try:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(variables),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
            )
        finally:
            os.close(theirs)
        self.reader.start()

    def read(self) -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(self.terminal, 65536):
                self.said.extend(part)

    def end(self) -> None:
        """Waits until it is over.

        Raises:
            RuntimeError: it fails; with the end of what it said
        """
        code = self.process.wait()
        self.reader.join(timeout=5)  # a process that compiles may hold the other end for longer
        if not self.reader.is_alive():
            os.close(self.terminal)
        if code:
            raise RuntimeError(self.said.decode(errors="replace")[-2000:].strip())


def in_terminal(command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
    """Runs a command that believes to be watched.

    Raises:
        RuntimeError: it fails; with the end of what it said
    """
    watched = Watched(command, folder, variables)
    try:
        watched.end()
    finally:
        watched.process.kill()
