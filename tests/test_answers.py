"""Answers are checked as a whole: every mistake is named, with what to type instead."""

import contextlib
import dataclasses
import keyword
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchgen_cli import answers, names, presets
from torchgen_cli.answers import Answers, Part, complete, problems_of, read
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.errors import RequestError

ROOT = Path(__file__).parent.parent


def refused(call, *arguments):
    with pytest.raises(RequestError) as caught:
        call(*arguments)
    assert caught.value.exit_code == 2
    return caught.value


def test_a_task_brings_its_own_defaults(catalogue):
    made = complete({"project": "Leaf Classifier"}, catalogue)
    assert made == Answers(
        "Leaf Classifier", "leaf_classifier", "image_classification", "cnn", "cross_entropy",
        "adamw", "cosine", "auto", "none",
    )  # fmt: skip
    assert complete({"project": "rows", "task": "tabular_regression"}, catalogue).loss == "mse"


def test_answers_cannot_be_changed(catalogue):
    made = complete({"project": "leaf"}, catalogue)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.task = "tabular_regression"


def test_names_are_stored_as_the_folders_are_called(catalogue):
    made = complete(
        {"project": "leaf", "loss": "Cross-Entropy", "components": ["Loss/Focal"]}, catalogue
    )
    assert made.loss == "cross_entropy"
    assert made.components == (Part("loss/focal", config="focal"),)


def test_all_mistakes_are_told_at_once(catalogue):
    given = {"project": "1", "task": "tabular_regression", "model": "cnn", "loss": "focl"}
    problem = refused(complete, given, catalogue)
    assert len(problem.message.splitlines()) == 3
    assert "torchgen new my-project" in problem.fixes
    assert "--model mlp" in problem.fixes
    assert "torchgen show loss focal" in problem.fixes


def test_further_components_are_held_to_the_same_rules(catalogue):
    given = {"project": "leaf", "components": ["loss/mse", "loss/nothing", "nothing/at-all"]}
    message = refused(complete, given | {"task": "image_classification"}, catalogue).message
    assert "mse needs numbers" in message
    assert "no loss 'nothing'" in message
    assert "no kind 'nothing'" in message


PACKAGES = {
    "keyword": ["class", "match", "none"],
    "standard library": ["random", "code", "test"],
    "package that projects import": ["torch", "numpy", "pil", "torchgen"],
    "folder that projects have": ["configs", "runs", "data"],
    "Windows": ["con", "lpt1"],
    "lower-case letter first": [
        *["../x", "a/b", "a b", "a-b", "naïve", "ﬁle", "1abc", "_leaf"],
        *["Leaf", "leaf\n", "[= 7*7 =]", "${{ x }}", "leaf\x00"],
    ],
    "empty": [""],
    "longer than 32": ["a" * 33],
}


@pytest.mark.parametrize(
    ("name", "why"), [(name, why) for why, found in PACKAGES.items() for name in found]
)
def test_bad_package_names_are_refused_with_a_good_one(catalogue, name, why):
    problem = refused(complete, {"project": "leaf", "package": name}, catalogue)
    assert why in problem.message
    proposal = problem.fixes[0].removeprefix("--package ")
    assert names.package_problem(proposal) is None


TITLES = {
    "empty": ["", " "],
    "letter first": [
        *["..", "1abc", "naïve", "ﬁle", "a/b", '"leaf"', "leaf\nclassifier"],
        *["[= 7*7 =]", "${{ x }}", "leaf\x1b[31m"],
    ],
    "Windows drops": ["leaf.", "leaf "],
    "Windows keeps": ["aux", "Con.txt"],
    "longer than 64": ["a" * 65],
}


@pytest.mark.parametrize(
    ("title", "why"), [(title, why) for why, found in TITLES.items() for title in found]
)
def test_bad_titles_are_refused_with_a_good_one(catalogue, title, why):
    problem = refused(complete, {"project": title}, catalogue)
    assert why in problem.message
    proposal = problem.fixes[0].removeprefix("torchgen new ")
    assert names.title_problem(proposal) is None


