"""`torchgen new` makes the whole project or nothing, and never touches what is there."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from torchgen_cli import git as git_module
from torchgen_cli import names, plan
from torchgen_cli.plan import File, FileAction, creation

FILES = {
    "README.md": File(b"# leaf\n"),
    "leaf/train.py": File(b"print()\n"),
    "leaf/losses/focal.py": File(b"gamma = 2\n"),
    "run.sh": File(b"#!/bin/sh\n", executable=True),
}
SOURCE = Path(__file__).parent.parent / "src" / "torchgen"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}
WRITES = ("builtins.open", "os.replace", "os.rename", "os.mkdir", "os.rmdir")


class Interrupt:
    """Raises at the k-th call that changes a disk, before the call or just after it."""

    def __init__(self, monkeypatch, at, error, late):
        self.calls, self.at, self.error, self.late = 0, at, error, late
        for name in WRITES:
            monkeypatch.setattr(
                name, self.wrap(getattr(sys.modules[name.split(".")[0]], name.split(".")[1]))
            )

    def wrap(self, function):
        def called(*arguments, **keywords):
            self.calls += 1
            now = self.calls == self.at
            if now and not self.late:
                raise self.error
            result = function(*arguments, **keywords)
            if now:
                raise self.error
            return result

        return called


def count_of_writes(target, monkeypatch):
    with monkeypatch.context() as patched:
        counted = Interrupt(patched, at=0, error=None, late=False)
        creation(target, FILES).apply()
    return counted.calls


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("there", [None, {}, {"notes.txt": b"mine", "leaf/old.py": b"mine, too"}])
def test_interrupted_at_any_write_it_leaves_the_target_as_it_was(
    tmp_path, monkeypatch, tree, there, error, late
):
    def prepared(number):
        target = tmp_path / str(number) / "deep" / "leaf"
        for path, content in (there or {}).items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(content)
        if there is not None:
            target.mkdir(parents=True, exist_ok=True)
        (tmp_path / str(number)).mkdir(exist_ok=True)
        return target

    writes = count_of_writes(prepared(0), monkeypatch)
    assert writes >= len(FILES) + 2
    for number in range(1, writes + 1):
        target = prepared(number)
        before = tree(tmp_path / str(number))
        made = creation(target, FILES)
        with monkeypatch.context() as patched:
            Interrupt(patched, at=number, error=error, late=late)
            done = False
            try:
                made.apply()
                done = True
            except (KeyboardInterrupt, plan.MachineError):
                pass
        after = tree(tmp_path / str(number))
        complete = all((target / path).is_file() for path in FILES)
        assert after == before or (complete and (done or late)), f"write {number} of {writes}"
        assert not [path for path in after if "/." in f"/{path}"], "a temporary folder is left"


def test_what_appears_after_the_plan_was_made_is_not_overwritten(tmp_path, tree):
    (tmp_path / "leaf").mkdir()
    made = creation(tmp_path / "leaf", FILES)
    (tmp_path / "leaf" / "run.sh").write_text("mine")
    with pytest.raises(plan.MachineError, match="something else wrote it just now"):
        made.apply()
    assert tree(tmp_path / "leaf") == {"run.sh": b"mine"}


def test_two_files_of_one_name_are_never_one_file(tmp_path):
    """As `Model.py` and `model.py` are on some file systems."""
    twice = FileAction("model.py", "create", File(b"")), FileAction("model.py", "create", File(b""))
    with pytest.raises(plan.MachineError, match="file exists"):
        plan.Plan(tmp_path / "leaf", twice).apply()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_in_a_sentence(tmp_path, monkeypatch):
    made = creation(tmp_path / "leaf", FILES)
    Interrupt(monkeypatch, at=4, error=OSError(28, "No space left on device"), late=False)
    with pytest.raises(plan.MachineError, match=r"no space left on device\. Nothing was changed\."):
        made.apply()


def test_terminated_it_leaves_nothing(tmp_path, templates):
    """SIGTERM after the first file, in a process of its own."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from torchgen_cli import catalogue, cli, lifecycle, plan\n"
        f"catalogue.templates_folder = lambda: Path({str(templates)!r})\n"
        "write = plan._write\n"
        "def deadly(place, file):\n"
        "    write(place, file)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "plan._write = deadly\n"
        "sys.exit(cli.main(['new', 'leaf', '-y']))\n"
    )
    work = tmp_path / "elsewhere"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=work, env=ENVIRONMENT, capture_output=True, check=False
    )
    assert done.returncode == 143
    assert list(work.iterdir()) == []
    assert done.stderr == b""


