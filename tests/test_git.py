"""A new project is committed with git where that is wanted and possible, and stands in any case."""

import subprocess

import pytest

from torchgen_cli import git as git_module


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
