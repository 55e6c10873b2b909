"""What must not happen to a project in use: lost edits, files of others touched, strangers obeyed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import histories
import living
import pytest

from torchgen_cli import cli, git, inspection, lifecycle, transaction
from torchgen_cli.answers import FILE
from torchgen_cli.errors import RequestError

MINE = "# mine\n"


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    with living.installed(tmp_path_factory.mktemp("releases"), living.small_releases()):
        yield


@pytest.fixture
def folder(releases, tmp_path, monkeypatch):
    """A project of 0.1.0 with one component added; 0.3.0 is the newest."""
    monkeypatch.setenv("COLUMNS", "200")
    folder = tmp_path / "leaf"
    living.make(folder, "0.1.0", components=["loss/focal"])
    return folder


def torchgen(folder: Path, *arguments: str) -> int:
    return cli.main([*arguments, "--project", str(folder)])


def update(folder: Path, *names: str, to: str = "0.2.0") -> lifecycle.Changed:
    changed = lifecycle.update(living.opened(folder), to, names)
    changed.plan.apply()
    return changed


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def actions(changed: lifecycle.Changed) -> dict[str, str]:
    return {action.path: action.kind for action in changed.plan.actions}


# The five ways in which plain `copier update` loses what somebody wrote, without a word.


def test_an_edited_file_that_the_template_drops_stays(folder):
    old = folder / "leaf" / "old.py"
    old.write_text(old.read_text() + MINE)
    changed = update(folder)
    assert old.read_text().endswith(MINE)
    notes = {action.path: action.note for action in changed.plan.actions}
    assert notes["leaf/old.py"] == "you edited it: it stays, and is yours now"


def test_an_unedited_file_that_the_template_drops_goes(folder):
    update(folder)
    assert not (folder / "leaf" / "old.py").exists()


def test_edits_of_files_that_git_ignores_stay(folder):
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / ".gitignore").write_text("leaf/\nREADME.md\n")
    train, old = folder / "leaf" / "train.py", folder / "leaf" / "old.py"
    for file in (train, old):
        file.write_text(file.read_text() + MINE)
    update(folder)
    assert train.read_text().endswith(MINE)
    assert "import bisect" in train.read_text()
    assert old.read_text().endswith(MINE)
    assert (folder / ".gitignore").read_text() == "leaf/\nREADME.md\n"


def test_a_project_that_an_outer_repository_ignores_keeps_its_files(folder):
    subprocess.run(["git", "init", "--quiet"], cwd=folder.parent, check=True)
    (folder.parent / ".gitignore").write_text("leaf/\n")
    before = living.tree(folder).keys()
    update(folder)
    assert before - living.tree(folder).keys() == {"leaf/old.py"}
    assert "import bisect" in (folder / "leaf" / "train.py").read_text()


def test_a_renamed_file_gets_the_change(folder):
    moved = folder / "leaf" / "engine" / "loop.py"
    moved.parent.mkdir()
    (folder / "leaf" / "train.py").rename(moved)
    edit(moved, "epoch > 5", "epoch > 7")
    changed = update(folder)
    assert "import bisect" in moved.read_text()
    assert "epoch > 7" in moved.read_text()
    assert not (folder / "leaf" / "train.py").exists()
    assert actions(changed)["leaf/engine/loop.py"] == "merge"


def test_removing_one_of_several_leaves_the_others(folder):
    lifecycle.add(living.opened(folder), "model", ["mlp"], {}).plan.apply()
    lifecycle.add(living.opened(folder), "optimizer", ["sgd"], {}).plan.apply()
    lifecycle.remove(living.opened(folder), "model", "mlp").plan.apply()
    assert living.opened(folder).given["components"] == ["loss/focal", "optimizer/sgd"]
    assert (folder / "leaf" / "losses" / "focal.py").exists()
    assert (folder / "configs" / "sgd.py").exists()
    assert not (folder / "configs" / "mlp.py").exists()


def test_bytes_that_are_no_utf8_stay_and_the_new_file_lies_beside(folder):
    train = folder / "leaf" / "train.py"
    content = train.read_bytes() + b"# caf\xe9 and \xff\n"
    train.write_bytes(content)
    assert torchgen(folder, "update", "--to", "0.2.0") == 3
    assert train.read_bytes() == content
    assert "import bisect" in (folder / "leaf" / "train.py.new").read_text()


# Components are the user's, until they ask for a newer one.


def test_a_component_stays_as_it_is_until_it_is_named(folder):
    focal = folder / "leaf" / "losses" / "focal.py"
    edit(focal, "gamma: how fast", "gamma (mine): how fast")
    before = focal.read_bytes()
    changed = update(folder)
    assert focal.read_bytes() == before
    assert [part for part, _ in changed.newer] == ["loss/focal"]
    # the project is of 0.2.0 now, and this file still of 0.1.0
    changed = update(folder, "focal", to="0.3.0")
    assert changed.newer == ()
    text = focal.read_text()
    assert "gamma (mine): how fast" in text
    assert "# as published" in text
    assert actions(changed)["leaf/losses/focal.py"] == "merge"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("own.py", "import leaf.losses.focal\n"),
        ("leaf/own.py", "from .losses.focal import FocalLoss\n"),
        ("leaf/losses/own.py", "from . import focal\n"),
        ("configs/own.py", "from configs.focal import config\n"),
        ("leaf/models/own.py", "def f():\n    from ..losses import (\n        focal,\n    )\n"),
    ],
)
def test_what_is_still_imported_is_not_removed(folder, file, line):
    (folder / file).write_text(line)
    before = living.tree(folder)
    with pytest.raises(RequestError, match=rf"still in use:\n{file} imports \S+focal$"):
        lifecycle.remove(living.opened(folder), "loss", "focal")
    assert living.tree(folder) == before
    lifecycle.remove(living.opened(folder), "loss", "focal", force=True).plan.apply()
    assert before.keys() - living.tree(folder).keys() >= {
        "leaf/losses/focal.py",
        "configs/focal.py",
    }
    assert (folder / file).read_text() == line


def test_what_only_mentions_it_does_not_hold_it(folder):
    (folder / "own.py").write_text("focal = 'leaf.losses.focal'  # import leaf.losses.focal\n")
    lifecycle.remove(living.opened(folder), "loss", "focal").plan.apply()
    assert not (folder / "leaf" / "losses").exists()


# Conflicts.


def in_conflict(folder: Path) -> Path:
    train = folder / "leaf" / "train.py"
    edit(train, "steps + 2", "steps + 7  # mine")
    return train


def test_a_conflict_is_written_with_markers_and_lines_and_told_by_the_exit_code(folder, capsys):
    train = in_conflict(folder)
    before = living.tree(folder)
    assert torchgen(folder, "update", "--to", "0.2.0") == 3
    lines = train.read_text().split("\n")
    [number] = [n for n, line in enumerate(lines, 1) if line.startswith("<<<<<<<")]
    assert lines[number - 1 : number + 6] == [
        "<<<<<<< yours",
        "    return steps + 7  # mine",
        "||||||| torchgen 0.1.0",
        "    return steps + 2",
        "=======",
        "    return steps + 3",
        ">>>>>>> torchgen 0.2.0",
    ]
    assert f"line {number}" in capsys.readouterr().err
    assert "import bisect" in train.read_text()
    assert inspection.status(living.opened(folder)).marked == (("leaf/train.py", (number,)),)
    assert torchgen(folder, "undo") == 0
    assert living.tree(folder) == before


def test_leftover_markers_stop_the_next_update(folder, capsys):
    train = in_conflict(folder)
    torchgen(folder, "update", "--to", "0.2.0")
    before = living.tree(folder)
    assert torchgen(folder, "update", "--to", "0.3.0") == 2
    assert "leaf/train.py has conflict markers" in capsys.readouterr().err
    assert living.tree(folder) == before
    text = re.sub(r"<<<<<<< yours\n(.*\n)(?s:.*?)>>>>>>> .*\n", r"\1", train.read_text())
    train.write_text(text)
    assert torchgen(folder, "update", "--to", "0.3.0") == 0
    assert "steps + 7  # mine" in train.read_text()
    assert "range(20)" in train.read_text()


def test_windows_line_ends_make_no_conflict_and_stay(folder):
    train = folder / "leaf" / "train.py"
    edit(train, "epoch > 5", "epoch > 7")
    train.write_bytes(b"\xef\xbb\xbf" + train.read_bytes().replace(b"\n", b"\r\n").rstrip(b"\r\n"))
    assert actions(update(folder))["leaf/train.py"] == "merge"
    content = train.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert b"import bisect\r\n" in content
    assert b"epoch > 7" in content
    assert content.count(b"\n") == content.count(b"\r\n")
    assert not content.endswith(b"\n")


def test_a_file_that_both_added_is_not_overwritten(folder):
    plots = folder / "leaf" / "plots.py"
    plots.write_text("mine = True\n")
    before = living.tree(folder)
    changed = update(folder)
    assert plots.read_text() == "mine = True\n"
    assert "Draws" in (folder / "leaf" / "plots.py.new").read_text()
    assert [action.path for action in changed.plan.conflicts] == ["leaf/plots.py.new"]
    transaction.undo(folder)
    assert living.tree(folder) == before


def test_what_was_put_beside_before_is_not_overwritten_either(folder):
    (folder / "leaf" / "plots.py").write_text("mine = True\n")
    (folder / "leaf" / "plots.py.new").write_text("mine, too\n")
    update(folder)
    assert (folder / "leaf" / "plots.py.new").read_text() == "mine, too\n"
    assert "Draws" in (folder / "leaf" / "plots.py.new2").read_text()


def test_a_deleted_file_stays_deleted_and_the_change_is_shown(folder, capsys):
    (folder / "README.md").unlink()
    assert torchgen(folder, "update", "--to", "0.2.0") == 0
    assert not (folder / "README.md").exists()
    said = capsys.readouterr().err
    assert "you deleted it; not applied" in said
    assert "+Train it, then look at it." in said


def test_a_formatter_makes_no_file_look_edited(folder):
    done = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--line-length=60"]
    subprocess.run([*done, str(folder)], check=True, capture_output=True)
    assert "print(\n" in (folder / "leaf" / "train.py").read_text()
    assert inspection.status(living.opened(folder)).edited == ()
    kinds = actions(update(folder))
    assert kinds["leaf/train.py"] == "update"
    assert kinds["leaf/old.py"] == "delete"


# Links, and what others have set up.


def test_links_out_of_the_project_are_not_followed(folder):
    outside = folder.parent / "outside"
    outside.mkdir()
    for path in ("leaf/train.py", "leaf/losses", "data"):
        place = folder / path
        place.rename(outside / place.name)
        place.symlink_to(outside / place.name)
    before = living.tree(outside)
    inside = {path: os.readlink(folder / path) for path in ("leaf/train.py", "leaf/losses", "data")}
    assert torchgen(folder, "status") == 1
    assert torchgen(folder, "diff") == 0
    assert torchgen(folder, "update", "--to", "0.2.0", "--all") == 0
    assert torchgen(folder, "set", "loss", "focal") == 0
    assert torchgen(folder, "set", "loss", "cross_entropy") == 0
    assert torchgen(folder, "remove", "loss", "focal", "--force") == 0
    for _ in range(4):
        assert torchgen(folder, "undo") == 0
    assert living.tree(outside) == before
    assert {path: os.readlink(folder / path) for path in inside} == inside


def every_command(folder: Path) -> None:
    """Each of them, with merges and a search for a moved file among what they do."""
    train = folder / "leaf" / "train.py"
    edit(train, "epoch > 5", "epoch > 7")
    (folder / "README.md").rename(folder / "ABOUT.md")
    edit(folder / "configs" / "baseline.py", "seed=0", "seed=1")
    codes = [
        torchgen(folder, "status"),
        torchgen(folder, "diff"),
        torchgen(folder, "add", "model", "mlp"),
        torchgen(folder, "diff", "--set", "model=mlp"),
        torchgen(folder, "set", "model", "mlp"),
        torchgen(folder, "diff", "--to", "0.3.0"),
        torchgen(folder, "update"),
        torchgen(folder, "remove", "loss", "focal"),
        torchgen(folder, "undo"),
    ]
    assert codes == [1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert "range(20)" in train.read_text()
    assert "then look" in (folder / "ABOUT.md").read_text()


def test_nothing_that_git_is_set_up_to_run_is_run(folder, tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\necho $0 >> {ran}\n")
    trap.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    settings = (
        f"[core]\n fsmonitor = {trap}\n hooksPath = {tmp_path}/hooks\n pager = {trap}\n"
        f'[diff]\n external = {trap}\n[filter "x"]\n clean = {trap}\n smudge = {trap}\n'
        f'[merge "x"]\n driver = {trap}\n[alias]\n diff = !{trap}\n'
    )
    (tmp_path / "hooks").mkdir()
    (home / ".gitconfig").write_text(settings)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / ".git" / "config").write_text(settings)
    (folder / ".git" / "hooks").mkdir(exist_ok=True)
    for hooks in (folder / ".git" / "hooks", tmp_path / "hooks"):
        for name in ("pre-commit", "post-index-change", "post-checkout", "fsmonitor-watchman"):
            (hooks / name).write_text(trap.read_text())
            (hooks / name).chmod(0o755)
    (folder / ".gitattributes").write_text("* filter=x merge=x diff=x\n")
    for name in ("GIT_EXTERNAL_DIFF", "GIT_PAGER", "GIT_SSH_COMMAND", "GIT_EDITOR"):
        monkeypatch.setenv(name, str(trap))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(folder / ".git"))
    every_command(folder)
    assert not ran.exists()


def test_nothing_of_the_project_is_run(folder):
    for file in (folder / "leaf" / "__init__.py", folder / "conftest.py"):
        file.write_text("raise SystemExit('this was run')\n")
    every_command(folder)
    assert "leaf" not in sys.modules


def test_without_git_all_but_merges_works_and_they_are_named(folder, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    in_conflict(folder)
    mine = (folder / "leaf" / "train.py").read_text()
    assert torchgen(folder, "status") == 1
    assert torchgen(folder, "add", "model", "mlp") == 0
    assert torchgen(folder, "set", "optimizer", "sgd") == 0
    answers = folder / FILE
    answers.write_text(answers.read_text() + "# a note\n")
    assert torchgen(folder, "update", "--to", "0.2.0") == 3
    assert "without git nothing is merged" in capsys.readouterr().err
    assert (folder / "leaf" / "train.py").read_text() == mine
    assert "steps + 3" in (folder / "leaf" / "train.py.new").read_text()
    assert "then look" in (folder / "README.md").read_text()
    # the answers are torchgen's: they say what was done
    assert living.opened(folder).version == "0.2.0"


# Strangers.


@pytest.fixture
def alone(monkeypatch):
    """No other process can be started."""

    def refused(*arguments, **more):
        raise AssertionError(f"started {arguments}")

    monkeypatch.setattr(subprocess, "run", refused)
    monkeypatch.setattr(subprocess, "Popen", refused)
    monkeypatch.setattr(git, "run", refused)


COMMANDS = [
    ["status"],
    ["diff"],
    ["update"],
    ["diff", "--to", "0.2.0"],
    ["add", "model", "mlp"],
    ["remove", "loss", "focal"],
    ["set", "optimizer", "sgd"],
    ["undo"],
]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("source", ["gh:somebody/else", "git+ssh://host/x", "/tmp/x", "--help"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_source_of_a_stranger_is_never_opened(folder, source, command, capsys):
    edit(folder / FILE, "git+torchgen://templates", source)
    before = living.tree(folder)
    assert torchgen(folder, *command) == 2
    assert f"made from {source!r}, not by torchgen" in capsys.readouterr().err.replace("\n", " ")
    assert living.tree(folder) == before


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(
    "commit", ["../x", "HEAD", "--upload-pack=x", "9.0.0", "0.1.5", "0.1.0.dev0+12345678", "''"]
)
@pytest.mark.parametrize("command", COMMANDS[:-1], ids=" ".join)
def test_a_strange_version_is_refused(folder, commit, command, capsys):
    edit(folder / FILE, "_commit: 0.1.0", f"_commit: {commit}")
    before = living.tree(folder)
    assert torchgen(folder, *command) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert living.tree(folder) == before


def test_what_runs_at_the_same_time_is_not_overwritten(folder):
    """The plan is of a moment; what is written after it stops it."""
    changed = lifecycle.update(living.opened(folder), "0.2.0", ())
    (folder / "README.md").write_text("written meanwhile\n")
    before = living.tree(folder)
    with pytest.raises(RequestError, match=r"README\.md was changed just now"):
        changed.plan.apply()
    assert living.tree(folder) == before


# A real project, months later.

LOOP, SHAPES = "project/[= package =]/train.py.jinja", "project/[= package =]/shapes.py.jinja"
BASELINE, CROSS_ENTROPY = (
    "project/configs/baseline.py.jinja",
    "components/loss/cross_entropy/cross_entropy.py",
)
NOTE = "# Added by a newer release."
OWN_STEP = """    stepped = precision.step(optimizer, norm)
    if stepped and norm > 1e3:
        print("a steep step")  # mine
    return batch_loss, norm, stepped