def test_modes_are_ordinary(tmp_path):
    before = os.umask(0o022)
    try:
        creation(tmp_path / "leaf", FILES).apply()
    finally:
        os.umask(before)
    assert (tmp_path / "leaf" / "README.md").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "leaf" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "leaf").stat().st_mode & 0o777 == 0o755


def test_a_dry_run_prints_what_the_real_run_writes(torchgen, work, tree):
    dry = torchgen("new", "leaf", "--loss", "focal", "-y", "--dry-run")
    assert dry.code == 0
    assert not (work / "leaf").exists()
    dry_json = torchgen("new", "leaf", "--loss", "focal", "-y", "--dry-run", "--json").json
    real = torchgen("new", "leaf", "--loss", "focal", "-y", "--no-git", "--json").json
    assert dry_json == real
    written = sorted(path for path, content in tree(work / "leaf").items() if content is not None)
    assert sorted(line.split(maxsplit=1)[1] for line in dry.out.splitlines()) == written


def test_what_does_not_clash_may_be_there(torchgen, work):
    (work / "leaf").mkdir()
    (work / "leaf" / "notes.txt").write_text("mine")
    assert torchgen("new", "leaf", "-y").code == 0
    assert (work / "leaf" / "notes.txt").read_text() == "mine"
    log = subprocess.run(
        ["git", "ls-files"], cwd=work / "leaf", capture_output=True, text=True, check=True
    )
    assert "notes.txt" not in log.stdout


def test_the_same_again_writes_nothing(torchgen, work, tree):
    torchgen("new", "leaf", "-y", "--no-git")
    before = tree(work)
    again = torchgen("new", "leaf", "-y")
    assert again.code == 0
    assert "nothing to write" in again.err
    assert tree(work) == before


def clash_file(folder):
    (folder / "README.md").write_text("mine")
    return "README.md"


def clash_folder(folder):
    (folder / "README.md").mkdir()
    return "README.md"


def clash_file_for_folder(folder):
    (folder / "configs").write_text("mine")
    return "configs"


def clash_link(folder):
    (folder / "README.md").symlink_to(folder.parent / "elsewhere")
    return "README.md"


def clash_link_for_folder(folder):
    (folder.parent / "elsewhere").mkdir()
    (folder / "configs").symlink_to(folder.parent / "elsewhere")
    return "configs"


CLASHES = [clash_file, clash_folder, clash_file_for_folder, clash_link, clash_link_for_folder]


@pytest.mark.parametrize("clash", CLASHES)
def test_what_would_be_touched_is_listed_and_left(torchgen, work, tree, clash):
    (work / "leaf").mkdir()
    name = clash(work / "leaf")
    before = tree(work)
    refused = torchgen("new", "leaf", "-y")
    assert refused.code == 2
    assert f"what is there is never overwritten: {name}." in refused.err
    assert "try: torchgen new leaf-2" in refused.err
    assert tree(work) == before


def test_a_long_list_of_clashes_is_cut(torchgen, work):
    torchgen("new", "leaf", "-y", "--no-git")
    for file in (work / "leaf").rglob("*.py"):
        file.write_text("mine")
    assert "and" in torchgen("new", "leaf", "-y").err
    assert "more." in torchgen("new", "leaf", "-y").err


