"""What a user types and reads in a project months later: outputs, exit codes, mistakes, dry runs."""

import re
import shutil
from functools import lru_cache
from pathlib import Path

import histories
import pytest

from torchgen_cli import catalogue as catalogue_module
from torchgen_cli import cli, history, lifecycle, transaction
from torchgen_cli.answers import FILE, complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer

REAL = Path(__file__).parent.parent / "templates"
TRAIN = "project/[= package =]/train.py.jinja"
FOCAL = "components/loss/focal/focal.py"
STEP = '"""Trains a model: the whole run, top to bottom."""\n'
NEWER = {
    TRAIN: '"""Trains a model: the whole run, top to bottom, a step at a time."""\n',
    FOCAL: ("ignore_index: int = -100", "ignore_index: int = -1"),
}
BEHAVIOUR = "Runs are a step longer."
NUMERICS = "Targets of -100 count."
COMMANDS = ("add", "remove", "set", "update", "diff", "status", "undo")


@pytest.fixture(scope="module")
def history_files(tmp_path_factory):
    """Name -> a history file, which takes a while to compress."""
    return {name: tmp_path_factory.mktemp(name) / history.FILE.name for name in ("small", "real")}


def install(templates, file, monkeypatch, newer):
    """A torchgen 0.2.0; `newer` is what it changed since 0.1.0."""
    versions = histories.releases_of(templates, {"0.1.0": {}, "0.2.0": newer})
    if not file.exists():
        behaviour, numerics = {"0.2.0": [BEHAVIOUR]}, {"0.2.0": {"loss/focal": NUMERICS}}
        histories.write(file.parent, versions, behaviour, numerics)
    monkeypatch.setattr(history, "FILE", file)
    monkeypatch.setattr(history, "__version__", "0.2.0")
    histories.lay_out(templates, versions["0.2.0"])


@lru_cache
def rendered(_history, version, components):
    with history.templates(version) as templates:
        given = {"project": "leaf", "components": components}
        return Renderer(templates).render(complete(given, Catalogue(templates)), version)


def write_project(folder, version, *components):
    """A project, as some release of torchgen left it."""
    for path, file in rendered(history.FILE, version, components).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)


@pytest.fixture
def installed(torchgen, templates, history_files, monkeypatch):
    install(templates, history_files["small"], monkeypatch, NEWER)


@pytest.fixture
def leaf(installed, work, monkeypatch):
    """A project of the newest release; we are in its folder."""
    write_project(work / "leaf", "0.2.0")
    monkeypatch.chdir(work / "leaf")
    return work / "leaf"


@pytest.fixture
def old_leaf(installed, work, monkeypatch):
    """One of the release before, with a component that has changed since."""
    write_project(work / "leaf", "0.1.0", "loss/focal")
    monkeypatch.chdir(work / "leaf")
    return work / "leaf"


def append(file, text):
    file.write_text(file.read_text() + text)


def done(result):
    """The lines of a report that say what happened to a file: action and path."""
    actions = "create|update|merge|conflict|beside|delete|skip|keep"
    found = re.findall(rf"^({actions}) +(\S+)", result.out + result.err, re.MULTILINE)
    return [f"{kind} {path}" for kind, path in found]


# --- what each command says ---


def test_add_says_what_it_created_and_what_to_run(torchgen, leaf):
    added = torchgen("add", "loss", "focal")
    assert (added.code, added.out) == (0, "")
    assert done(added) == [
        "create configs/focal.py",
        "create leaf/losses/focal.py",
        "create tests/losses/test_focal.py",
        "update .copier-answers.yml",
    ]
    assert added.err.endswith("Next:\n  python -m leaf.train configs/focal.py\n")


def test_add_with_settings_names_the_config_and_writes_them_there(torchgen, leaf):
    added = torchgen("add", "loss", "focal", "--gamma", "3", "--as", "hard_focal")
    assert "python -m leaf.train configs/hard_focal.py" in added.err
    assert "partial(FocalLoss, gamma=3)" in (leaf / "configs" / "hard_focal.py").read_text()


