"""What every loss of the catalogue promises, found by scanning its folders.

A loss is `(outputs, targets) -> scalar`: a mean over the samples, in at least float32, finite at
any outputs; its state is its buffers. A new folder is tested without an edit here.
"""

import ast
import contextlib
import importlib
import inspect
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

FOLDER = Path(__file__).parents[2] / "templates" / "components" / "loss"
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/component.yml"))
FACTS = {name: yaml.safe_load((FOLDER / name / "component.yml").read_text()) for name in NAMES}
JUDGES = {name: facts["outputs"][0] for name, facts in FACTS.items()}
OWN = [name for name in NAMES if (FOLDER / name / f"{name}.py").exists()]
ON_INDICES = [name for name in OWN if JUDGES[name] != "numbers"]
EXTREMES = {torch.float32: 1e4, torch.float16: 6e4, torch.bfloat16: 1e18}


def configured(name):
    """The partial of a component's entry, as it stands in a config."""
    call = ast.parse(f"partial({FACTS[name]['entry']})", mode="eval").body
    module, _, symbol = ast.unparse(call.args[0]).rpartition(".")
    module = importlib.import_module(module or f"project.losses.{name}")
    settings = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    return partial(getattr(module, symbol), **settings)


def weighs_classes(name):
    return "class_weights" in inspect.signature(configured(name).func).parameters


def compares_samples(name):
    return getattr(configured(name).func, "compares_samples", False)


def make_batch(name, batch_size=6):
    """Outputs and targets that the loss fits; small, seeded, and drawn from no global generator."""
    generator = torch.Generator().manual_seed(7)
    outputs = torch.randn(batch_size, 3, generator=generator)
    if JUDGES[name] == "numbers":
        return outputs, torch.randn(batch_size, 3, generator=generator)
    return outputs, torch.tensor([0, 2, 1, 2, 0, 2])[:batch_size]


def value_and_gradient(loss, outputs, targets):
    outputs = outputs.detach().clone().requires_grad_()
    value = loss(outputs, targets)
    return value.detach(), *torch.autograd.grad(value, outputs)


def divisor(loss, targets):
    """What the mean was divided by, as the training loop derives it from torch's names."""
    ignored = getattr(loss, "ignore_index", None)
    kept = targets if ignored is None else targets[targets != ignored]
    weight = getattr(loss, "weight", None)
    return len(kept) if weight is None else weight[kept].sum()


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_gives_one_number_in_float32(name):
    value = configured(name)()(*make_batch(name))
    assert value.shape == ()
    assert value.dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_one_is_finite(name):
    with torch.autograd.set_detect_anomaly(True):  # raises for a nan on the way, even if masked
        value, gradient = value_and_gradient(configured(name)(), *make_batch(name, batch_size=1))
    assert value.isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_samples_does_not_matter(name):
    outputs, targets = make_batch(name)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    value, gradient = value_and_gradient(configured(name)(), outputs, targets)
    shuffled = value_and_gradient(configured(name)(), outputs[order], targets[order])
    torch.testing.assert_close(shuffled, (value, gradient[order]))


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_the_value(name):
    outputs, targets = make_batch(name)
    targets = targets.double() if JUDGES[name] == "numbers" else targets
    loss = configured(name)().double()
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), outputs.double().requires_grad_())


@pytest.mark.parametrize("dtype", EXTREMES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_extreme_outputs_stay_finite(name, dtype):
    _, targets = make_batch(name)
    signs = torch.tensor([[1, -1, 1], [-1, 1, 1], [0, 0, 0], [1, -1, 0], [1, 1, 1], [-1, -1, -1]])
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):  # as in the training loop
        extreme = (EXTREMES[dtype] * signs).to(dtype)
        value, gradient = value_and_gradient(configured(name)(), extreme, targets)
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert gradient.dtype == dtype
    assert gradient.isfinite().all()


