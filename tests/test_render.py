"""Copier renders what torchgen writes: alone and in process it comes out the same."""

import ast
import gc
import subprocess
import sys
from pathlib import Path

import copier
import plumbum
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from torchgen_cli import answers, history, lifecycle, names
from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.errors import MachineError
from torchgen_cli.in_process import Renderer
from torchgen_cli.render import SOURCE, read_tree, render

TEMPLATES = Path(__file__).parent.parent / "templates"
REAL = Catalogue(TEMPLATES)
UNUSUAL = {
    "optimizer": "muon",
    "scheduler": "plateau",
    "precision": "fp16",
    "tracker": "tensorboard",
    "package": "other_name",
    "components": ["loss/focal", "optimizer/sgd"],
}


def answered(task, **more):
    return complete({"project": "Leaf Classifier 2.0", "task": task, **more}, REAL)


CASES = [answered(task) for task in REAL.names("task")]
CASES.append(answered("image_classification", **UNUSUAL))


@pytest.mark.parametrize("made", CASES, ids=lambda made: f"{made.task}-{made.optimizer}")
def test_copier_and_the_renderer_in_process_agree_byte_for_byte(made):
    assert Renderer(TEMPLATES).render(made) == render(TEMPLATES, made)


def test_git_is_not_asked_about_each_file(tmp_path):
    git, asked = tmp_path / "git", tmp_path / "asked"
    git.write_text(f"#!/bin/sh\necho >> {asked}\n")
    git.chmod(0o755)
    with plumbum.local.env(PATH=str(tmp_path)):
        render(TEMPLATES, CASES[0])
    assert not asked.exists()


def test_plain_copier_copy_gives_the_same_tree(tmp_path):
    made = answered("image_classification", loss="focal")
    data = [
        part
        for key, value in made.data().items()
        if key != "components"
        for part in ("-d", f"{key}={value}")
    ]
    command = [sys.executable, "-m", "copier", "copy", "--quiet", "--defaults", *data]
    subprocess.run(
        [*command, str(TEMPLATES), str(tmp_path / "leaf")], check=True, capture_output=True
    )
    plain, ours = read_tree(tmp_path / "leaf"), render(TEMPLATES, made)
    assert plain.keys() == ours.keys()
    assert {path for path in plain if plain[path] != ours[path]} == {answers.FILE}
    assert given_in(plain) == given_in(ours)


def test_plain_copier_takes_the_same_defaults(tmp_path):
    copier.run_copy(
        str(TEMPLATES),
        tmp_path / "leaf",
        data={"project": "leaf"},
        defaults=True,
        quiet=True,
        settings=copier.Settings(),
    )
    assert given_in(read_tree(tmp_path / "leaf")) == complete({"project": "leaf"}, REAL).data()


def given_in(files):
    stored = yaml.safe_load(files[answers.FILE].content)
    return {key: value for key, value in stored.items() if not key.startswith("_")}


def test_the_answers_file_names_the_version_and_no_path_of_this_machine():
    made = answered("image_classification", **UNUSUAL)
    file = render(TEMPLATES, made)[answers.FILE].content.decode()
    assert file.startswith("# ")
    stored = yaml.safe_load(file)
    assert stored["_src_path"] == SOURCE
    assert stored["_commit"] == history.current()
    assert given_in({answers.FILE: render(TEMPLATES, made)[answers.FILE]}) == made.data()
    assert str(TEMPLATES) not in file


def test_copier_settings_of_the_users_own_change_nothing(tmp_path, monkeypatch, catalogue):
    settings = tmp_path / "settings.yml"
    settings.write_text("defaults: [broken")
    made = complete({"project": "leaf"}, catalogue)
    before = render(catalogue.templates, made)
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    assert render(catalogue.templates, made) == before


@given(title=st.from_regex(names.TITLE, fullmatch=True))
def test_a_title_is_found_again_in_the_answers_as_it_was_typed(title):
    if names.title_problem(title) is None:
        made = complete({"project": title, "package": "leaf"}, REAL)
        assert given_in(RENDERER.render(made))["project"] == title


RENDERER = Renderer(TEMPLATES)


def test_every_python_file_parses_and_no_delimiter_is_left():
    for task in REAL.names("task"):
        for path, file in RENDERER.render(answered(task)).items():
            if path.endswith(".py"):
                ast.parse(file.content, path)
            assert not any(mark in file.content for mark in (b"[=", b"[%", b"[#")), path


def test_paths_stay_inside_and_differ_on_every_file_system():
    for made in CASES:
        paths = list(RENDERER.render(made))
        assert not [path for path in paths if path.startswith("/") or ".." in path.split("/")]
        assert not [path for path in paths if set(path) & set('\\:*?"<>|')]
        assert len({path.casefold() for path in paths}) == len(paths)


@pytest.mark.filterwarnings("ignore:unclosed scandir:ResourceWarning")  # copier's, when it fails
def test_a_broken_template_is_a_worded_error(catalogue, work):
    (catalogue.templates / "project" / "README.md.jinja").write_text("[= nothing_of_this_name =]")
    with pytest.raises(MachineError, match=r"cannot be rendered: .*nothing_of_this_name"):
        lifecycle.new(work / "leaf", complete({"project": "leaf"}, catalogue), catalogue)
    assert list(work.iterdir()) == []
    gc.collect()


def test_the_template_asks_for_no_trust():
    """No tasks, migrations or extensions: copier runs nothing of it."""
    settings = yaml.safe_load((TEMPLATES / "copier.yml").read_text())
    assert not {"_tasks", "_migrations", "_jinja_extensions"} & settings.keys()


def test_executable_files_stay_executable(catalogue):
    script = catalogue.templates / "project" / "run.sh.jinja"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    made = complete({"project": "leaf"}, catalogue)
    for files in (render(catalogue.templates, made), Renderer(catalogue.templates).render(made)):
        assert files["run.sh"].executable
        assert not files["README.md"].executable
