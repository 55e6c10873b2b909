"""`torchgen new` makes the whole project where it was told to, and touches nothing that is there."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from torchgen_cli import names


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