def test_a_target_that_is_a_file(torchgen, work):
    (work / "leaf").write_text("mine")
    refused = torchgen("new", "leaf", "-y")
    assert (refused.code, (work / "leaf").read_text()) == (2, "mine")
    assert "leaf is a file, and a project is a folder" in refused.err


def test_a_target_below_a_file(torchgen, work):
    (work / "notes").write_text("mine")
    refused = torchgen("new", "notes/leaf", "-y")
    assert refused.code == 2
    assert "notes/leaf cannot be made: notes is no folder" in refused.err


def test_a_target_that_is_a_link(torchgen, work):
    (work / "real").mkdir()
    (work / "leaf").symlink_to("real")
    refused = torchgen("new", "leaf", "-y")
    assert refused.code == 2
    assert "leaf is a symbolic link" in refused.err
    assert list((work / "real").iterdir()) == []


def test_a_folder_that_cannot_be_written_to(torchgen, work, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    refused = torchgen("new", "deep/leaf", "-y")
    assert refused.code == 2
    assert f"{work} cannot be written to" in refused.err
    assert list(work.iterdir()) == []


def test_no_room_for_temporary_files(torchgen, work, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    monkeypatch.chdir(work)
    failed = torchgen("new", "leaf", "-y")
    assert failed.code == 1
    assert "no such file or directory" in failed.err
    assert list(work.iterdir()) == []


PATHS = {
    "leaf": "leaf", "./leaf/": "leaf", "deep/er/leaf": "deep/er/leaf", "../leaf": "../leaf",
    "Leaf Classifier": "Leaf Classifier", "x/../leaf": "leaf", "leaf/x/..": "leaf",
}  # fmt: skip


@pytest.mark.parametrize(("path", "place"), PATHS.items())
def test_the_last_part_of_a_path_names_the_project(torchgen, work, path, place):
    made = torchgen("new", path, "-y", "--no-git", "--json")
    assert made.code == 0
    assert made.json["answers"]["project"] == Path(place).name
    assert (work / place / "README.md").read_text() == f"# {Path(place).name}\n"


def test_this_very_folder(torchgen, work):
    made = torchgen("new", ".", "-y", "--no-git", "--json")
    assert (made.code, made.json["answers"]["project"]) == (0, "work")
    assert (work / "work" / "train.py").is_file()
    assert made.json["next"][0] == "python -m pip install -e ."


@pytest.mark.parametrize(
    "path", ["", " ", "/", "1abc", "naïve", "a\tb", "leaf\x00", "\udcff", "x\x00y/leaf"]
)
def test_bad_paths_are_refused(torchgen, work, path):
    refused = torchgen("new", path, "-y", "--no-git")
    assert refused.code == 2
    assert refused.err.startswith("error: ")
    assert "Traceback" not in refused.err
    assert [
        place for place in work.parent.iterdir() if place.name not in {"templates", "work"}
    ] == []


PARTS = st.text(max_size=20) | st.sampled_from(["leaf", "Leaf 2", "..", ".", "con", "a" * 300])


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(parts=st.lists(PARTS, min_size=1, max_size=3), package=st.none() | st.text(max_size=40))
def test_whatever_is_typed_it_is_made_or_refused_and_nothing_else_is_touched(
    torchgen, work, parts, package
):
    path = "/".join([".", *parts])
    made = Path(os.path.normpath(work / path.replace("\0", "")))
    assume(made.is_relative_to(work))
    options = () if package is None else (f"--package={package}",)
    result = torchgen("new", path, *options, "-y", "--no-git", "--quiet")
    assert result.code in {0, 2} or "file name too long" in result.err
    assert "mistake in torchgen" not in result.err
    if result.code == 0:
        assert names.title_problem(made.name) is None
        assert (made / "configs" / "baseline.py").is_file()
    else:
        assert list(work.iterdir()) == []
    assert sorted(place.name for place in work.parent.iterdir()) == ["templates", "work"]
    for place in work.iterdir():
        shutil.rmtree(place) if place.is_dir() else place.unlink()


# --- git ---


def git(folder, *arguments):
    return subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def identity(monkeypatch, tmp_path):
    """A git configuration of the test's own, with hooks and a monitor that would leave a trace."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-commit", "post-commit", "monitor"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[user]\nname = Ada\nemail = ada@example.org\n[core]\nhooksPath = {hooks}\n"
        f"fsmonitor = {hooks}/monitor\nexcludesFile = {tmp_path}/ignored\n[commit]\ngpgSign = true\n"
    )
    (tmp_path / "ignored").write_text("*.csv\nconfigs/\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    for name in (
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "EMAIL",
    ):
        monkeypatch.delenv(name, raising=False)
    return config


def test_everything_is_in_the_first_commit_and_nothing_of_the_users_git_is_run(
    torchgen, work, identity
):
    made = torchgen("new", "leaf", "-y")
    assert "git repository with a first commit" in made.err
    assert list(identity.parent.glob("ran-*")) == []
    assert git(work / "leaf", "-c", "core.fsmonitor=false", "status", "--porcelain") == ""
    assert git(work / "leaf", "branch", "--show-current") == "main\n"
    assert (
        git(work / "leaf", "log", "--format=%an %s")
        == "Ada torchgen new leaf --task image_classification -y\n"
    )
    assert "data/digits.csv" in git(work / "leaf", "ls-files")


def test_without_an_identity_nothing_is_committed_and_it_says_so(torchgen, work, identity):
    identity.write_text("")
    made = torchgen("new", "leaf", "-y")
    assert made.code == 0
    assert "git does not know your name" in made.err
    assert git(work / "leaf", "diff", "--cached", "--name-only") != ""


def test_no_git_at_all(torchgen, work, monkeypatch):
    monkeypatch.setenv("PATH", "")
    made = torchgen("new", "leaf", "-y")
    assert made.code == 0
    assert "git is not installed" in made.err
    assert not (work / "leaf" / ".git").exists()


def test_inside_a_repository_there_is_no_second_one(torchgen, work, identity):
    git(work, "init")
    made = torchgen("new", "deep/leaf", "-y")
    assert made.code == 0
    assert "part of a git repository already" in made.err
    assert not (work / "deep" / "leaf" / ".git").exists()


def test_another_repository_in_the_environment_is_not_touched(
    torchgen, work, identity, monkeypatch
):
    (work / "other").mkdir()
    git(work / "other", "init")
    monkeypatch.setenv("GIT_DIR", str(work / "other" / ".git"))
    assert torchgen("new", "leaf", "-y").code == 0
    monkeypatch.delenv("GIT_DIR")
    assert (work / "leaf" / ".git").is_dir()
    assert git(work / "other", "ls-files") == ""


def test_git_that_fails_never_fails_the_project(torchgen, work, monkeypatch):
    def broken(*_, **__):
        raise git_module.GitError("the disk is on fire")

    monkeypatch.setattr(git_module, "_git", broken)
    made = torchgen("new", "leaf", "-y")
    assert made.code == 0
    assert "git could not make a repository: the disk is on fire" in made.err


def test_interrupted_in_git_the_project_stands(torchgen, work, monkeypatch):
    real = git_module._git

    def interrupted(folder, *arguments, **keywords):
        if arguments[0] == "add":
            raise KeyboardInterrupt
        real(folder, *arguments, **keywords)

    monkeypatch.setattr(git_module, "_git", interrupted)
    made = torchgen("new", "leaf", "-y")
    assert made.code == 130
    assert "leaf is complete, and without a git repository" in made.err
    assert not (work / "leaf" / ".git").exists()


def test_no_git_means_no_git(torchgen, work):
    torchgen("new", "leaf", "-y", "--no-git")
    assert not (work / "leaf" / ".git").exists()