def test_add_of_several_says_how_to_run_each(torchgen, leaf):
    added = torchgen("add", "optimizer", "sgd", "adamw", "sgd")
    runs = re.findall(r"python -m leaf.train (.+)", added.err)
    assert runs == ["configs/sgd.py"]  # adamw is the baseline's


def test_what_no_baseline_has_comes_and_goes_with_a_config(torchgen, leaf, tree):
    torchgen("status")  # makes .torchgen
    before = tree(leaf)
    added = torchgen("add", "averaging", "ema", "--decay", "0.9")
    assert added.err.endswith("Next:\n  python -m leaf.train configs/ema.py\n")
    assert "averaging=partial(Ema, decay=0.9)" in (leaf / "configs" / "ema.py").read_text()
    assert "added     averaging ema (configs/ema.py)" in torchgen("status").out
    taken = torchgen("add", "averaging", "ema", "--decay", "0.99")
    assert taken.err.startswith("error: configs/ema.py is there already, for averaging/ema decay=")
    again = torchgen("add", "averaging", "ema", "--decay", "0.99", "--as", "slow")
    assert done(again) == ["create configs/slow.py", "update .copier-answers.yml"]
    assert done(torchgen("remove", "averaging", "ema")) == [
        "delete configs/ema.py",
        "delete configs/slow.py",
        "delete leaf/averages/ema.py",
        "update .copier-answers.yml",
    ]
    left = {path: content for path, content in tree(leaf).items() if path[:9] != ".torchgen"}
    assert left == {path: content for path, content in before.items() if path[:9] != ".torchgen"}


def test_add_prints_the_edit_to_a_file_of_the_user_and_does_not_make_it(torchgen, leaf):
    before = (leaf / "README.md").read_bytes()
    added = torchgen("add", "tracker", "board")
    assert "uv add 'board>=2'" in added.err
    assert "update" not in [line.split()[0] for line in done(added)[:-1]]
    assert (leaf / "README.md").read_bytes() == before


def test_add_twice_says_that_there_is_nothing_to_do(torchgen, leaf, tree):
    torchgen("add", "loss", "focal")
    before = tree(leaf)
    again = torchgen("add", "loss", "focal")
    assert (again.code, again.err) == (0, "There is nothing to do: the project is so already.\n")
    assert tree(leaf) == before


def test_remove_says_what_it_deleted_and_names_what_it_kept(torchgen, leaf):
    torchgen("add", "loss", "focal")
    append(leaf / "leaf" / "losses" / "focal.py", "mine = 1\n")
    removed = torchgen("remove", "loss", "focal")
    assert removed.code == 0
    assert done(removed) == [
        "delete configs/focal.py",
        "skip leaf/losses/focal.py",
        "delete tests/losses/test_focal.py",
        "update .copier-answers.yml",
    ]
    assert "leaf/losses/focal.py  you edited it: it stays, and is yours now" in removed.err


def test_set_says_that_the_baseline_is_to_be_run(torchgen, leaf):
    chosen = torchgen("set", "optimizer", "sgd")
    assert done(chosen)[0] == "update configs/baseline.py"
    assert chosen.err.endswith("Next:\n  python -m leaf.train configs/baseline.py\n")
    assert "torch.optim.SGD" in (leaf / "configs" / "baseline.py").read_text()


def test_update_says_which_behaviour_changes_and_what_stays_as_it_is(torchgen, old_leaf):
    updated = torchgen("update")
    assert updated.code == 0
    assert done(updated) == ["update leaf/train.py", "update .copier-answers.yml"]
    assert BEHAVIOUR in updated.err
    kept = "loss/focal stays as it is; `torchgen update loss/focal` brings a newer one."
    assert f"{kept} {NUMERICS}" in updated.err


def test_update_brings_a_component_that_is_named(torchgen, old_leaf):
    updated = torchgen("update", "focal")
    assert "update leaf/losses/focal.py" in done(updated)
    assert "stays as it is" not in updated.err
    assert "= -1)" in (old_leaf / "leaf" / "losses" / "focal.py").read_text()


