"""Data goes to stdout and talk to stderr; terminals, pipes and programs each get what they can read."""

import re
import subprocess
import sys

import pytest


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
def test_a_pipe_gets_neither_colour_nor_boxes_nor_cut_lines(process, arguments):
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
def test_a_closed_pipe_is_no_error(environment, pipe):
    command = f"{sys.executable} -m torchgen_cli {pipe}"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, env=environment, check=True
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") <= 1
