"""The catalogue is what lies in templates/components: found and read, never imported."""

import json
from pathlib import Path

import pytest

from torchgen_cli import signatures
from torchgen_cli.answers import KEYS, complete
from torchgen_cli.catalogue import Catalogue, misfit
from torchgen_cli.errors import MachineError, RequestError
from torchgen_cli.in_process import Renderer
from torchgen_cli.prompts import choices

REAL_TEMPLATES = Path(__file__).parent.parent / "templates"


def add(catalogue, path, facts, code=None):
    folder = catalogue.templates / "components" / path
    folder.mkdir(parents=True)
    (folder / "component.yml").write_text(facts)
    if code is not None:
        (folder / f"{folder.name}.py").write_text(code)


HINGE = '''"""Hinge loss: a margin between the right class and the others."""


class HingeLoss:
    """Zero beyond the margin.

    margin: how far apart,
        at least
    """

    def __init__(self, scale, *, margin: float = 1.0, kind="max") -> None: ...
'''


def test_a_new_folder_is_found_everywhere_without_another_edit(catalogue, torchgen):
    facts = "{entry: 'HingeLoss, margin=1.0', choose: Margins., source: SVM, outputs: [classes]}"
    add(catalogue, "loss/hinge", facts, HINGE)
    assert "hinge" in torchgen("list", "loss").out
    assert "how far apart" in torchgen("show", "loss", "hinge").out
    offered = choices("loss", {"task": "image_classification"}, Catalogue(catalogue.templates))
    assert "hinge" in [choice.name for choice in offered if choice.refused is None]
    assert torchgen("new", "leaf", "--loss", "hinge", "--no-git", "-y").code == 0
    answers = complete({"project": "leaf", "loss": "hinge"}, Catalogue(catalogue.templates))
    files = Renderer(catalogue.templates).render(answers)
    assert files["leaf/losses/hinge.py"].content == HINGE.encode()
    assert b"loss=partial(HingeLoss, margin=1.0)," in files["configs/baseline.py"].content
    refused = torchgen("new", "rows", "--task", "tabular_regression", "--loss", "hinge", "-y")
    assert "hinge needs classes; tabular_regression predicts numbers" in refused.err


def test_components_are_never_imported(catalogue):
    add(catalogue, "loss/trap", "entry: Trap", '"""A trap."""\nraise SystemExit("imported")\n')
    assert catalogue.component("loss", "trap").summary == "A trap"


def test_nothing_is_read_before_it_is_asked_for(catalogue):
    add(catalogue, "model/broken", "entry: [")
    assert catalogue.find("loss", "focal").name == "focal"
    with pytest.raises(MachineError, match=r"broken.component\.yml is not valid YAML"):
        catalogue.all("model")


@pytest.mark.parametrize(
    ("facts", "code", "reason"),
    [
        ("just text", None, "expected `entry"),
        ("entry: X", None, "a line `summary: ...` is missing"),
        ("entry: X", "x = 1\n", "a line `summary: ...` is missing"),
        ("entry: X", "def (:\n", "line 1: invalid syntax"),
    ],
)
def test_a_broken_component_names_its_file(catalogue, facts, code, reason):
    add(catalogue, "loss/broken", facts, code)
    with pytest.raises(MachineError, match=reason) as caught:
        catalogue.component("loss", "broken")
    assert "broken" in caught.value.message


@pytest.mark.parametrize("spelled", ["cross_entropy", "Cross-Entropy", " cross-entropy "])
def test_names_may_be_spelled_with_hyphens_and_capitals(catalogue, spelled):
    assert catalogue.find("loss", spelled).name == "cross_entropy"


@pytest.mark.parametrize("spelled", ["model", "models", "Architecture", "MODEL"])
def test_a_kind_is_known_by_name_folder_and_title(catalogue, spelled):
    assert catalogue.kind(spelled).kind == "model"


@pytest.mark.parametrize(
    ("kind", "name", "message", "fix"),
    [
        (
            "loss",
            "focl",
            "There is no loss 'focl'. Did you mean 'focal'?",
            "torchgen show loss focal",
        ),
        (
            "model",
            "focal",
            "There is no model 'focal'; there is the loss 'focal'.",
            "torchgen show loss focal",
        ),
        ("loss", "zzz", "There is no loss 'zzz'. There is: contrastive, ", "torchgen list loss"),
        ("loss", "../model/cnn", "There is no loss '../model/cnn'.", "torchgen list loss"),
        ("loss", "", "There is no loss ''.", "torchgen list loss"),
    ],
)
def test_an_unknown_name_is_answered_with_what_was_meant(catalogue, kind, name, message, fix):
    with pytest.raises(RequestError) as caught:
        catalogue.find(kind, name)
    assert caught.value.message.startswith(message)
    assert caught.value.fixes[0] == fix


def test_an_unknown_kind_is_answered_with_what_was_meant(catalogue):
    with pytest.raises(RequestError, match="Did you mean 'loss'"):
        catalogue.kind("losss")


def test_what_fits_follows_from_the_words_alone(catalogue):
    regression = catalogue.find("task", "tabular_regression")
    assert catalogue.fitting("loss", regression) == ["mse", "huber", "l1"]
    assert catalogue.fitting("model", regression) == ["mlp"]
    assert catalogue.refusal(catalogue.find("loss", "contrastive"), regression) == (
        "contrastive needs embeddings; tabular_regression predicts numbers. "
        "For tabular_regression: mse, huber, l1."
    )
    assert misfit(catalogue.find("model", "cnn"), regression) == (
        "cnn reads images; tabular_regression gives tables"
    )
    assert misfit(catalogue.find("optimizer", "sgd"), regression) is None


def test_settings_are_those_with_a_default_and_their_meaning_is_the_docstrings():
    assert signatures.settings_of(HINGE, "HingeLoss") == (
        signatures.Setting("margin", "float", "1.0", "how far apart, at least"),
        signatures.Setting("kind", "str", "'max'"),
    )


def test_settings_of_functions_and_positional_defaults():
    code = "def cosine(optimizer, total_steps: int, warmup=0.05, *, floor: float = 0.0): ...\n"
    found = [(s.name, s.type, s.default) for s in signatures.settings_of(code, "cosine")]
    assert found == [("warmup", "float", "0.05"), ("floor", "float", "0.0")]


def test_settings_of_torchs_own_classes_are_those_of_the_entry(catalogue):
    found = catalogue.find("optimizer", "adamw").settings
    assert [(s.name, s.type, s.default) for s in found] == [
        ("lr", "float", "0.002"),
        ("fused", "bool", "True"),
    ]


def test_answers_and_kinds_name_the_same_things():
    """Kinds are code, so one is added in both places."""
    asked = [kind.kind for kind in Catalogue().asked]
    assert list(KEYS) == ["project", "package", *asked, "components"]


def test_the_real_catalogue_can_be_shown_whole(torchgen, monkeypatch, catalogue):
    from torchgen_cli import catalogue as module

    monkeypatch.setattr(module, "templates_folder", lambda: REAL_TEMPLATES)
    listed = torchgen("list", "--json").json["components"]
    for part in listed:
        shown = torchgen("show", part["kind"], part["name"], "--json")
        assert shown.code == 0
        assert shown.json["summary"]
    real = Catalogue(REAL_TEMPLATES)
    for task in real.all("task"):
        assert complete({"project": "leaf", "task": task.name}, real).task == task.name
    assert json.dumps(listed)
