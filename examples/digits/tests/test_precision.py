"""Low precision in the forward pass alone: parameters, gradients, state and loss stay in float32."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from digits.debug import Bench
from digits.evaluate import evaluate
from digits.precision import Precision, resolve
from digits.storage import read
from digits.train import optimize

CPU = torch.device("cpu")
LOW = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocasting() -> bool:
    return torch.is_autocast_enabled("cpu")


def low_bench(config, name: str) -> Bench:
    """The parts of a config in a precision, with a scale at which the first step does not overflow."""
    bench = Bench(replace(config, precision=name))
    scaled = bench.precision.scaler.is_enabled()
    bench.precision.scaler = torch.amp.GradScaler("cpu", enabled=scaled, init_scale=64.0)
    return bench


@pytest.mark.parametrize("name", LOW)
def test_only_the_forward_pass_is_low(config, name):
    bench = low_bench(config, name)
    seen = {}

    def saw(where: str, value) -> None:
        seen.setdefault(where, set()).add(value)

    bench.model.register_forward_hook(
        lambda module, inputs, output: saw("outputs", (output.dtype, autocasting()))
    )
    bench.loss_fn.register_forward_hook(
        lambda module, inputs, loss: saw("loss", (inputs[0].dtype, loss.dtype, autocasting()))
    )
    for parameter in bench.model.parameters():
        parameter.register_hook(lambda gradient: saw("gradients", (gradient.dtype, autocasting())))
    bench.optimizer.register_step_pre_hook(lambda *_: saw("step", autocasting()))
    for batch in bench.batches(2):
        bench.step(batch)

    assert seen["outputs"] == {(LOW[name], True)}
    assert seen["loss"] == {(torch.float32, torch.float32, False)}
    assert seen["gradients"] == {(torch.float32, False)}
    assert seen["step"] == {False}
    assert {p.dtype for p in bench.model.parameters()} == {torch.float32}
    states = [v for s in bench.optimizer.state.values() for v in s.values()]
    assert {v.dtype for v in states if isinstance(v, torch.Tensor)} <= {torch.float32}


@pytest.mark.parametrize("name", LOW)
def test_low_precision_gives_almost_the_gradient_of_fp32(config, name):
    """Clipped as it should be: a scaled gradient would be 65536 times too long, and clipped to nothing."""

    def step(precision: str) -> tuple[float, float, torch.Tensor]:
        bench = low_bench(replace(config, max_grad_norm=0.01), precision)
        bench.model.eval()  # dropout would draw from the same generator, but in another order
        batch = next(bench.batches(1))
        still = torch.optim.SGD(bench.model.parameters(), lr=0.0)  # leaves gradients as they are
        loss, norm, _ = optimize(
            bench.model, bench.loss_fn, *batch, still, bench.precision, bench.config
        )
        gradients = [p.grad.flatten() for p in bench.model.parameters() if p.grad is not None]
        return float(loss), float(norm), torch.cat(gradients)

    loss, norm, gradient = step("fp32")
    low_loss, low_norm, low_gradient = step(name)
    assert low_loss == pytest.approx(loss, rel=0.05)
    assert low_norm == pytest.approx(norm, rel=0.1)
    assert float(low_gradient.norm()) == pytest.approx(min(norm, 0.01), rel=0.01)
    # the nearest stranger of a sample may be another one after rounding
    alike = 0.9 if getattr(config.loss(), "compares_samples", False) else 0.98
    assert torch.cosine_similarity(gradient, low_gradient, dim=0) > alike


@pytest.mark.parametrize("name", LOW)
def test_evaluation_computes_low_and_judges_in_float32(config, name):
    bench = low_bench(config, name)
    computed, judged = [], []
    bench.model.register_forward_hook(lambda module, inputs, output: computed.append(output))
    bench.loss_fn.register_forward_hook(lambda module, inputs, loss: judged.append(inputs[0]))
    _, val_set = config.task().load()
    _, outputs, _ = evaluate(bench.model, bench.loss_fn, val_set, bench.precision, CPU, 16)
    assert {output.dtype for output in computed} == {LOW[name]}
    assert {output.dtype for output in (*judged, outputs)} == {torch.float32}
    assert torch.equal(outputs.sort(dim=0).values, torch.cat(judged).sort(dim=0).values)


@pytest.mark.parametrize(("first", "then"), [("fp16", "fp32"), ("fp32", "fp16")])
def test_a_run_goes_on_in_another_precision(config, trained, interrupted, first, then):
    """Only one of the two has a scale: the other's checkpoint does without, or starts one anew."""
    with interrupted(config, 3):
        trained(replace(config, precision=first))
    last = read(trained(replace(config, precision=then)).last_file)
    assert last["progress"]["step"] == 6
    assert bool(last["scaler"]) == (then == "fp16")


def test_clipping_shortens_long_gradients_alone():
    precision = Precision("fp32", CPU)
    weight = nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    for limit, expected in ((10.0, [3.0, 4.0]), (1.0, [0.6, 0.8]), (None, [3.0, 4.0])):
        nn.init.zeros_(weight)
        weight.grad = torch.tensor([3.0, 4.0])
        norm = precision.norm(optimizer)
        assert norm == 5.0  # the true norm, whatever the limit
        assert precision.step(optimizer, torch.tensor(1.0), norm, limit)
        torch.testing.assert_close(weight.detach(), -torch.tensor(expected))


def test_fp16_scales_the_loss_and_nothing_else_does():
    assert Precision("fp16", CPU).scaler.is_enabled()
    assert not any(Precision(name, CPU).scaler.is_enabled() for name in ("fp32", "bf16", "auto"))


def test_auto_is_what_the_hardware_can_do(monkeypatch):
    def supported(including_emulation: bool = True) -> bool:
        return including_emulation

    assert resolve("auto", CPU) == "fp32"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert resolve("auto", torch.device("cuda")) == "fp16"  # emulated bf16 is slower than fp32
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert resolve("auto", torch.device("cuda")) == "bf16"


def test_a_precision_that_cannot_be_had_is_refused():
    with pytest.raises(ValueError, match=r"precision=tf32 needs a CUDA device, .* on cpu"):
        resolve("tf32", CPU)
    with pytest.raises(ValueError, match=r"precision=fp8 is not known\. There is: auto, fp32"):
        resolve("fp8", CPU)