def test_conflicts_are_listed_with_their_lines_and_exit_code_3(torchgen, old_leaf):
    (old_leaf / "leaf" / "train.py").write_text('# mine\n"""Trains my model."""\n')
    updated = torchgen("update")
    assert updated.code == 3
    assert re.search(r"^conflict +leaf/train\.py  line 1$", updated.err, re.MULTILINE)
    assert "Conflicts: files with markers to resolve: 1." in updated.err
    shown = torchgen("status")
    assert shown.code == 1
    assert re.search(r"^ +conflict +leaf/train\.py, line 1$", shown.out, re.MULTILINE)


def test_diff_alone_is_how_the_project_differs_from_what_torchgen_wrote(torchgen, leaf):
    assert torchgen("diff").out == ""
    (leaf / "leaf" / "train.py").write_text(STEP)
    (leaf / "leaf" / "config.py").unlink()
    shown = torchgen("diff")
    assert (shown.code, shown.err) == (0, "")
    assert "+++ b/leaf/train.py" in shown.out
    assert f"\n+{STEP}" in shown.out
    assert '\n-"""What a run is made of."""\n' in shown.out


@pytest.mark.parametrize(
    ("flags", "command"),
    [
        (["--set", "optimizer=sgd"], ["set", "optimizer", "sgd"]),
        (["--to", "0.2.0"], ["update", "--to", "0.2.0"]),
    ],
)
def test_diff_of_a_command_names_just_the_files_that_the_command_writes(
    torchgen, old_leaf, tree, flags, command
):
    before = tree(old_leaf)
    shown = torchgen("diff", *flags)
    assert tree(old_leaf) == before
    paths = re.findall(r"^\+\+\+ b/(\S+)$", shown.out, re.MULTILINE)
    assert paths == [line.split()[1] for line in done(torchgen(*command))] != []


def test_status_is_a_few_lines_of_choices_and_edits(torchgen, leaf):
    torchgen("add", "loss", "focal", "--gamma", "3", "--as", "hard")
    torchgen("add", "reader", "rows")
    (leaf / "leaf" / "train.py").write_text(STEP)
    shown = torchgen("status")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines() == [
        f"leaf in {leaf}",
        "  version   0.2.0",
        "  baseline  task image_classification, model cnn, loss cross_entropy, optimizer adamw, "
        "scheduler cosine, precision auto, tracker none",
        "  added     loss focal (configs/hard.py), reader rows",
        "  edited    leaf/train.py",
    ]


def test_status_says_that_there_is_a_newer_version_by_exit_code_1(torchgen, old_leaf):
    shown = torchgen("status")
    assert shown.code == 1
    assert "version   0.1.0, 0.2.0 is available" in shown.out
    assert f"newer     loss/focal: {NUMERICS}" in shown.out
    assert shown.err == "Next: torchgen update --dry-run\n"
    torchgen("update")
    assert torchgen("status").code == 0


def test_undo_says_what_it_took_back(torchgen, leaf, tree):
    before = tree(leaf)
    torchgen("add", "loss", "focal")
    undone = torchgen("undo")
    assert undone.code == 0
    assert done(undone) == [
        "delete configs/focal.py",
        "delete leaf/losses/focal.py",
        "delete tests/losses/test_focal.py",
        "update .copier-answers.yml",
    ]
    assert f"`torchgen add loss focal` is undone in {leaf}." in undone.err
    left = {path: content for path, content in tree(leaf).items() if path[:9] != ".torchgen"}
    assert left == before


