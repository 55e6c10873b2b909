"""The benchmark of the training loop runs, its sides compute the same losses, and its page says what was measured.

No test holds a time to a limit: the page shows the times.
"""

import json
import re
import subprocess
import sys
from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import pytest
from benchmarks.tool.environments import NotInstalledError
from benchmarks.tool.record import newest
from benchmarks.training import page, pythons, ratios, rounds, run, samples, sides, works

ROOT = Path(__file__).parent.parent
TRAINING = ROOT / "benchmarks" / "training"
RESULTS = TRAINING / "results"
KEPT = {side.name: side for side in sides.KEPT}
OURS, BARE = KEPT[sides.OURS], KEPT[sides.BARE]
MLP = works.WORKS[0]


# --- the start ---


def test_what_a_run_needs_at_its_end_alone_is_not_imported_before_its_first_step():
    """matplotlib takes 0.4 s, a fifth of the start."""
    project = ROOT / "examples" / "digits"
    program = "import sys, digits.train, configs.baseline; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True
    )
    assert {"torch", "digits.plots"} <= {*done.stdout.split()}
    assert not {"matplotlib", "torch.distributed.fsdp"} & {*done.stdout.split()}


# --- the same losses ---


@pytest.mark.slow
@pytest.mark.parametrize("work", works.WORKS, ids=lambda work: work.name)
def test_the_generated_project_and_the_bare_loop_compute_the_same_losses(work, tmp_path):
    """One epoch of each; rounding alone may differ."""
    work = replace(work, epochs=1, evaluate_epochs=1)
    project = works.prepare(tmp_path / "project", work)
    both = (OURS, BARE)
    runs, problems = rounds.run(both, work, pythons.here(both), project)
    assert problems == {}
    assert len(runs[OURS].losses) == len(runs[BARE].losses) == work.steps
    assert len({*runs[BARE].losses}) > work.steps / 2


@pytest.mark.parametrize("wrong", [1.1, float("nan"), float("inf")])
def test_a_side_with_other_losses_is_refused(wrong):
    bare = [2.0] * rounds.COMPARED
    assert rounds.other_work(OURS, bare, bare) == ""
    assert "differ from the bare loop's by" in rounds.other_work(OURS, [*bare[:-1], wrong], bare)


STAMPED = """
import sys, torch, stamps
loss = torch.nn.CrossEntropyLoss()
stamps.stamp_class(type(loss))
weight = torch.ones(3, 4, requires_grad=True)
for step in range(int(sys.argv[1])):
    loss(weight * step, torch.tensor([0, 1, 2]))
"""


@pytest.fixture
def short_round(tmp_path):
    """Of the bare loop, here one that computes 30 losses, and of a side with another program."""

    def run_both(*program):
        bare, other = (
            replace(side, command=("-c", *command))
            for side, command in ((BARE, (STAMPED, "30")), (OURS, program))
        )
        (tmp_path / "project").mkdir()
        work = replace(MLP, samples=64, epochs=30)
        runs, problems = rounds.run(
            (bare, other), work, pythons.here(KEPT.values()), tmp_path / "project"
        )
        return runs.get(bare), runs.get(other), problems.get(other)

    return run_both


def test_a_side_that_makes_fewer_steps_is_refused(short_round):
    bare, short, problem = short_round(STAMPED, "29")
    assert (len(bare.losses), short) == (30, None)
    assert problem == "torchgen made 29 steps of 30"


def test_a_side_of_other_losses_has_no_run(short_round):
    bare, other, problem = short_round(
        STAMPED.replace("weight * step", "weight.cumsum(1) * step"), "30"
    )
    assert (len(bare.losses), other) == (30, None)
    assert "losses differ from the bare loop's by" in problem


def test_a_side_that_fails_is_refused_with_what_it_said(short_round):
    program = "import sys; print(sys.stdout.isatty()); sys.exit('no')"
    assert short_round(program)[1:] == (None, "True\r\nno")


