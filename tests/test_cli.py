"""What a user types and reads: exit codes, streams, JSON, help, completion, speed."""

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
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src" / "torchgen"), "COLUMNS": "100"}
HEAVY = ("copier", "jinja2", "questionary", "prompt_toolkit", "torch", "numpy")


def process(*arguments, **environment):
    command = [sys.executable, "-m", "torchgen_cli", *arguments]
    env = {**ENVIRONMENT, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


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


# --- what is printed where ---


def test_new_talks_on_stderr_and_quiet_says_nothing(torchgen):
    made = torchgen("new", "leaf", "-y", "--no-git")
    assert made.out == ""
    for line in (
        "Start reading at leaf/leaf/train.py",
        "torchgen new leaf --task image_classification -y",
        "cd leaf",
        "python -m pip install -e .",
        "python -m leaf.train configs/baseline.py",
        "98.6 % in 7 s (SVC 96.8 %)",
    ):
        assert line in made.err
    quiet = torchgen("new", "leaf-2", "-y", "--no-git", "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_new_as_json_is_one_object(torchgen, work, tree):
    made = torchgen("new", "deep/leaf", "--loss", "focal", "-y", "--no-git", "--json")
    assert made.err == ""
    assert made.json["schema"] == 1
    assert made.json["ok"] is True
    assert made.json["path"] == "deep/leaf"
    assert made.json["answers"]["loss"] == "focal"
    assert made.json["next"][0] == "cd deep/leaf"
    written = {
        path for path, content in tree(work / "deep" / "leaf").items() if content is not None
    }
    assert {file["path"] for file in made.json["files"]} == written
    assert {file["action"] for file in made.json["files"]} == {"create"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--task", "tabular_regression"],
        ["--loss", "focal", "--tracker", "board", "--package", "leaves"],
        ["--data-file", "title.yml"],
        ["--data-file", "components.yml"],
    ],
)
def test_the_command_that_is_printed_makes_the_same_project(torchgen, work, tree, arguments):
    (work / "title.yml").write_text("project: A Title\nmodel: mlp\n")
    (work / "components.yml").write_text("components: [loss/focal]\n")
    made = torchgen("new", "leaf", *arguments, "-y", "--no-git", "--json")
    first = tree(work / "leaf")
    words = made.json["command"].split()
    assert words[0] == "torchgen"
    (work / "leaf").rename(work / "moved")
    words = [word.replace("leaf/.copier", "moved/.copier") for word in words]
    assert torchgen(*words[1:], "--no-git").code == 0
    assert tree(work / "leaf") == first


def test_list_shows_every_kind_and_what_it_fits(torchgen, catalogue):
    shown = torchgen("list").out
    for kind in catalogue.asked:
        for part in catalogue.all(kind.kind):
            assert re.search(rf"^  {part.name} .*{re.escape(part.summary)}", shown, re.MULTILINE)
    assert "images" in shown.partition("Preset")[2]


def test_list_for_a_task_leaves_out_what_does_not_fit(torchgen):
    listed = torchgen("list", "losses", "--task", "tabular-regression", "--json").json
    assert [part["name"] for part in listed["components"]] == ["huber", "l1", "mse"]
    plain = torchgen("list", "losses", "--task", "tabular-regression").out
    assert re.findall(r"^  (\w+)", plain, re.MULTILINE) == ["huber", "l1", "mse"]


def test_list_as_json_says_what_fits_what(torchgen):
    parts = {part["name"]: part for part in torchgen("list", "model", "--json").json["components"]}
    assert parts["cnn"]["tasks"] == ["image_classification", "metric_learning"]
    assert parts["mlp"]["tasks"] == [
        "image_classification",
        "metric_learning",
        "tabular_regression",
    ]


def test_show_gives_settings_source_and_the_line_of_the_config(torchgen):
    shown = torchgen("show", "loss", "focal").out
    for text in (
        "Focal loss: hard examples count more.",
        "Rare classes.",
        "partial(FocalLoss, gamma=2.0)",
        "Lin",
        "image_classification",
    ):
        assert text in shown
    assert re.search(r"gamma +float +2.0 +how fast a sample fades as p grows", shown)
    told = torchgen("show", "loss", "focal", "--json").json
    assert told["settings"][0] == {
        "name": "gamma",
        "type": "float",
        "default": "2.0",
        "meaning": "how fast a sample fades as p grows",
    }


def test_code_in_a_pipe_is_the_file_itself(torchgen, catalogue):
    file = catalogue.find("loss", "focal").file
    assert torchgen("show", "loss", "focal", "--code").out == file.read_text()
    assert torchgen("show", "loss", "focal", "--code", "--json").json["code"] == file.read_text()
    assert torchgen("show", "loss", "mse", "--code").out.startswith(
        "# torch.nn.MSELoss is torch's own"
    )


@pytest.mark.parametrize("arguments", [["list"], ["show", "loss", "focal"], ["new", "--help"]])
def test_a_pipe_gets_neither_colour_nor_boxes_nor_cut_lines(arguments):
    shown = process(*arguments, COLUMNS="40").stdout
    assert "\x1b" not in shown
    assert not set("│╭╰…") & set(shown)


def test_colours_are_for_terminals_and_no_color_is_heard(monkeypatch, torchgen):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in torchgen("list").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", torchgen("list").out)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_lines_of_a_terminal_are_cut_to_its_width(monkeypatch, torchgen, columns):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", torchgen("list").out)
    assert max(len(line) for line in plain.splitlines()) <= columns


@pytest.mark.parametrize("pipe", ["list | head -1", "list --json | head -1", "--version | true"])
def test_a_closed_pipe_is_no_error(pipe):
    command = f"{sys.executable} -m torchgen_cli {pipe}"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") <= 1


# --- completion ---


def completed(line, cursor):
    environment = {
        "_TORCHGEN_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(cursor),
    }
    return process(**environment).stdout.split()


def test_completion_knows_the_catalogue():
    assert "focal" in completed("torchgen new leaf --loss ", 4)
    assert completed("torchgen new leaf --loss foc", 4) == ["focal"]
    assert completed("torchgen show loss foc", 3) == ["focal"]
    assert completed("torchgen list schedu", 2) == ["scheduler"]
    assert completed("torchgen new --preset regr", 3) == ["regression"]


def test_completion_leaves_out_what_does_not_fit():
    offered = completed("torchgen new --task tabular_regression --loss ", 5)
    assert "mse" in offered
    assert "focal" not in offered


# --- speed and quiet ---


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"], ["new", "--help"], ["--version"], ["list"], ["list", "loss", "--json"],
        ["show", "loss", "focal"], ["new", "leaf", "--los"], ["nwe"], ["new", "leaf", "--loss", "x"],
        ["new", "1"], ["new", "leaf", "--package", "class"],
    ],
)  # fmt: skip
def test_nothing_heavy_is_imported_to_answer(arguments):
    program = (
        "import sys\nfrom torchgen_cli import cli\n"
        f"cli.main({arguments!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_help_is_about_as_fast_as_that_of_an_empty_typer_program(tmp_path):
    bare = tmp_path / "bare.py"
    bare.write_text(
        "import typer\napp = typer.Typer()\n\n\n@app.command()\ndef new(path: str) -> None: ...\n\n\n"
        "@app.command()\ndef list(kind: str) -> None: ...\n\n\napp()\n"
    )

    def seconds(*arguments):
        """The processor's, children's included: others may be busy on this machine."""
        before = os.times()
        subprocess.run(
            [sys.executable, *arguments], env=ENVIRONMENT, capture_output=True, check=True
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