def test_a_command_that_was_killed_is_finished_first_and_said(torchgen, leaf, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr(transaction, "_finish", lambda project: None)
        torchgen("add", "loss", "focal")
    assert not (leaf / "configs" / "focal.py").exists()
    shown = torchgen("status")
    assert shown.err == "Finished first: torchgen add loss focal, which was interrupted.\n"
    assert "added     loss focal (configs/focal.py)" in shown.out


# --- for every command ---

CHANGES = {
    "add": ["add", "optimizer", "sgd"],
    "remove": ["remove", "loss", "focal"],
    "set": ["set", "optimizer", "sgd"],
    "update": ["update"],
    "undo": ["undo"],
}


@pytest.fixture
def changed_leaf(torchgen, old_leaf):
    """A project in which each of CHANGES has something to do."""
    torchgen("add", "model", "mlp")
    return old_leaf


@pytest.mark.parametrize("command", CHANGES)
def test_a_dry_run_says_the_same_and_writes_nothing(torchgen, changed_leaf, tree, command):
    if command != "undo":
        shutil.rmtree(changed_leaf / ".torchgen")
    before = tree(changed_leaf)
    planned = torchgen(*CHANGES[command], "--dry-run")
    assert tree(changed_leaf) == before
    assert planned.code == 0
    assert done(planned) == re.sub(r" +", " ", planned.out).splitlines()
    told = torchgen(*CHANGES[command], "--dry-run", "--json").json
    assert tree(changed_leaf) == before
    assert told["written"] is False
    made = torchgen(*CHANGES[command])
    assert done(made) == done(planned) != []
    assert tree(changed_leaf) != before


@pytest.mark.parametrize("command", CHANGES)
def test_quiet_says_nothing(torchgen, changed_leaf, tree, command):
    before = tree(changed_leaf)
    quiet = torchgen(*CHANGES[command], "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    assert tree(changed_leaf) != before


CHANGED = {
    "schema", "ok", "command", "project", "written", "files", "conflicts", "behaviour", "newer", "next",
}  # fmt: skip
SCHEMA = {
    "add": CHANGED,
    "remove": CHANGED,
    "set": CHANGED,
    "update": CHANGED,
    "diff": {"schema", "ok", "project", "files"},
    "status": {
        "schema", "ok", "project", "clean", "version", "newest", "baseline", "added", "edited",
        "deleted", "newer", "conflicts",
    },
    "undo": {"schema", "ok", "project", "undone", "files", "written"},
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_json_is_one_object_of_a_stable_schema(torchgen, changed_leaf, command):
    told = torchgen(*CHANGES.get(command, [command]), "--json")
    assert told.err == ""
    assert {*told.json} == SCHEMA[command]
    assert (told.json["schema"], told.json["ok"]) == (1, True)
    assert told.json["project"] == str(changed_leaf)


@pytest.mark.parametrize("command", COMMANDS)
def test_json_of_an_error_has_its_own_schema(torchgen, work, command):
    told = torchgen(*CHANGES.get(command, [command]), "--json")
    assert (told.code, told.err) == (2, "")
    assert {*told.json} == {"schema", "ok", "message", "fix"}
    assert told.json["ok"] is False


def test_json_holds_what_the_report_says(torchgen, old_leaf):
    (old_leaf / "leaf" / "train.py").write_text('# mine\n"""Trains my model."""\n')
    told = torchgen("update", "--json")
    assert told.code == 3
    told = told.json
    assert told["written"] is True
    assert told["conflicts"] == ["leaf/train.py"]
    assert told["behaviour"] == [BEHAVIOUR]
    assert told["newer"] == {"loss/focal": NUMERICS}
    file = {"path": "leaf/train.py", "action": "conflict", "note": "", "lines": [1]}
    assert told["files"][0] == file
    status = torchgen("status", "--json").json
    assert (status["version"], status["newest"], status["clean"]) == ("0.2.0", "0.2.0", False)
    assert status["conflicts"] == {"leaf/train.py": [1]}
    assert status["added"] == [{"component": "loss/focal", "config": "focal", "settings": {}}]
    assert torchgen("add", "model", "mlp", "--json").json["next"] == [
        "python -m leaf.train configs/mlp.py"
    ]
    assert torchgen("undo", "--json").json["undone"] == "torchgen add model mlp"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_finds_the_project_from_inside_and_from_elsewhere(
    torchgen, changed_leaf, monkeypatch, command
):
    monkeypatch.chdir(changed_leaf / "leaf" / "losses")
    inside = torchgen(*CHANGES.get(command, [command]), *["--dry-run"] * (command in CHANGES))
    monkeypatch.chdir("/")
    more = ["--dry-run"] if command in CHANGES else []
    outside = torchgen(*CHANGES.get(command, [command]), *more, "--project", str(changed_leaf))
    assert inside == outside
    assert inside.code == (command == "status")


def test_ctrl_c_is_exit_code_130(torchgen, leaf, monkeypatch, tree):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(lifecycle, "add", interrupted)
    before = tree(leaf)
    stopped = torchgen("add", "loss", "focal")
    assert (stopped.code, stopped.err) == (130, "Interrupted; nothing was written.\n")
    assert tree(leaf) == before


def test_a_folder_that_cannot_be_written_to_is_exit_code_1(torchgen, leaf, monkeypatch, tree):
    def forbidden(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    before = tree(leaf)
    monkeypatch.setattr(Path, "mkdir", forbidden)
    refused = torchgen("add", "loss", "focal")
    assert refused.code == 1
    assert "could not be written: permission denied. Nothing was changed." in refused.err
    assert tree(leaf) == before


# --- mistakes ---

MISTAKES = {
    ("add", "los", "focal"): "There is no kind 'los'. Did you mean 'loss'?",
    ("add", "loss", "focl"): "There is no loss 'focl'. Did you mean 'focal'?",
    ("add", "loss", "sgd"): "There is no loss 'sgd'; there is the optimizer 'sgd'.",
    ("add", "loss"): "Missing argument 'NAME...",
    ("add", "loss", "--gamma", "3"): "No component is named.",
    ("add", "loss", "focal", "--gama", "3"): "focal has no setting 'gama'. Did you mean 'gamma'?",
    ("add", "loss", "focal", "--gamma", "big"): "gamma takes float such as 2.0, not 'big'.",
    ("add", "loss", "focal", "--gamma"): "--gamma has no value.",
    ("add", "loss", "focal", "--dry-rnu"): "--dry-rnu has no value. Did you mean --dry-run?",
    ("add", "loss", "focal", "-x"): "No such option: -x.",
    ("add", "loss", "focal", "cross_entropy", "--as", "x"): "--as are for one component.",
    ("add", "loss", "focal", "--as", "Hard-Focal"): "A config cannot be called 'Hard-Focal'",
    ("add", "loss", "focal", "--as", "class"): "cannot be called 'class': that is a word of Python.",
    ("add", "loss", "focal", "--as", "baseline"): "configs/baseline.py is changed by `torchgen set`.",
    ("add", "model", "mlp", "--as", "mine"): "configs/mine.py: a file of yours is there already.",
    ("add", "loss", "mse"): "mse needs numbers; image_classification predicts classes.",
    ("add", "reader", "rows", "--as", "x"): "A reader has no config",
    ("remove", "loss", "cross_entropy"): "loss/cross_entropy is what the baseline uses.",
    ("remove", "model", "mlp"): "model/mlp was not added to this project. Added: loss/focal.",
    ("remove", "loss", "focal"): "loss/focal is still in use:\nmine.py imports leaf.losses.focal",
    ("remove", "loss", "focl"): "There is no loss 'focl'. Did you mean 'focal'?",
    ("set", "task", "tabular_regression"): "it can be added, and not replaced.",
    ("set", "reader", "rows"): "No config chooses a reader, so there is none to set.",
    ("set", "averaging", "ema"): "The baseline has no averaging to set: it is added, with a config.",
    ("set", "loss", "mse"): "mse needs numbers; image_classification predicts classes.",
    ("set", "optimizer", "adamww"): "There is no optimizer 'adamww'. Did you mean 'adamw'?",
    ("update", "--to", "0.1.0"): "The project is of 0.2.0, which is newer than 0.1.0.",
    ("update", "--to", "9.0"): "9.0 is newer than the newest version that this torchgen knows",
    ("update", "--to", "0.0.1"): "There is no version 0.0.1. There are: 0.1.0, 0.2.0.",
    ("update", "--to", "main"): "'main' is not a version.",
    ("update", "focl"): "The project has no component 'focl'. Did you mean 'focal'?",
    ("diff", "--set", "loss"): "'loss' is not KIND=NAME.",
    ("diff", "--set", "loss=focl"): "There is no loss 'focl'. Did you mean 'focal'?",
    ("diff", "--set", "loss=focal", "--to", "0.2.0"): "Give --set or --to, not both.",
    ("status", "--dry-run"): "No such option: --dry-run",
    ("undo",): "There is nothing to undo: no command has changed this project here.",
    ("undo", "add"): "unexpected extra argument",
    ("status", "--project", "nowhere"): "nowhere is no folder.",
    ("add", "loss", "focal", "-C", ".."): "is in no project of torchgen",
}  # fmt: skip


# A sentence that says what would do, or that nothing is to be done, needs no command beside it.
SAID_ALREADY = "takes .* such as|There are: |are written like|A line a key|nothing to undo|only the torchgen that wrote it|Did you mean|Restore it"


def is_refused(torchgen, tree, folder, arguments, message):
    """One error and a way on, in exit code 2, as text and as JSON; and nothing is touched."""
    before = tree(folder)
    plain, told = torchgen(*arguments), torchgen(*arguments, "--json")
    assert tree(folder) == before
    assert (plain.code, told.code) == (2, 2)
    assert (plain.out, told.err) == ("", "")
    assert plain.err.startswith("error: ")
    assert " ".join(message.split()) in " ".join(told.json["message"].split())
    assert " ".join(message.split()) in " ".join(plain.err.split())
    text = told.json["message"]
    assert told.json["fix"] or re.search(SAID_ALREADY, text), "what is to be done?"
    return told.json["fix"]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.items())
def test_a_mistake_is_one_error_with_a_fix_and_exit_code_2(
    torchgen, leaf, tree, arguments, message
):
    write_project(leaf, "0.2.0", "loss/focal")
    (leaf / "mine.py").write_text("from leaf.losses.focal import FocalLoss\n")
    (leaf / "configs" / "mine.py").write_text("mine = True\n")
    is_refused(torchgen, tree, leaf, arguments, message)


DAMAGE = {
    "a conflict": ("loss: cross_entropy", "<<<<<<< a\nloss: mse\n=======\n", "is not valid YAML"),
    "no YAML": ("loss: cross_entropy", "loss: [", "is not valid YAML"),
    "a strange answer": ("loss: cross_entropy", "los: mse", "'los' is no answer. Did you mean"),
    "a strange choice": ("loss: cross_entropy", "loss: cross", "There is no loss 'cross'"),
    "a choice that misfits": ("loss: cross_entropy", "loss: mse", "mse needs numbers"),
    "no task": ("task: image_classification\n", "", "has no 'task'. Restore it:"),
    "another template": ("git+torchgen://templates", "gh:them/theirs", "not by torchgen"),
    "no version": ("_commit: 0.2.0\n", "", "`_commit` is missing"),
    "a newer version": ("_commit: 0.2.0", "_commit: 0.3.0", "0.3.0 is newer than the newest"),
    "a lost version": ("_commit: 0.2.0", "_commit: 0.1.7", "There is no version 0.1.7."),
    "a state of development": ("_commit: 0.2.0", "_commit: 0.2.0+abcdef12", "is no release"),
    "no version at all": ("_commit: 0.2.0", "_commit: ../../etc", "is not a version"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_answers_are_told_and_nothing_is_written(torchgen, leaf, tree, damage):
    old, new, message = DAMAGE[damage]
    text = (leaf / FILE).read_text()
    assert old in text
    (leaf / FILE).write_text(text.replace(old, new))
    for command in ("add", "remove", "set", "update", "diff", "status"):
        is_refused(torchgen, tree, leaf, CHANGES.get(command, [command]), message)


def test_a_component_that_another_needs_cannot_go(torchgen, leaf, tree):
    torchgen("add", "task", "tabular_regression")
    torchgen("add", "loss", "mse")
    command = ["remove", "task", "tabular_regression"]
    message = "task/tabular_regression cannot go: loss/mse was added for it"
    assert is_refused(torchgen, tree, leaf, command, message) == ["torchgen remove loss mse"]


def test_a_config_that_is_taken_is_told_with_a_command_that_works(torchgen, leaf, tree):
    torchgen("add", "loss", "focal", "--gamma", "3", "--as", "hard")
    command = ["add", "loss", "focal", "--gamma", "4", "--as", "hard"]
    message = "configs/hard.py is there already, for loss/focal gamma=3."
    [fix] = is_refused(torchgen, tree, leaf, command, message)
    assert torchgen(*fix.split()[1:]).code == 0
    assert "gamma=4" in (leaf / "configs" / "hard_2.py").read_text()


def test_what_would_fit_instead_is_a_command_that_works(torchgen, leaf, tree):
    wrong = ["set", "loss", "mse"]
    fixes = is_refused(
        torchgen, tree, leaf, wrong, "For image_classification: cross_entropy, focal."
    )
    assert fixes[0] == "torchgen set loss focal"  # and not what is chosen already
    assert torchgen(*fixes[0].split()[1:]).code == 0


def test_undo_twice_and_undo_after_an_edit_are_refused(torchgen, leaf, tree):
    torchgen("add", "loss", "focal")
    append(leaf / "configs" / "focal.py", "# mine\n")
    message = "`torchgen add loss focal` cannot be undone: changed since then: configs/focal.py."
    assert is_refused(torchgen, tree, leaf, ["undo"], message)
    torchgen("add", "optimizer", "sgd")
    assert torchgen("undo").code == 0
    assert is_refused(torchgen, tree, leaf, ["undo"], message)


# --- help and completion ---


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_examples_that_work(
    torchgen, history_files, work, monkeypatch, tmp_path, command
):
    """In a project of the real catalogue, which is what the help speaks of."""
    templates = tmp_path / "real"
    shutil.copytree(REAL, templates, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(catalogue_module, "templates_folder", lambda: templates)
    newer = {FOCAL: (REAL / FOCAL).read_text() + "\n# newer\n"}
    install(templates, history_files["real"], monkeypatch, newer)
    added = ["loss/focal"] if command in ("remove", "update") else []
    write_project(work / "leaf", "0.1.0", *added)
    monkeypatch.chdir(work / "leaf")
    if command == "undo":
        torchgen("add", "loss", "focal")
    shown = torchgen(command, "--help")
    examples = re.findall(rf"^ +torchgen ({command} ?.*)$", shown.out, re.MULTILINE)
    assert f"Examples:\n    torchgen {command}" in shown.out
    assert examples
    for example in examples:
        result = torchgen(*example.partition(" | ")[0].split())
        assert result.code == (command == "status"), result.err


def test_help_says_which_exit_codes_there_are(torchgen):
    shown = torchgen("status", "--help").out
    assert "Exit code 0: nothing to do. 1: a newer version, or conflicts to resolve." in shown


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("torchgen ad", ["add"]),
        ("torchgen add schedu", ["scheduler"]),
        ("torchgen add loss foc", ["focal"]),
        ("torchgen add loss bce foc", ["focal"]),
        ("torchgen remove loss foc", ["focal"]),
        ("torchgen set optimizer muo", ["muon"]),
        ("torchgen update --dr", ["--dry-run"]),
        ("torchgen diff --se", ["--set"]),
    ],
)
def test_completion(process, line, offered):
    words = str(len(line.split()) - 1)
    done = process(_TORCHGEN_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=words)
    assert done.stdout.split() == offered


def test_every_command_of_a_project_is_tested_here():
    others = {"new", "list", "show"}
    assert {command.name or command.callback.__name__ for command in cli.app.registered_commands} == {
        *COMMANDS, *others,
    }  # fmt: skip