@given(st.text())
def test_whatever_was_typed_there_is_a_name_near_it_that_works(text):
    assert names.package_problem(names.proposed_package(text)) is None
    assert names.title_problem(names.proposed_title(text)) is None


@given(st.text())
def test_an_accepted_package_can_be_imported_and_hides_nothing(name):
    if names.package_problem(name) is None:
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
        assert name not in sys.stdlib_module_names


def test_a_title_whose_package_is_taken_asks_for_a_package(catalogue):
    problem = refused(complete, {"project": "Torch"}, catalogue)
    assert problem.fixes == ("--package torch_project",)
    assert complete({"project": "Torch", "package": "torch_project"}, catalogue).project == "Torch"


def test_a_projects_own_folders_and_requirements_are_no_package_names():
    """The lists in names.py against what projects have at their root and what they install."""
    project = ROOT / "templates" / "project"
    folders = {p.name for p in project.iterdir() if p.is_dir() and p.name.isidentifier()}
    assert folders <= names.FOLDERS
    catalogue = Catalogue(ROOT / "templates")
    required = {
        line
        for kind in catalogue.asked
        for part in catalogue.all(kind.kind)
        for line in part.requires
    }
    plain = {names.package_for(line.partition(">")[0].partition("[")[0]) for line in required}
    assert plain <= names.DEPENDENCIES


FILES = {
    "empty": (b"", "is empty"),
    "comment": (b"# nothing\n", "is empty"),
    "list": (b"- task\n", "holds no answers"),
    "latin-1": ("task: bl\xe4tter\n".encode("latin-1"), "is not UTF-8 text (byte 8)"),
    "utf-16": ("task: x\n".encode("utf-16"), "is not UTF-8 text"),
    "broken": (b"task: [\n", "line 2 is not valid YAML"),
    "binary": (bytes(range(32)), "is not valid YAML"),
    "deep": (b"[" * 5_000, "is not valid YAML"),
    "unknown key": (b"tsak: x\n", "'tsak' is no answer. Did you mean 'task'?"),
    "list value": (b"task: [a, b]\n", "task is one name"),
    "components text": (b"components: loss/focal\n", "components is a list of kind/name"),
    "components word": (b"components: [focal]\n", "components is a list of kind/name"),
}


@pytest.mark.parametrize(("content", "why"), FILES.values(), ids=FILES.keys())
def test_a_bad_data_file_is_named_with_what_is_wrong(tmp_path, content, why):
    file = tmp_path / "answers.yml"
    file.write_bytes(content)
    message = refused(read, file).message
    assert message.startswith(str(file))
    assert why in message


def test_a_data_file_that_is_not_there(tmp_path):
    assert "no such file" in refused(read, tmp_path / "no.yml").message
    assert "is a directory" in refused(read, tmp_path).message


def test_values_of_a_data_file_are_text_whatever_yaml_makes_of_them(tmp_path):
    file = tmp_path / "answers.yml"
    file.write_text(
        "\ufeffproject: 2048\ntracker: off\nmodel:\ncomponents: [loss/focal]\n", encoding="utf-8"
    )
    assert read(file) == {"project": "2048", "tracker": "off", "components": ["loss/focal"]}


def test_a_projects_own_answers_are_a_data_file(torchgen, work, catalogue):
    torchgen("new", "leaf", "--loss", "focal", "--package", "leaves", "-y", "--no-git")
    given = read(work / "leaf" / answers.FILE)
    expected = {"project": "leaf", "package": "leaves", "loss": "focal"}
    assert complete(given, catalogue) == complete(expected, catalogue)


@settings(max_examples=200)
@given(st.binary())
def test_no_data_file_is_worse_than_refused(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("data") / "answers.yml"
    file.write_bytes(content)
    with contextlib.suppress(RequestError):
        problems_of(read(file), Catalogue(ROOT / "templates"))


def test_presets_are_the_files_in_their_folder_and_complete(catalogue):
    real = Catalogue(ROOT / "templates")
    for name in presets.names(real.templates):
        given = presets.answers(real.templates, name)
        assert complete({"project": "leaf", **given}, real).task == given["task"]
    assert refused(presets.answers, real.templates, "txt").fixes == ("--preset text",)
