"""The benchmark on a GPU, so small that a CPU does it: it runs, both sides compute the same losses, and its FLOPs are those of the model.

No test holds a time to a limit.
"""

import json
import os
import subprocess
import sys

import pytest
import torch
from benchmarks.gpu.prepare import prepare
from benchmarks.gpu.throughput import page, processes, works
from benchmarks.gpu.throughput.sides.utilisation import counted_flops, encoder_flops, matmul_rate
from torch.nn.attention import SDPBackend, sdpa_kernel

from project.models.transformer import TokenTransformer

RESNET, TRANSFORMER = works.WORKS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpu") / "there"
    prepare(folder)
    return folder


# --- it runs ---


@pytest.fixture(scope="module")
def told(folder):
    """What the command writes of each work; both at the same time, with nothing but what was prepared."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    running = []
    for work in works.WORKS:
        options = ["--tiny", "--rounds", "1", "--work", work.name, "--results", work.name]
        command = [sys.executable, "-m", "throughput", *options]
        running.append(
            subprocess.Popen(
                command, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        )
    for process in running:
        said, _ = process.communicate()
        assert process.returncode == 0, said.decode()
    return {
        work.name: json.loads((folder / work.name / "results.json").read_text())
        for work in works.WORKS
    }


@pytest.mark.slow
@pytest.mark.parametrize("work", works.WORKS, ids=lambda work: work.name)
def test_the_project_and_the_bare_loop_compute_the_same_losses(work, told):
    """All of them, and they are of a training: they change."""
    (found,) = told[work.name]["works"]
    (taken,) = found["rounds"]
    assert {run["steps"] for run in taken["sides"].values()} == {18}  # measured, of 24
    ours, bare = (taken["sides"][side]["losses"] for side in (processes.OURS, processes.BARE))
    assert len(set(bare)) == len(bare) == 24
    torch.testing.assert_close(ours, bare, rtol=1e-4, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("work", works.WORKS, ids=lambda work: work.name)
def test_the_table_says_that_a_tiny_training_says_nothing(work, told, folder):
    text = (folder / work.name / "results.md").read_text()
    assert text == page.page(told[work.name])
    assert "the figures say nothing" in text
    assert "Goal" not in text
    sides = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    assert sides == ["| side", f"| {processes.OURS}", f"| {processes.BARE}"]


@pytest.mark.slow
def test_a_side_with_another_learning_rate_is_refused(told, folder):
    (found,) = told[TRANSFORMER.name]["works"]
    losses = found["rounds"][0]["sides"][processes.BARE]["losses"]
    other = processes.train(
        processes.OURS, folder / TRANSFORMER.name, works.TINY, "optimizer.lr=2.2e-3"
    )
    with pytest.raises(processes.OtherWorkError, match="the losses of torchgen differ"):
        processes.refuse_other_work(
            processes.OURS, other["losses"], losses, processes.TOLERANCE["fp32"]
        )


@pytest.mark.slow
def test_a_batch_that_is_not_full_is_refused(folder):
    """It would be compiled anew in the middle of what is measured."""
    with pytest.raises(RuntimeError, match="the last batch of an epoch has 6 samples"):
        processes.train(processes.BARE, folder / RESNET.name, works.TINY, "batch_size=18")


@pytest.mark.parametrize("wrong", [1.1, float("nan"), float("inf")])
def test_other_losses_are_refused(wrong):
    bare = [1.0] * processes.COMPARED
    assert processes.refuse_other_work("ours", bare, bare, 1e-4) == 0
    with pytest.raises(processes.OtherWorkError, match=r"at step 20 .* is not 1, to 1e-04"):
        processes.refuse_other_work("ours", [*bare[:-1], wrong], bare, 1e-4)
    with pytest.raises(processes.OtherWorkError, match="made 19 steps, the bare loop 20"):
        processes.refuse_other_work("ours", bare[1:], bare, 1e-4)


# --- what utilisation is made of ---


def test_the_flops_of_an_encoder_are_those_that_torch_counts():
    batch, tokens, width, depth, classes = 4, 128, 64, 3, 10
    with torch.device("meta"):
        model = TokenTransformer(100, tokens - 1, classes, width=width, depth=depth, dropout=0.0)
        ids = torch.zeros(batch, tokens - 1, dtype=torch.long)
    with sdpa_kernel(SDPBackend.MATH):  # its backward pass computes nothing anew
        counted = counted_flops(model, ids)
    ours = 3 * encoder_flops(batch, tokens, width=width, depth=depth, classes=classes)
    assert ours == pytest.approx(counted, rel=0.01)


def test_the_rate_is_flops_a_second(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    rate = matmul_rate(16, torch.float32, torch.device("cpu"))
    assert rate == 20 * 2 * 16**3  # twenty products in a second


@pytest.mark.slow
def test_the_works_are_as_large_as_they_say(told):
    """85 million parameters on 512 tokens; and 0.56 G multiplications an image, the usual figure of a ResNet-18 of this kind."""
    encoder, resnet = (told[work.name]["works"][0]["in_full"] for work in (TRANSFORMER, RESNET))
    assert encoder["parameters"] == pytest.approx(85e6, abs=3e6)
    assert encoder["units"] == 512 * encoder["batch_size"]
    assert resnet["flops"] / resnet["batch_size"] == pytest.approx(6 * 0.56e9, rel=0.05)
    for step in (encoder, resnet):
        assert (step["precision"], step["compiled"]) == ("bf16", True)


# --- the page ---


def made_up(ours, bare=1.0, **more):
    """Results in which the bare loop's steps take a second each, and use half of what the device can do."""

    def run(seconds):
        return {"steps": 10, "seconds": 10 * seconds, "peak_bytes": 2**30, "loss_difference": 0.0}

    sides = {processes.OURS: run(ours), processes.BARE: run(bare), processes.AGAIN: run(bare)}
    step = {"batch_size": 8, "precision": "bf16", "compiled": True, "parameters": 85_000_000}
    step |= {"units": 4096, "flops": 10**12}
    work = {"name": "transformer", "step": step, "failed": ""}
    work["rounds"] = [{"matmul_rate": 2e12, "sides": sides}] * 3
    return {"date": "2026-01-01", "tiny": False, "device": "a GPU", "versions": "torch 2"} | {
        "works": [work | more]
    }


def test_the_page_says_whether_the_goals_are_met():
    met = page.page(made_up(1.02))
    assert "at least 0.97 times the bare loop. Measured: 0.980, met." in met
    assert "an MFU of at least 45%. Measured: 49.0%, met." in met
    missed = page.page(made_up(1.25))
    assert "Measured: 0.800, **not met**." in missed
    assert "Measured: 40.0%, **not met**." in missed


def test_the_table_has_speed_ratio_utilisation_and_memory_of_each_side():
    text = page.page(made_up(1.25))
    assert "| torchgen | 3,277 | 0.800 (0.800 to 0.800) | 40.0% | 1.00 |" in text
    assert "| bare loop, again | 4,096 | 1.000 (1.000 to 1.000) | 50.0% | 1.00 |" in text


def test_the_page_says_what_failed():
    text = page.page(made_up(1.0, rounds=[], failed="out of memory"))
    assert text.endswith("Failed: out of memory\n")