"""
OWN_METRIC = '''

def error_rate(logits: Tensor, targets: Tensor) -> float:
    """The share of samples whose class is wrong: mine."""
    return 1 - accuracy(logits, targets)
'''
OWN_TEST = """from pathlib import Path

import torch

from leaf.config import load
from leaf.losses.half import HalfLoss
from leaf.metrics.classification import error_rate


def test_one_of_two_is_wrong():
    assert error_rate(torch.eye(2), torch.tensor([0, 0])) == 0.5


def test_my_config_has_my_loss():
    assert load(Path("configs/half.py")).loss is HalfLoss
"""
OWN_LOSS = '''"""Half the cross-entropy: mine."""

from torch import Tensor, nn


class HalfLoss(nn.CrossEntropyLoss):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return super().forward(input, target) / 2
'''
OWN_CONFIG = '''"""The baseline with my loss."""

from dataclasses import replace

from configs.baseline import config as baseline
from leaf.losses.half import HalfLoss

config = replace(baseline, loss=HalfLoss, epochs=3)
'''


def real_releases() -> dict[str, histories.Texts]:
    """The templates as they are, and a newer release that changes what users edit, elsewhere."""
    changes = {
        LOOP: ("\ndef main() -> None:\n", f"\n{NOTE}\ndef main() -> None:\n"),
        SHAPES: ("from ", f"{NOTE}\nfrom "),
        BASELINE: ("\nconfig = Config(\n", f"\n{NOTE}\nconfig = Config(\n"),
        CROSS_ENTROPY: ("\nclass ", f"\n{NOTE}\nclass "),
    }
    texts = histories.releases_of(living.REAL, {"1.0.0": {}})["1.0.0"]
    newer = {path: texts[path].replace(*change, 1) for path, change in changes.items()}
    assert all(newer[path] != texts[path] for path in newer)
    return {"1.0.0": texts, "1.1.0": texts | newer}


def passes_its_tests(folder: Path) -> None:
    """A part of them; nothing of it is left behind."""
    names = ["test_loss.py", "test_own.py", "losses", "optimizers"]
    there = [f"tests/{name}" for name in names if (folder / "tests" / name).exists()]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *there],
        cwd=folder,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def as_its_user_left_it(folder: Path) -> None:
    """The step rewritten, a metric added, a module moved, a loss and a config of their own."""
    end = "    return batch_loss, norm, precision.step(optimizer, norm)\n"
    edit(folder / "leaf" / "train.py", end, OWN_STEP)
    metrics = folder / "leaf" / "metrics" / "classification.py"
    metrics.write_text(metrics.read_text() + OWN_METRIC)
    (folder / "tests" / "test_own.py").write_text(OWN_TEST)
    (folder / "leaf" / "shapes.py").rename(folder / "leaf" / "sizes.py")
    for file in folder.rglob("*.py"):
        text = file.read_text()
        file.write_text(re.sub(r"(from (?:\.|leaf\.))shapes import", r"\1sizes import", text))
    (folder / "leaf" / "losses" / "half.py").write_text(OWN_LOSS)
    (folder / "configs" / "half.py").write_text(OWN_CONFIG)
    edit(folder / "configs" / "baseline.py", "max_grad_norm=1.0", "max_grad_norm=0.5")


@pytest.mark.slow
def test_a_project_in_use_is_extended_and_updated_with_all_its_edits(tmp_path):
    with living.installed(tmp_path / "releases", real_releases()):
        folder = tmp_path / "leaf"
        living.make(folder, "1.0.0")
        as_its_user_left_it(folder)
        passes_its_tests(folder)
        start = living.tree(folder)
        for command in (
            ["add", "loss", "focal"],
            ["add", "model", "resnet"],
            ["add", "optimizer", "muon"],
            ["set", "optimizer", "sgd"],
            ["update", "loss/cross_entropy"],
        ):
            assert torchgen(folder, *command) == 0, command
        files = living.tree(folder).items()
        text = {path: file[0].decode() for path, file in files if file}
        assert OWN_STEP in text["leaf/train.py"]
        assert text["leaf/metrics/classification.py"].endswith(OWN_METRIC)
        assert text["leaf/losses/half.py"] == OWN_LOSS
        assert text["configs/half.py"] == OWN_CONFIG
        assert text["tests/test_own.py"] == OWN_TEST
        assert "max_grad_norm=0.5" in text["configs/baseline.py"]
        assert "torch.optim.SGD" in text["configs/baseline.py"]
        updated = ["leaf/train.py", "leaf/sizes.py", "configs/baseline.py"]
        assert all(NOTE in text[path] for path in [*updated, "leaf/losses/cross_entropy.py"])
        assert "leaf/shapes.py" not in text
        assert {"configs/focal.py", "leaf/models/resnet.py", "configs/muon.py"} <= text.keys()
        assert "_commit: 1.1.0" in text[FILE]
        passes_its_tests(folder)
        for _ in range(5):
            assert torchgen(folder, "undo") == 0
        assert living.tree(folder) == start
