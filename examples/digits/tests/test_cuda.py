"""The same promises on a GPU, where there is one."""

from dataclasses import replace

import pytest
import torch

from digits.config import Config
from digits.debug import Bench
from digits.device import pick_device
from digits.evaluate import evaluate
from digits.precision import Precision
from digits.storage import read

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture(autouse=True)
def same_fp32():
    """A `Precision` sets how float32 is multiplied on CUDA: each test leaves it as it was."""
    before = torch.backends.fp32_precision
    yield
    torch.backends.fp32_precision = before


@pytest.fixture
def on_cuda(config) -> Config:
    return replace(config, device="cuda", evaluate_steps=2)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "fp16", "auto"])
def test_every_precision_trains(on_cuda, trained, precision):
    if precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("this GPU computes no bfloat16")
    run = trained(replace(on_cuda, precision=precision))
    last = read(run.last_file)
    assert last["progress"]["step"] == 6
    assert {value.device.type for value in last["model"].values()} == {"cpu"}  # loads anywhere
    losses = [record["val_loss"] for record in run.records() if "val_loss" in record]
    assert len(losses) == 3
    assert torch.tensor(losses).isfinite().all()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_stopped_run_goes_on_where_it_was(on_cuda, trained, interrupted, differences, precision):
    """On a GPU sums may be added up in another order: what is counted is equal, weights are close."""
    config = replace(on_cuda, precision=precision)
    whole = read(trained(config, "whole").last_file)
    with interrupted(config, 3):
        trained(config, "parts")
    parts = read(trained(config, "parts").last_file)
    for name in ("scheduler", "scaler", "parameters"):
        assert differences(whole[name], parts[name]) == []
    assert differences(whole["random"]["cuda"], parts["random"]["cuda"]) == []
    torch.testing.assert_close(parts["model"], whole["model"], rtol=1e-2, atol=1e-3)


def test_gives_the_loss_of_the_cpu(on_cuda):
    cpu, cuda = Bench(replace(on_cuda, device="cpu")), Bench(on_cuda)
    cuda.model.load_state_dict(cpu.model.state_dict())
    _, val_set = on_cuda.task().load()
    losses = {}
    for bench in (cpu, cuda):
        precision = Precision("fp32", bench.device)
        loss, outputs, _ = evaluate(
            bench.model, bench.loss_fn, val_set, precision, bench.device, on_cuda.batch_size
        )
        losses[bench.device.type] = loss
        assert outputs.device.type == "cpu"
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=1e-4)


def test_is_chosen_where_there_is_one():
    assert pick_device("auto").type == "cuda"


def test_deterministic_runs_are_the_same_to_the_bit(on_cuda, trained, differences):
    config = replace(on_cuda, deterministic=True)
    try:
        one, two = (read(trained(config, name).last_file) for name in ("one", "two"))
    except RuntimeError as error:
        if "does not have a deterministic implementation" not in str(error):
            raise
        pytest.skip(str(error).splitlines()[0])
    assert differences(one["model"], two["model"]) == []


def test_a_compiled_model_has_almost_the_curve_of_the_other(on_cuda, trained):
    config = replace(on_cuda, precision="fp32")
    runs = [trained(replace(config, compile=compiled), f"{compiled}") for compiled in (False, True)]
    curves = [[r["val_loss"] for r in run.records() if "val_loss" in r] for run in runs]
    assert curves[1] == pytest.approx(curves[0], rel=1e-2)
    assert read(runs[1].last_file)["model"].keys() == read(runs[0].last_file)["model"].keys()