IN_TURNS = """
import os, time, torch, stamps
now = 0.0
def stop(process, signal):
    global now
    now += 100
os.kill = stop
time.perf_counter = lambda: now
for step in range(5):
    now += 0.06
    stamps.stamp(torch.ones(1, requires_grad=True).sum())
print(now)
"""


def test_the_turns_of_other_sides_are_not_counted(tmp_path):
    """Steps of 0.06 s in turns of 0.1 s: it waits after the first, the third and the fifth."""
    variables = rounds.environment(tmp_path, tmp_path / "stamps.json") | {"TURN": "0.1"}
    done = subprocess.run(
        [sys.executable, "-c", IN_TURNS], env=variables, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) == pytest.approx(300.3)
    wall = json.loads((tmp_path / "stamps.json").read_text())["wall"]
    assert wall == pytest.approx([0.06, 0.12, 0.18, 0.24, 0.3])


# --- measuring ---


def made_up_run(work, within, turn, **more):
    """Steps of one length, and longer turns of epochs."""
    gaps = [turn if step % work.steps_per_epoch == 0 else within for step in range(1, work.steps)]
    moments = list(accumulate([2.0, *gaps]))
    return rounds.Run(moments, moments, [1.0] * work.steps, 2**20, **more)


def test_a_step_is_measured_within_an_epoch_and_the_whole_run_with_its_turns():
    taken = made_up_run(MLP, within=0.001, turn=0.1).cpu
    assert samples.step_microseconds(taken, MLP) == pytest.approx(1000)
    turns = MLP.epochs - 1
    steps = MLP.steps - 1 - rounds.FIRST
    whole = ((steps - turns) * 0.001 + turns * 0.1) / steps
    assert samples.whole_microseconds(taken) == pytest.approx(1e6 * whole)


def test_a_side_of_other_losses_is_left_out_and_named(monkeypatch, capsys):
    def made_up(sides_of_it, work, pythons, project):
        runs = {side: made_up_run(work, 0.001, 0.001) for side in sides_of_it}
        wrong = runs.pop(sides.PEERS[0], None)
        return runs, {sides.PEERS[0]: "its losses differ"} if wrong else {}

    monkeypatch.setattr(run, "run", made_up)
    skipped = {}
    everybody = (*sides.KEPT, *sides.PEERS[:2])
    found = run.measured(MLP, everybody, pythons.here(everybody), 2, skipped)
    assert [side["name"] for side in found["sides"]] == [
        *KEPT,
        sides.PEERS[1].name,
    ]
    assert "losses differ" in skipped["Lightning, ordinary: MLP on digits"]
    assert "is left out" in capsys.readouterr().out


def test_what_cannot_be_installed_is_left_out_and_named(monkeypatch, tmp_path):
    def refused(folder, *requirements):
        if "keras" in requirements:
            raise NotInstalledError("ERROR: No matching distribution")

    monkeypatch.setattr(pythons, "install", refused)
    skipped = {}
    found = pythons.installed((*sides.KEPT, *sides.PEERS), tmp_path, skipped)
    assert {*skipped} == {"Keras on torch, ordinary", "Keras on torch, tuned"}
    assert len(found) == len(sides.KEPT) + len(sides.PEERS) - 2


def test_every_side_has_its_script():
    for side in (BARE, *sides.PEERS):
        script, *_ = side.command
        assert (TRAINING / script.replace("SIDES", "sides")).is_file()


# --- the page ---


