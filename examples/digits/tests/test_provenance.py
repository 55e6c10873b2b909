"""Running the same again: the commit and the diff of a run give its code, and nothing of the repository changes."""

import json
import subprocess
from pathlib import Path

import pytest

from digits import provenance
from digits.provenance import git, record_provenance

IDENTITY = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]


def run_git(folder: Path, *command: str) -> None:
    subprocess.run(
        ["git", *IDENTITY, "-c", "core.autocrlf=false", *command],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture(params=["alone", "in a larger repository"])
def project(request, tmp_path, monkeypatch) -> Path:
    """A project with one commit, in a folder that is the repository, or one of its folders."""
    top = tmp_path / "top"
    folder = top if request.param == "alone" else top / "work" / "project"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    # what a user may have set, and `git apply` could not read
    settings = tmp_path / "gitconfig"
    settings.write_text("[diff]\n\tnoprefix = true\n\trelative = true\n[color]\n\tui = always\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    (folder / ".gitignore").write_text("/runs/\n")
    (folder / "code.py").write_text("old = 1\n\nsame = 2\n\n")
    (folder / "gone.py").write_text("old = 1\n")
    (top / "other.txt").write_text("old\n")
    try:
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
            run_git(top, *command)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    return folder


def change(folder: Path) -> None:
    """An edit above a last line that is blank, a file that goes, and new files of every sort."""
    (folder / "code.py").write_text("new = 1\n\nsame = 2\n\n")
    (folder / "gone.py").unlink()
    (folder / "runs").mkdir()
    (folder / "runs" / "old.txt").touch()
    (folder / "new").mkdir()
    (folder / "new" / "text.py").write_text("new = 3\n\n")
    (folder / "new" / "no end [1].txt").write_text("no newline")
    (folder / "new" / "empty.py").touch()
    (folder / "new" / "bytes.bin").write_bytes(bytes(range(256)))
    (folder / "new" / "latin.txt").write_bytes("é\n".encode("latin-1"))
    (folder / "staged.py").write_text("new = 4\n")
    run_git(folder, "add", "staged.py")


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    inside = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {n: text for n, text in inside.items() if not n.startswith((".git/", "runs/"))}


def test_commit_and_diff_give_the_same_files(project, tmp_path):
    change(project)
    (tmp_path / "top" / "other.txt").write_text("new\n" if project.name == "project" else "old\n")
    record_provenance(tmp_path, seed=3)
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["seed"] == 3
    assert facts["git_commit"] == git("rev-parse", "HEAD").decode().strip()
    assert facts["new_files_not_in_diff"] == []

    run_git(tmp_path, "clone", "-q", "top", "again")
    again = tmp_path / "again" / project.relative_to(tmp_path / "top")
    run_git(again, "checkout", "-q", facts["git_commit"])
    run_git(again, "apply", str(tmp_path / "uncommitted.diff"))
    assert tree(again) == tree(project)
    assert (tmp_path / "again" / "other.txt").read_text() == "old\n"  # none of the project


def test_nothing_of_the_repository_changes(project, tmp_path):
    change(project)

    def state() -> dict[str, bytes]:
        files = (path for path in (tmp_path / "top" / ".git").rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}

    before = state()
    record_provenance(tmp_path, seed=0)
    assert "new/empty.py" in (tmp_path / "uncommitted.diff").read_text("latin-1")
    assert state() == before


def test_large_new_files_are_left_out_and_named(project, tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "LARGEST", 100)
    monkeypatch.setattr(provenance, "ROOM", 150)
    for name, size in (("a.py", 60), ("b.py", 80), ("c.py", 90), ("data.bin", 101)):
        (project / name).write_text("x" * size)
    record_provenance(tmp_path, seed=0)
    diff = (tmp_path / "uncommitted.diff").read_text()
    assert [name for name in ("a.py", "b.py", "c.py", "data.bin") if name in diff] == [
        "a.py",
        "b.py",
    ]
    facts = json.loads((tmp_path / "run.json").read_text())
    assert facts["new_files_not_in_diff"] == ["c.py", "data.bin"]


def test_what_is_committed_needs_no_diff(project, tmp_path):
    record_provenance(tmp_path, seed=0)
    assert not (tmp_path / "uncommitted.diff").exists()


@pytest.mark.parametrize("obstacle", ["no repository", "no git"])
def test_git_is_not_needed(tmp_path, monkeypatch, obstacle):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    if obstacle == "no git":
        monkeypatch.setenv("PATH", "")
    record_provenance(tmp_path, seed=0)
    assert json.loads((tmp_path / "run.json").read_text())["git_commit"] is None
    assert not (tmp_path / "uncommitted.diff").exists()
