"""Configs: every mistake is told before anything is built, and what was run can be written down and rebuilt."""

import json
from dataclasses import fields, replace
from functools import partial

import pytest
import torch

from digits.config import PARTS, Config, describe, load, override
from digits.settings import (
    check_settings,
    describe_part,
    rebuild_part,
    settings_of,
)


@pytest.fixture
def plain(config) -> Config:
    """A config whose parts have settings that are known: torch's own."""
    return replace(
        config,
        model=partial(torch.nn.Linear, bias=True),
        loss=partial(torch.nn.CrossEntropyLoss, label_smoothing=0.1),
        optimizer=partial(torch.optim.SGD, lr=0.1),
        scheduler=partial(torch.optim.lr_scheduler.StepLR, gamma=0.5),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch=3", "a config has no 'epoch'. Did you mean 'epochs'?"),
        ("lr=0.2", "a config has no 'lr'. Did you mean 'optimizer.lr'?"),
        ("optimizer.lrr=1", "optimizer (SGD) has no setting 'lrr'. Did you mean 'lr'?"),
        ("optimizer.lr=fast", "optimizer.lr takes float such as 0.1, not 'fast'"),
        ("optimizer.nesterov=1", "optimizer.nesterov takes bool such as False, not 1"),
        ("optimizer.params=1", "optimizer.params is no setting: the run fills it in"),
        ("epochs=2.5", "epochs takes int such as 2, not 2.5"),
        ("epochs=True", "epochs takes int such as 2, not True"),
        ("epochs=None", "epochs is a whole number from 1 up, not None"),
        ("epochs=0", "epochs is a whole number from 1 up, not 0"),
        ("evaluate_steps=soon", "evaluate_steps is a whole number from 1 up, not 'soon'"),
        ("workers=-1", "workers is a whole number from 0 up, not -1"),
        ("max_grad_norm=-1", "max_grad_norm must be above 0, or None for no limit, not -1"),
        ("micro_batches=17", "micro_batches=17 cannot cut a batch of 16"),
        ("epochs.x=1", "epochs has no settings of its own; task, model, loss, optimizer,"),
        ("model=MLP", "model is chosen by importing it in a config file; here its settings"),
        ("trackers=x", "trackers is chosen by importing it in a config file"),
        ("epochs", "'epochs' is not key=value, for example optimizer.lr=3e-4"),
    ],
)
def test_a_mistake_is_told_with_its_fix(plain, text, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011  # the message is compared below
        override(plain, text)
    assert str(error.value).startswith(message)


def test_what_is_right_is_changed_and_nothing_else(plain):
    changed = override(plain, "epochs=7")
    assert changed == replace(plain, epochs=7)
    changed = override(plain, "optimizer.lr=3e-4")
    assert changed.optimizer.keywords == {"lr": 3e-4}
    assert replace(changed, optimizer=plain.optimizer) == plain
    assert override(plain, "optimizer.momentum=1").optimizer.keywords["momentum"] == 1
    assert override(plain, "evaluate_steps=None").evaluate_steps is None
    assert override(plain, "compile=true").compile is True
    assert override(plain, "freeze=('head.',)").freeze == ("head.",)
    assert override(plain, "max_grad_norm=None").max_grad_norm is None
    assert override(plain, "start_from=a=b.pt").start_from == "a=b.pt"


def test_wrong_files_are_told(config_file, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no config file .*gone\.py; see the folder conf"):
        load(tmp_path / "gone.py")
    (tmp_path / "empty.py").write_text("config = 3\n")
    with pytest.raises(ValueError, match=r"empty\.py must define `config = Config\(\.\.\.\)`"):
        load(tmp_path / "empty.py")
    (tmp_path / "typo.py").write_text(
        "import runpy\nfrom dataclasses import replace\nfrom functools import partial\n"
        f"baseline = runpy.run_path({str(config_file)!r})['config']\n"
        "config = replace(baseline, model=partial(baseline.model, widht=3))\n"
    )
    with pytest.raises(ValueError, match=r"model \(.*\) has no setting 'widht'"):
        load(tmp_path / "typo.py")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (partial(torch.nn.Linear, biass=True), "has no setting 'biass'. Did you mean 'bias'?"),
        (partial(torch.nn.Linear, 3), "is given 3 without a name: write NAME=VALUE"),
        (partial(torch.nn.Linear, dtype=torch.half), "takes numbers, texts and tuples, not dtype="),
        ("Linear", "must be a class or function or a partial of one, not 'Linear'"),
    ],
)
def test_the_settings_of_a_part_are_checked_when_a_file_is_read(part, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011  # the message is compared below
        check_settings("model", part)
    assert message in str(error.value)


def test_every_config_is_written_down_and_rebuilt(config_file):
    config = load(config_file)
    described = describe(config)
    assert list(json.loads(json.dumps(described))) == [field.name for field in fields(Config)]
    for name in ("task", "model", "loss"):
        rebuilt = rebuild_part(described[name])
        assert describe_part(rebuilt) == describe_part(getattr(config, name))


def test_one_setting_more_is_another_description(config):
    described = describe(config)
    for name in PARTS:
        assert described[name]["use"].count(":") == 1
        for setting in settings_of(getattr(config, name)):
            changed = partial(getattr(config, name), **{setting: "other"})
            assert describe(replace(config, **{name: changed})) != described


@pytest.mark.parametrize(
    "use",
    ["os:system", "torch.hub:load", "torch.nn.functional:relu", "torch.nn:Nothing", "nothing"],
)
def test_only_classes_of_the_package_and_of_torch_nn_are_rebuilt(use):
    """What a file names is called: a function could do anything, with any arguments."""
    with pytest.raises(ValueError, match=r"is no class of .* or torch\.nn"):
        rebuild_part({"use": use, "command": "true"})


def test_functions_of_the_package_are_not_called_either():
    use = f"{load.__module__}:{load.__name__}"
    with pytest.raises(ValueError, match="is no class of"):
        rebuild_part({"use": use, "path": "harmful.py"})
