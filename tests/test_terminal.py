"""The questions as a person meets them, in a terminal."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from torchgen_cli import terminal


@pytest.mark.parametrize(
    ("environment", "answers"), [({}, True), ({"CI": "true"}, False), ({"TERM": "dumb"}, False)]
)
def test_nobody_is_asked_in_continuous_integration(work, monkeypatch, environment, answers):
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for stream in ("stdin", "stderr"):
        monkeypatch.setattr(sys, stream, SimpleNamespace(isatty=lambda: True))
    assert terminal.is_terminal() is answers


def screen(process, wanted, seconds=30):
    """What the terminal shows until `wanted` is in it."""
    shown = ""
    end = time.monotonic() + seconds
    while wanted not in shown and time.monotonic() < end:
        if select.select([process], [], [], 0.2)[0]:
            try:
                read = os.read(process, 65536).decode(errors="replace")
            except OSError:
                break
            # prompt_toolkit asks a terminal where its cursor is
            if "\x1b[6n" in read:
                os.write(process, b"\x1b[1;1R")
            shown += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", read)
    assert wanted in shown, shown
    return shown


def test_in_a_real_terminal(templates, work, environment):
    """A person presses Enter all the way, filters one list by typing, and reads the report."""
    program = (
        "import sys; from pathlib import Path; from torchgen_cli import catalogue, cli\n"
        f"catalogue.templates_folder = lambda: Path({str(templates)!r})\n"
        "sys.exit(cli.main(['new', '--no-git']))\n"
    )
    master, slave = pty.openpty()
    terminal_of_100 = {**environment, "TERM": "xterm"}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=terminal_of_100,
        cwd=work,
    ) as child:
        os.close(slave)
        screen(master, "Name of the project")
        os.write(master, b"leaf\r")
        screen(master, "What should it learn?")
        os.write(master, b"\r")
        screen(master, "Which architecture?")
        os.write(master, b"\r")
        screen(master, "Which loss?")
        os.write(master, b"foc\r")
        for question in (
            "Which optimizer?",
            "Which learning-rate",
            "Which precision?",
            "Track runs",
        ):
            screen(master, question)
            os.write(master, b"\r")
        screen(master, "Create leaf?")
        os.write(master, b"\r")
        shown = screen(master, "leaf.train configs/baseline.py")
        assert child.wait(timeout=30) == 0
    os.close(master)
    assert "torchgen new leaf --task image_classification --loss focal -y" in shown
    assert (work / "leaf" / "leaf" / "losses" / "focal.py").is_file()