def made_up(ours=1.0, theirs=2.0):
    """Results in which the bare loop takes a second."""

    def side(name, seconds):
        numbers = {key: [seconds, seconds] for key in samples.FIGURES}
        return {"name": name, "label": name, "remark": "", "loss_difference": 0.0, **numbers}

    whole = [side(sides.OURS, ours), side(sides.BARE, 1.0), side(sides.AGAIN, 1.02)]
    work = {"name": "mlp", "title": "MLP", "steps": 40, "steps_per_epoch": 20, "evaluate_steps": 20}
    work["machine"] = dict.fromkeys(("processor", "cores", "system", "python"), "1")
    work |= {"date": "2026-11-30T00:00:00", "turn": 0.1}
    return {
        "torchgen": "0.2.0",
        "versions": {"torch": "2"},
        "note": "",
        "works": [{**work, "sides": [*whole, side("keras", theirs)]}],
        "skipped": {"fastai": "no network"},
    }


def test_the_page_says_whether_the_goal_is_met():
    assert "Measured: 1.040 times, met." in page.pages(made_up(1.04))[page.PAGE]
    assert "Measured: 1.500 times, **not met**." in page.pages(made_up(1.5))[page.PAGE]


def test_the_page_says_how_much_quicker_than_lightning_it_is_and_could_be():
    (work,) = made_up(ours=1.25)["works"]
    work["sides"][-1]["name"] = page.LIGHTNING
    work["sides"][-1] |= {"step_cpu": [7.5, 7.5]}
    told = page.goal_beside_lightning(work)
    assert told.endswith("Measured: 6.0 times, met; the bare loop is 7.5 times as quick.")
    work["sides"][-1] |= {"step_cpu": [2.5, 2.5]}
    told = page.goal_beside_lightning(work)
    assert told.endswith(
        "Measured: 2.0 times, **not met**; the bare loop is 2.5 times as quick, so it does not reach that either."
    )
    assert page.goal_beside_lightning(work | {"name": "cnn"}) == ""


def test_a_noisy_measurement_decides_nothing():
    (work,) = made_up(1.04)["works"]
    again = [
        {**s, "step_cpu": [1.0, 1.5]} if s["name"] == sides.AGAIN else s for s in work["sides"]
    ]
    told = page.goal({**work, "name": "cnn", "sides": again})
    assert "1.04 times, which decides nothing at a noise of 38 %" in told


def test_the_page_says_how_far_losses_were_apart():
    (work,) = made_up()["works"]
    work["sides"][-1]["loss_difference"] = 2e-3
    assert page.differences([work]) == "keras 2e-03; all others at most 0e+00"


def test_the_page_names_every_side_that_is_quicker_and_what_is_left_out():
    text = page.pages(made_up(ours=2.0, theirs=1.5))[page.PAGE]
    assert "MLP: keras takes 0.75 times the time of torchgen's step." in text
    assert text.count("the time of torchgen's step") == 3
    assert "- fastai: no network" in text
    within = page.pages(made_up(ours=1.01, theirs=2.0))[page.PAGE]
    assert "bare takes 0.99 times the time of torchgen's step, which is within the noise." in within
    assert "Nowhere" in page.pages(made_up(ours=0.9))[page.PAGE]


def test_the_noise_is_what_the_bare_loop_differs_from_itself():
    assert ratios.noise(made_up()["works"][0]) == pytest.approx(0.02)


@pytest.mark.parametrize("name", [page.PAGE, page.CHART])
def test_the_page_is_what_the_stored_results_give(name):
    stored = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert stored == page.pages(newest(RESULTS))[name], "run: python -m benchmarks.training.page"


def test_stored_results_name_no_path_of_a_machine():
    for file in RESULTS.glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|tmp|usr|Users|work)/", text), file.name


@pytest.mark.slow
def test_it_runs(tmp_path):
    """One round of the smallest work, without the libraries that would have to be installed."""
    options = ["--here", "--no-peers", "--rounds", "1", "--work", "mlp", "--results", tmp_path]
    command = [sys.executable, "-m", "benchmarks.training.run", *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("*.json")
    results = json.loads(file.read_text())
    assert results["skipped"] == {}
    assert [side["name"] for side in results["works"][0]["sides"]] == [*KEPT]
    assert {*page.pages(results)} == {page.PAGE, page.CHART}
