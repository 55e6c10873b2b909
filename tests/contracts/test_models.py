"""What every model promises: tests that each folder in templates/components/model gets for free."""

import ast
import importlib
import inspect
import math
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

MODELS = Path(__file__).parents[2] / "templates" / "components" / "model"
CLASSES = 5
VOCABULARY, LENGTH = 30, 12
IMAGE, FEATURES = (3, 8, 8), 6
FACTORIES = {
    "arange",
    "empty",
    "eye",
    "full",
    "linspace",
    "ones",
    "rand",
    "randn",
    "tensor",
    "zeros",
}


@dataclass(frozen=True)
class Case:
    """A model and one kind of inputs that it reads."""

    name: str
    inputs: str

    def __str__(self) -> str:
        return f"{self.name}-{self.inputs}"

    @property
    def entry(self) -> ast.Call:
        text = yaml.safe_load((MODELS / self.name / "component.yml").read_text())["entry"]
        return ast.parse(f"partial({text})", mode="eval").body

    @property
    def model_class(self) -> type[nn.Module]:
        module = importlib.import_module(f"project.models.{self.name}")
        return getattr(module, ast.unparse(self.entry.args[0]))

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        return dict(inspect.signature(self.model_class).parameters)

    def build(self, *, out_features: int = CLASSES, seed: int = 0, **settings) -> nn.Module:
        """The model at its defaults; settings that it does not have are left out."""
        torch.manual_seed(seed)
        sizes = {
            "in_channels": IMAGE[0],
            "in_features": math.prod(IMAGE) if self.inputs == "image" else FEATURES,
            "vocabulary_size": VOCABULARY,
            "max_length": LENGTH,
            "out_features": out_features,
        }
        wanted = {**sizes, **settings}
        return self.model_class(
            **{name: wanted[name] for name in self.parameters if name in wanted}
        )

    def samples(self, count: int, *, seed: int = 1) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        if self.inputs == "image":
            return torch.randn(count, *IMAGE, generator=generator)
        if self.inputs == "table":
            return torch.randn(count, FEATURES, generator=generator)
        ids = torch.randint(1, VOCABULARY, (count, LENGTH - 4), generator=generator)
        lengths = torch.randint(1, LENGTH - 3, (count, 1), generator=generator)
        return ids * (torch.arange(LENGTH - 4) < lengths)


def cases() -> list[Case]:
    files = sorted(MODELS.glob("*/component.yml"))
    return [
        Case(file.parent.name, inputs)
        for file in files
        for inputs in yaml.safe_load(file.read_text())["inputs"]
    ]


every_model = pytest.mark.parametrize("case", cases(), ids=str)
every_text_model = pytest.mark.parametrize(
    "case", [c for c in cases() if c.inputs == "text"], ids=str
)
every_image_model = pytest.mark.parametrize(
    "case", [c for c in cases() if c.inputs == "image"], ids=str
)


