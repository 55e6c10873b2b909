"""What a user types and reads: exit codes, mistakes, help, completion, speed."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from torchgen_cli import __version__, lifecycle
from torchgen_cli.errors import MachineError

ROOT = Path(__file__).parent.parent
HEAVY = ("copier", "jinja2", "questionary", "prompt_toolkit", "torch", "numpy")


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(torchgen, flag):
    result = torchgen(flag)
    assert (result.code, result.out) == (0, f"torchgen {__version__}\n")


def test_help_is_what_torchgen_alone_shows(torchgen):
    assert torchgen().out == torchgen("--help").out == torchgen("-h").out != ""


@pytest.mark.parametrize("command", ["new", "list", "show"])
def test_help_teaches_with_examples(torchgen, command):
    shown = torchgen(command, "--help")
    assert shown.code == 0
    assert f"Examples:\n    torchgen {command}" in shown.out


@pytest.mark.parametrize("command", ["new", "list", "show"])
def test_the_examples_of_the_help_work(torchgen, monkeypatch, command):
    """On the real catalogue, which is what the help speaks of."""
    from torchgen_cli import catalogue

    monkeypatch.setattr(catalogue, "templates_folder", lambda: ROOT / "templates")
    monkeypatch.setattr(lifecycle, "render", lambda *_: {})
    examples = re.findall(r"^ +torchgen (.+)$", torchgen(command, "--help").out, re.MULTILINE)
    assert examples
    for example in examples:
        words = example.partition(" > ")[0].split()
        more = [] if command != "new" or "-y" in words else ["-y"]
        assert torchgen(*words, *more).code == 0, example


def test_every_kind_that_is_asked_for_has_a_flag(torchgen, catalogue):
    shown = torchgen("new", "--help").out
    for kind in catalogue.asked:
        assert f"--{kind.kind}" in shown


MISTAKES = {
    ("nwe",): "No such command 'nwe'. Did you mean 'new'?",
    ("new", "leaf", "--los", "focal"): "No such option: --los",
    ("new", "leaf", "another"): "unexpected extra argument",
    ("show", "loss"): "Missing argument 'NAME'",
    ("show", "loss", "focl"): "There is no loss 'focl'. Did you mean 'focal'?",
    ("show", "focal", "loss"): "There is no kind 'focal'.",
    ("list", "losss"): "There is no kind 'losss'. Did you mean 'loss'?",
    ("list", "loss", "--task", "regression"): "Did you mean 'tabular_regression'?",
    ("new", "leaf", "--preset", "imags"): "There is no preset 'imags'. Did you mean 'images'?",
    ("new", "leaf", "--data-file", "no.yml"): "no.yml cannot be read: no such file or directory.",
    ("new", "leaf", "--package", "class", "-y"): "A package cannot be called 'class'",
    ("new", "leaf", "--task", "tabular_regression", "--loss", "focal"): "focal needs classes",
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.items())
def test_a_mistake_is_one_error_with_a_fix_and_exit_code_2(torchgen, work, arguments, message):
    plain = torchgen(*arguments)
    assert plain.code == 2
    assert plain.out == ""
    assert plain.err.startswith("error: ")
    assert message in " ".join(plain.err.split())
    assert "Traceback" not in plain.err
    told = torchgen(*arguments, "--json")
    assert told.code == 2
    assert told.err == ""
    assert told.json["ok"] is False
    assert message in told.json["message"]
    assert list(work.iterdir()) == []


def test_a_mistake_of_torchgen_is_no_traceback_either(torchgen, monkeypatch):
    def broken(*_):
        raise RuntimeError("a cable is loose")

    monkeypatch.setattr(lifecycle, "render", broken)
    failed = torchgen("new", "leaf", "-y")
    assert failed.code == 1
    assert "mistake in torchgen, not yours: RuntimeError: a cable is loose" in failed.err
    monkeypatch.setenv("TORCHGEN_DEBUG", "1")
    with pytest.raises(RuntimeError, match="a cable is loose"):
        torchgen("new", "leaf", "-y")


def test_what_the_machine_cannot_do_is_exit_code_1(torchgen, monkeypatch):
    def full(*_):
        raise MachineError("The disk is full.")

    monkeypatch.setattr(lifecycle, "render", full)
    assert torchgen("new", "leaf", "-y", "--json").code == 1


def test_escape_sequences_of_a_user_are_shown_and_not_obeyed(torchgen):
    assert "\x1b" not in torchgen("show", "loss", "\x1b[31mred").err
    made = torchgen("new", "\x1b[31mred/leaf", "-y", "--no-git")
    assert made.code == 0
    assert "\x1b" not in made.err
    assert "Created \\x1b[31mred/leaf" in made.err


@pytest.fixture
def completed(process):
    """What bash is offered for a line."""

    def offered(line, cursor):
        environment = {
            "_TORCHGEN_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(cursor),
        }
        return process(**environment).stdout.split()

    return offered


def test_completion_knows_the_catalogue(completed):
    assert "focal" in completed("torchgen new leaf --loss ", 4)
    assert completed("torchgen new leaf --loss foc", 4) == ["focal"]
    assert completed("torchgen show loss foc", 3) == ["focal"]
    assert completed("torchgen list schedu", 2) == ["scheduler"]
    assert completed("torchgen new --preset regr", 3) == ["regression"]


def test_completion_leaves_out_what_does_not_fit(completed):
    offered = completed("torchgen new --task tabular_regression --loss ", 5)
    assert "mse" in offered
    assert "focal" not in offered


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"], ["new", "--help"], ["--version"], ["list"], ["list", "loss", "--json"],
        ["show", "loss", "focal"], ["new", "leaf", "--los"], ["nwe"], ["new", "leaf", "--loss", "x"],
        ["new", "1"], ["new", "leaf", "--package", "class"], ["add", "--help"], ["add", "loss"],
        ["add", "loss", "--as", "a"], ["set", "--help"], ["update", "--too", "0.2.0"],
        ["diff", "--set", "loss=focal", "--to", "0.2.0"], ["status"], ["undo", "--help"],
    ],
)  # fmt: skip
def test_nothing_heavy_is_imported_to_answer(arguments, environment):
    program = (
        "import sys\nfrom torchgen_cli import cli\n"
        f"cli.main({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_help_is_about_as_fast_as_that_of_an_empty_typer_program(tmp_path, environment):
    bare = tmp_path / "bare.py"
    bare.write_text(
        "import typer\napp = typer.Typer()\n\n\n@app.command()\ndef new(path: str) -> None: ...\n\n\n"
        "@app.command()\ndef list(kind: str) -> None: ...\n\n\napp()\n"
    )

    def seconds(*arguments):
        """The processor's, children's included: others may be busy on this machine."""
        before = os.times()
        subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, check=True
        )
        after = os.times()
        return (
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )

    pairs = [
        (seconds("-m", "torchgen_cli", "--help"), seconds(str(bare), "--help")) for _ in range(5)
    ]
    ours, theirs = (min(column) for column in zip(*pairs, strict=True))
    assert ours <= 1.3 * theirs + 0.03


def test_nothing_ever_asks_the_network(torchgen, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("torchgen opened a connection")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.setattr(socket, "create_connection", forbidden)
    for arguments in (["list"], ["show", "loss", "focal"], ["new", "leaf", "-y"]):
        assert torchgen(*arguments).code == 0
