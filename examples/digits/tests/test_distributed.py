"""Several processes compute what one computes: the same gradients, the same curves, the same evaluation; and none waits for a dead one."""

import signal
from pathlib import Path

import pytest
import torch

from digits import train as training
from digits.run import Run
from digits.storage import read

from . import conftest, short_runs
from .jobs import done
from .short_runs import CONFIGS
from .two_processes import STEPS

pytestmark = pytest.mark.slow


@pytest.fixture(params=[file.stem for file in CONFIGS])
def runs(computed, request) -> tuple[Path, Path]:
    """The folders of the runs of one config: by one process, and by two."""
    return tuple(computed / f"{count} processes" / request.param for count in (1, 2))


def steps_of(computed: Path) -> list[dict]:
    return [
        torch.load(computed / f"{count} processes" / "steps.pt", weights_only=True)
        for count in (1, 2)
    ]


def close_curves(one: Path, two: Path) -> None:
    """Sums are added up in another order, and steps make more of the difference; a wrong gradient is further off."""
    pairs = list(zip(Run(one).records(), Run(two).records(), strict=True))
    assert len(pairs) == 9  # 6 steps and 3 evaluations
    for expected, record in pairs:
        rel = 1e-5 if expected["step"] == 1 else 1e-2
        for key in expected.keys() & {"train_loss", "grad_norm", "val_loss"}:
            assert record[key] == pytest.approx(expected[key], rel=rel), key


@pytest.mark.parametrize("name", STEPS)
def test_shares_of_a_batch_give_its_gradient(computed, name):
    one, two = (steps[name] for steps in steps_of(computed))
    torch.testing.assert_close(two["loss"], one["loss"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(two["norm"], one["norm"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(two["gradients"], one["gradients"], rtol=1e-5, atol=1e-6)


def test_a_step_is_skipped_by_all_or_none(computed):
    """A sample of the second process is not finite."""
    assert steps_of(computed)[1]["not finite"]["stepped"] == [False, False]
    assert steps_of(computed)[1]["uneven shares"]["stepped"] == [True, True]


def test_an_evaluation_of_other_weights_leaves_a_model_as_it_was(computed):
    """Sharded or not: no pass finds the weights of another one still together."""
    for steps in steps_of(computed):
        outputs = steps["evaluated"]
        for before, within, after in (outputs[:3], outputs[3:]):
            assert torch.equal(within, -before)
            assert torch.equal(after, before)


@pytest.mark.parametrize("name", ["whole", "parts", "fsdp", "hsdp"])
def test_two_processes_have_the_curve_of_one(runs, name):
    """Augmentation included: a sample is varied alike, whoever computes it."""
    one, two = runs
    if not (two / name).exists():
        pytest.skip("this loss compares the samples of a batch, so it is computed in one part")
    close_curves(one / "whole", two / name)


@pytest.mark.parametrize("name", [file.stem for file in CONFIGS])
def test_evaluation_is_that_of_one_process(computed, differences, name):
    """24 samples in passes of 5: the second process has nothing for its last one, and nothing is counted twice."""
    one, two = (steps[f"evaluation of {name}"] for steps in steps_of(computed))
    assert differences(one, two) == []


@pytest.mark.parametrize("name", [file.stem for file in CONFIGS])
def test_a_signal_to_one_process_stops_all_after_the_same_step(computed, name):
    for kind in ("", "shards of "):
        exits = steps_of(computed)[1][f"exits of {kind}{name}"]
        assert exits == [(128 + signal.SIGTERM, 3)] * 2


@pytest.mark.parametrize("name", [file.stem for file in CONFIGS])
def test_the_black_box_holds_the_batch_of_all_processes(computed, name):
    one, two = (steps.get(f"errors of {name}") for steps in steps_of(computed))
    if one is None:
        pytest.skip("the inputs are no numbers: none of them can be infinite")
    assert "so alone, counted from 0: 20\n" in one[0]
    assert [error.replace("2 processes", "1 processes") for error in two] == one * 2
    told = steps_of(computed)[1][f"errors of shards of {name}"]
    assert [error.splitlines()[1] for error in told] == ["one process cannot run shards"] * 2


@pytest.mark.parametrize("name", ["stopped", "stopped fsdp"])
def test_one_process_goes_on_where_two_were_stopped(runs, name, monkeypatch):
    one, two = runs
    file = next(file for file in CONFIGS if file.stem == one.name)
    task = conftest.class_of(short_runs.load(file).task)
    monkeypatch.setattr(task, "load", task.load)
    monkeypatch.setattr(training, "report", training.report)
    short_runs.train(short_runs.prepared(file), two / name)
    close_curves(one / "whole", two / name)


@pytest.mark.parametrize("name", ["stopped", "stopped fsdp"])
def test_two_processes_go_on_where_one_was_stopped(runs, name):
    one, _ = runs
    assert len(read(one / name / "last.pt")["random"]) == 2  # each has chance of its own
    close_curves(one / "whole", one / name)


def test_a_death_ends_the_job_with_its_error_and_a_restart_goes_on(computed, differences, jobs):
    """The process that is left does not wait for the dead one. torchrun runs the same command again, and a run goes on by itself."""
    assert "MemoryError: the second process has no memory left" in done(jobs.died).stderr
    whole = computed / "2 processes" / CONFIGS[0].stem / "whole" / "last.pt"
    assert differences(read(whole), read(jobs.folder / "died" / "run" / "last.pt")) == []
