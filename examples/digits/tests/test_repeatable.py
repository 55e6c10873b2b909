"""The same seed gives the same weights, bit for bit, whatever is watched meanwhile; another seed gives others."""

import os
import random
from dataclasses import replace

import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR

from digits import train as training
from digits.randomness import (
    generator_for,
    random_state,
    restore_random_state,
    seed_everything,
)
from digits.storage import read

CPU = torch.device("cpu")


def test_same_seed_same_everything_and_other_seed_other_weights(config, trained, differences):
    one, again = trained(config, "one"), trained(config, "again")
    other = trained(replace(config, seed=1), "other")
    assert differences(read(one.last_file), read(again.last_file)) == []
    assert differences(read(one.last_file)["model"], read(other.last_file)["model"])


def test_watching_changes_nothing(config, trained, differences):
    """However often a run is evaluated, logged and saved, and however many processes load its data."""
    config = replace(config, scheduler=level)
    weights = read(trained(config, "one").last_file)["model"]
    for change in ({"evaluate_steps": 1}, {"log_steps": 4}, {"workers": 2}):
        other = read(trained(replace(config, **change), str(change)).last_file)["model"]
        assert differences(weights, other) == [], change


def test_deterministic_algorithms_are_asked_for_and_repeat(
    config, trained, monkeypatch, differences
):
    """What it is for happens on a GPU; here, that it is asked for before anything runs, and stands in no one's way."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    monkeypatch.setattr(training, "pick_device", lambda name: asked.append(state()) or CPU)
    asked: list[tuple] = []

    def state() -> tuple:
        workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
        wanted = torch.are_deterministic_algorithms_enabled()
        return wanted, torch.backends.cudnn.benchmark, workspace

    trained(config, "as it comes")
    config = replace(config, deterministic=True)
    files = [read(trained(config, name).last_file) for name in ("one", "again")]
    seed_everything(0)
    assert asked == [(False, True, None)] + [(True, False, ":4096:8")] * 2
    assert differences(*files) == []
    assert not torch.are_deterministic_algorithms_enabled()


def level(optimizer: torch.optim.Optimizer, total_steps: int) -> LambdaLR:
    """A schedule that does not count evaluations, as a config's own one might."""
    return LambdaLR(optimizer, lambda step: 1.0)


def test_chance_has_a_generator_of_its_own_for_each_purpose_and_position():
    def draw(*key) -> int:
        return int(torch.randint(2**62, (), generator=generator_for(*key)))

    keys = [(0, "order", 0), (1, "order", 0), (0, "augment", 0), (0, "order", 1), (0, "order", 10)]
    assert [draw(*key) for key in keys] == [draw(*key) for key in keys]
    assert len({draw(*key) for key in keys}) == len(keys)


def test_the_global_generators_go_on_from_a_restored_state(tmp_path):
    def draws() -> list:
        return [random.random(), np.random.standard_normal(), float(torch.rand(()))]

    np.random.standard_normal()  # one of a pair: the other one waits in the state
    torch.save(random_state(), tmp_path / "state.pt")
    expected = draws()
    restore_random_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert draws() == expected