def targets(count: int, classes: int = CLASSES) -> Tensor:
    return torch.randint(classes, (count,), generator=torch.Generator().manual_seed(2))


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, inputs: Tensor) -> Tensor:
    loss = F.cross_entropy(model(inputs), targets(len(inputs)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


# ---- the signature


@every_model
def test_sizes_have_the_known_names_and_settings_are_keywords_with_defaults(case):
    known = {"in_channels", "in_features", "vocabulary_size", "max_length", "out_features"}
    sizes = {n for n, p in case.parameters.items() if p.default is inspect.Parameter.empty}
    assert "out_features" in sizes
    assert sizes <= known
    settings = [p for n, p in case.parameters.items() if n not in sizes]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in settings)


@every_model
def test_the_entry_states_settings_at_their_defaults(case):
    stated = {keyword.arg: ast.literal_eval(keyword.value) for keyword in case.entry.keywords}
    assert stated == {name: case.parameters[name].default for name in stated}


@every_model
def test_no_class_shadows_one_of_torch(case):
    tree = ast.parse((MODELS / case.name / f"{case.name}.py").read_text())
    ours = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    assert not ours & set(vars(nn))


# ---- the outputs


@every_model
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_one_row_of_outputs_a_sample(case, count, mode):
    model = case.build(out_features=7).train(mode == "train")
    outputs = model(case.samples(count))
    assert outputs.shape == (count, 7)
    assert outputs.dtype == torch.float32


@every_model
def test_outputs_are_raw(case):
    model = case.build(dropout=0.0)
    before = model(case.samples(4))
    with torch.no_grad():
        model.head.weight.mul_(100)
        model.head.bias.add_(1)
    torch.testing.assert_close(model(case.samples(4)), 100 * before + 1, rtol=1e-4, atol=1e-4)


@every_model
def test_inputs_of_another_rank_are_refused(case):
    with pytest.raises(ValueError, match=r"expected .*\(B, .*got \(3,\)"):
        case.build()(case.samples(3).reshape(3, -1)[:, 0])


@every_model
def test_inputs_are_left_as_they_were(case):
    inputs = case.samples(3)
    before = inputs.clone()
    case.build()(inputs)
    assert torch.equal(inputs, before)


@every_model
def test_the_first_loss_is_that_of_a_guess(case):
    model = case.build(out_features=10)
    loss = F.cross_entropy(model(case.samples(64)), targets(64, classes=10))
    assert abs(loss.item() - math.log(10)) < 0.15


@every_model
def test_samples_do_not_see_each_other_not_even_in_training(case):
    model = case.build(dropout=0.0).train()
    inputs, others = case.samples(4), case.samples(4, seed=9)
    mixed = torch.cat([inputs[:2], others[2:]])
    torch.testing.assert_close(model(mixed)[:2], model(inputs)[:2], rtol=0, atol=1e-6)
    torch.testing.assert_close(model(inputs[:1]), model(inputs)[:1], rtol=0, atol=1e-6)
    assert not torch.allclose(model(mixed)[2:], model(inputs)[2:], rtol=0, atol=1e-5)


@every_model
def test_evaluation_repeats_and_leaves_no_trace(case):
    model, inputs = case.build().eval(), case.samples(4)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    generator = torch.get_rng_state()
    assert torch.equal(model(inputs), model(inputs))
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@every_model
def test_dropout_acts_in_training(case):
    if "dropout" not in case.parameters:
        assert not any(isinstance(module, nn.Dropout) for module in case.build().modules())
        return
    model, inputs = case.build(dropout=0.5).train(), case.samples(4)
    assert not torch.equal(model(inputs), model(inputs))
    model = case.build(dropout=0.0).train()
    assert torch.equal(model(inputs), model.eval()(inputs))


@every_text_model
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_padding_changes_nothing(case, mode):
    model = case.build(dropout=0.0).train(mode == "train")
    ids = case.samples(4)
    padded = F.pad(ids, (0, 4))
    torch.testing.assert_close(model(padded), model(ids), rtol=0, atol=1e-5)


@every_text_model
def test_an_empty_text_gives_an_answer(case):
    ids = torch.cat([case.samples(2), torch.zeros(1, LENGTH - 4, dtype=torch.int64)])
    for model in (case.build(), case.build().eval()):
        assert model(ids).isfinite().all()


@every_image_model
def test_the_memory_format_changes_nothing(case):
    model, images = case.build().eval(), case.samples(2)
    expected = model(images)
    model = model.to(memory_format=torch.channels_last)
    outputs = model(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-5)


# ---- the parameters


def loose(module: nn.Module) -> list[str]:
    """Attributes that hold modules or tensors without having registered them."""
    found = []
    for name, value in vars(module).items():
        if name in ("_parameters", "_buffers", "_modules"):
            continue
        members = value.values() if isinstance(value, dict) else value
        members = members if isinstance(value, (list, tuple, set, dict)) else [value]
        if name != "_flat_weights" and any(isinstance(m, (nn.Module, Tensor)) for m in members):
            found.append(name)  # _flat_weights: nn.LSTM's second list of its own parameters
    return found


@every_model
def test_every_module_and_tensor_is_registered(case):
    assert {
        name: loose(module) for name, module in case.build().named_modules() if loose(module)
    } == {}


@every_model
def test_parameters_are_float32_and_can_be_trained(case):
    for name, parameter in case.build().named_parameters():
        assert parameter.dtype == torch.float32, name
        assert parameter.requires_grad, name
        assert not parameter.is_inference(), name


@every_model
def test_every_parameter_learns(case):
    model = case.build()
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    for _ in range(2):
        train_step(model, optimizer, case.samples(8))
        assert [n for n, p in model.named_parameters() if p.grad is None] == []
    assert [n for n, p in model.named_parameters() if torch.equal(p, before[n])] == []
    assert [n for n, p in model.named_parameters() if p.grad.abs().max() < 1e-8] == []


@every_model
def test_the_head_starts_small_and_without_bias(case):
    head = case.build(out_features=50).head
    assert 0.003 < head.weight.std().item() < 0.03
    assert head.bias.abs().max() == 0


@every_model
def test_a_saved_state_gives_the_same_outputs(case, tmp_path):
    model, other, inputs = case.build(), case.build(seed=1), case.samples(4)
    assert not torch.equal(model.eval()(inputs), other.eval()(inputs))
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(model(inputs), other(inputs))


@every_model
def test_a_batch_is_learned_by_heart(case):
    model, inputs = case.build(dropout=0.0), case.samples(16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = (train_step(model, optimizer, inputs).item() for _ in range(200))
    assert any(loss < 0.05 for loss in losses)


# ---- devices and precision


@every_model
def test_runs_in_bfloat16_with_float32_parameters(case):
    model = case.build()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs = model(case.samples(4))
    assert outputs.dtype == torch.bfloat16
    outputs.float().sum().backward()
    assert outputs.isfinite().all()
    assert all(
        p.grad.isfinite().all() and p.grad.dtype == torch.float32 for p in model.parameters()
    )


@every_model
def test_everything_moves_with_the_model(case, monkeypatch):
    """On "meta" a tensor that was left on the CPU, or made there, cannot be mixed in."""
    # numbers that must be on the CPU, such as the lengths for packing, cannot be read off meta
    monkeypatch.setattr(Tensor, "cpu", lambda tensor: torch.ones(tensor.shape, dtype=tensor.dtype))
    outputs = case.build().to("meta")(case.samples(3).to("meta"))
    assert outputs.device.type == "meta"
    assert outputs.shape == (3, CLASSES)


@every_model
def test_tensors_made_in_forward_state_their_device(case):
    """The probe above misses index tensors: torch lets those stay on the CPU."""
    tree = ast.parse((MODELS / case.name / f"{case.name}.py").read_text())
    methods = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name != "__init__"]
    calls = [n for method in methods for n in ast.walk(method) if isinstance(n, ast.Call)]
    made = [call for call in calls if ast.unparse(call.func) in {f"torch.{f}" for f in FACTORIES}]
    assert [ast.unparse(c) for c in made if "device" not in {k.arg for k in c.keywords}] == []
