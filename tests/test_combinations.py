"""Every valid combination of the catalogue renders, parses, is ruff-clean, and does an optimizer step."""

import ast
import importlib
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from functools import partial

import pytest
import torch
from covering import KINDS, covering_set, pairs, valid_combinations

from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer

CATALOGUE = Catalogue()
RENDERER = Renderer(CATALOGUE.templates)
LONGEST = "a_package_name_of_thirty_letters"  # lines must stay short enough for it
BY_TASK = defaultdict(list)
for combination in valid_combinations(CATALOGUE):
    BY_TASK[combination[0]].append(combination)


def answers_of(combination, **more):
    return complete(
        {"project": "sample", **dict(zip(KINDS, combination, strict=True)), **more}, CATALOGUE
    )


@pytest.mark.parametrize("task", sorted(BY_TASK))
def test_every_combination_renders_to_clean_python(task, tmp_path):
    different = {}
    for combination in BY_TASK[task]:
        for path, file in RENDERER.render(answers_of(combination, package=LONGEST)).items():
            different[file.content] = path
    for number, (content, path) in enumerate(different.items()):
        text = content.decode()
        assert not any(mark in text for mark in ("[=", "[%", "[#", "=]", "%]")), path
        if not path.endswith(".py"):
            continue
        ast.parse(text, path)
        file = tmp_path / str(number) / path
        file.parent.mkdir(parents=True)
        file.write_text(text)
    rules = RENDERER.render(answers_of(BY_TASK[task][0]))["pyproject.toml"].content
    (tmp_path / "pyproject.toml").write_bytes(
        rules + f'[tool.ruff.lint.isort]\nknown-first-party = ["{LONGEST}", "configs"]\n'.encode()
    )
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", str(tmp_path)],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture
def project(request, tmp_path, monkeypatch):
    """A project of one task that holds every component which fits it."""
    task = CATALOGUE.component("task", request.param)
    components = [
        f"{kind}/{name}"
        for kind in ("model", "loss", "optimizer", "scheduler")
        for name in CATALOGUE.fitting(kind, task)
    ]
    package = f"every_{request.param}"  # one name a task: Python keeps what it has imported
    answers = complete(
        {"project": "every", "package": package, "task": task.name, "components": components},
        CATALOGUE,
    )
    for path, file in RENDERER.render(answers).items():
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return request.param, package, tmp_path


@pytest.mark.parametrize("project", sorted(BY_TASK), indirect=True)
def test_every_combination_steps_forward_and_backward(project):
    task_name, package, root = project
    modules = {
        name: importlib.import_module(f"{package}.{name}")
        for name in ("config", "data", "optim", "precision", "settings", "train", "weights")
    }
    device = torch.device("cpu")
    task = None
    for number, combination in enumerate(BY_TASK[task_name]):
        baseline = RENDERER.environment.get_template("project/configs/baseline.py.jinja")
        file = root / "configs" / f"config_{number}.py"
        file.write_text(baseline.render(answers_of(combination, package=package).data()))
        config = modules["config"].load(file)
        if config.precision == "tf32":  # needs a GPU; the code is the same
            config = replace(config, precision="fp32")
        if task is None:
            task = config.task()
            train_set, _ = task.load()
            inputs, targets = train_set.__getitems__(
                torch.arange(0, len(train_set), len(train_set) // 5)
            )
            if task.metric == "map_at_r":  # pairs of a class, which five samples may not have
                targets = targets % 2
        torch.manual_seed(0)
        small = {"width": 16} if "width" in modules["settings"].settings_of(config.model) else {}
        model = modules["weights"].build_model(partial(config.model, **small), task.sizes)
        loss_fn = config.loss()
        optimizer = config.optimizer(modules["optim"].param_groups(model, loss_fn))
        scheduler = config.scheduler(optimizer, 10)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        loss, norm, stepped = modules["train"].optimize(
            model,
            loss_fn,
            inputs,
            targets,
            optimizer,
            modules["precision"].Precision(config.precision, device),
            config,
        )
        assert loss.isfinite(), combination
        assert norm.isfinite() or not stepped, combination
        if stepped:
            changed = [
                name for name, value in model.state_dict().items() if not value.equal(before[name])
            ]
            assert any(name.startswith("head.") for name in changed), combination
            scheduler.step(float(loss)) if "plateau" in combination else scheduler.step()


def test_the_covering_set_covers_every_valid_pair():
    choices = [choice for choices in BY_TASK.values() for choice in choices]
    covered = set().union(*(pairs(choice) for choice in covering_set(choices)))
    assert covered == set().union(*(pairs(choice) for choice in choices))