@pytest.mark.parametrize("autocast", [True, False], ids=["autocast", "plain"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", OWN)
def test_low_precision_outputs_are_judged_in_float32(name, dtype, autocast):
    outputs, targets = make_batch(name)
    low = outputs.to(dtype)
    with torch.autocast("cpu", dtype, enabled=autocast):
        value = configured(name)()(low, targets)
    assert torch.equal(value, configured(name)()(low.float(), targets))


@pytest.mark.parametrize("name", [name for name in NAMES if not compares_samples(name)])
def test_unequal_parts_add_up_to_the_whole_batch(name):
    outputs, targets = make_batch(name)
    variants = [{}]
    if weighs_classes(name):
        weights = (1.0, 3.0, 0.5)
        variants += [{"class_weights": weights}, {"class_weights": weights, "ignore_index": 1}]
        variants += [{"ignore_index": 0}]
    for settings in variants:
        loss = configured(name)(**settings)
        whole = loss(outputs, targets) * divisor(loss, targets)
        parts = [slice(0, 4), slice(4, 5), slice(5, 6)]
        summed = sum(loss(outputs[s], targets[s]) * divisor(loss, targets[s]) for s in parts)
        torch.testing.assert_close(summed, whole, msg=lambda text, of=settings: f"{of}: {text}")


@pytest.mark.parametrize("class_weights", [None, (1.0, 3.0, 0.5)], ids=["even", "weighted"])
@pytest.mark.parametrize("mark", [-100, -1])
@pytest.mark.parametrize("name", [name for name in NAMES if weighs_classes(name)])
def test_marked_samples_are_left_out(name, mark, class_weights):
    outputs, targets = make_batch(name)
    targets[1:3] = mark
    kept = targets != mark
    settings = {} if mark == -100 else {"ignore_index": mark}  # -100 is the mark everywhere
    loss = configured(name)(class_weights=class_weights, **settings)
    value, gradient = value_and_gradient(loss, outputs, targets)
    torch.testing.assert_close(value, loss(outputs[kept], targets[kept]))
    assert gradient[~kept].abs().max() == 0.0


@pytest.mark.parametrize("name", [name for name in NAMES if compares_samples(name)])
def test_only_what_compares_samples_forbids_to_cut_the_batch(name):
    outputs, targets = make_batch(name)
    loss = configured(name)()
    halves = (loss(outputs[:3], targets[:3]) + loss(outputs[3:], targets[3:])) / 2
    assert not torch.isclose(halves, loss(outputs, targets))


@pytest.mark.parametrize("name", [name for name in NAMES if JUDGES[name] == "embeddings"])
def test_losses_on_embeddings_judge_directions_alone(name):
    outputs, targets = make_batch(name)
    loss = configured(name)()
    torch.testing.assert_close(loss(outputs * 50, targets), loss(outputs, targets))


@pytest.mark.parametrize("name", [name for name in NAMES if JUDGES[name] == "embeddings"])
def test_an_embedding_of_zeros_has_a_gradient_that_float16_holds(name):
    outputs, targets = make_batch(name)
    outputs[0] = 0
    _, gradient = value_and_gradient(configured(name)(), outputs, targets)
    assert gradient.abs().max() < torch.finfo(torch.float16).max / 10


@pytest.mark.parametrize("name", ON_INDICES)
@pytest.mark.parametrize(
    ("outputs", "targets", "got"),
    [
        ((4, 3), (4, 1), r"got \(4, 3\) and \(4, 1\)"),
        ((4, 3), (3,), r"got \(4, 3\) and \(3,\)"),
        ((4,), (4,), r"got \(4,\) and \(4,\)"),
        ((4, 3, 2), (4,), r"got \(4, 3, 2\) and \(4,\)"),
    ],
)
def test_wrong_shapes_are_refused_in_words(name, outputs, targets, got):
    with pytest.raises(ValueError, match=rf"expected .+ \(B, .\) and class indices \(B,\), {got}"):
        configured(name)()(torch.zeros(outputs), torch.zeros(targets, dtype=torch.int64))


@pytest.mark.parametrize("name", ON_INDICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.int32, torch.bool], ids=str)
def test_targets_that_are_no_indices_are_refused_in_words(name, dtype):
    outputs, targets = make_batch(name)
    with pytest.raises(TypeError, match=f"expected class indices as torch.int64, got {dtype}"):
        configured(name)()(outputs, targets.to(dtype))


@pytest.mark.parametrize("name", [name for name in NAMES if weighs_classes(name)])
def test_a_wrong_number_of_class_weights_is_refused(name):
    for weights in [(1.0, 1.0), (1.0, 1.0, 1.0, 1.0)]:
        with pytest.raises((ValueError, RuntimeError), match=r"weight .* 3 classes"):
            configured(name)(class_weights=weights)(*make_batch(name))


@pytest.mark.parametrize("name", NAMES)
def test_judging_changes_nothing_but_the_answer(name):
    outputs, targets = make_batch(name)
    loss = configured(name)()
    before = outputs.clone(), targets.clone(), torch.get_rng_state()
    attributes = {key: repr(value) for key, value in vars(loss).items()}
    first, second = loss(outputs, targets), loss(outputs, targets)
    assert torch.equal(first, second)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert all(map(torch.equal, before, (outputs, targets, torch.get_rng_state())))
    assert {key: repr(value) for key, value in vars(loss).items()} == attributes


@pytest.mark.parametrize("name", NAMES)
def test_tensors_are_buffers_so_that_they_move_with_the_loss(name):
    settings = {"class_weights": (1.0, 2.0, 0.5)} if weighs_classes(name) else {}
    loss = configured(name)(**settings)
    assert isinstance(loss, nn.Module)
    assert not any(isinstance(value, torch.Tensor) for value in vars(loss).values())
    assert not list(loss.parameters())
    assert not settings or loss.weight.tolist() == [1.0, 2.0, 0.5]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_waits_for_the_device_or_stays_on_the_cpu(name, monkeypatch):
    """A meta tensor has no values: reading one, or mixing in a tensor of the CPU, raises."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())  # has no meta
    settings = {"class_weights": (1.0, 2.0, 0.5)} if weighs_classes(name) else {}
    outputs, targets = (tensor.to("meta") for tensor in make_batch(name))
    value, gradient = value_and_gradient(configured(name)(**settings).to("meta"), outputs, targets)
    assert value.device.type == gradient.device.type == "meta"
