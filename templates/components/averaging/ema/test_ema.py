"""The average is the one of its formula, a run is judged by it, and training never notices."""

from contextlib import suppress
from functools import partial

import pytest
import torch
from torch import nn

import project.train as training
from project.averages.ema import Ema
from project.averaging import averaged
from project.config import Config, describe, override
from project.data import TensorSet
from project.run import Run
from project.storage import read


def steps_of(parameter, count):
    """Values that a parameter takes one after the other."""
    for _ in range(count):
        with torch.no_grad():
            parameter.copy_(torch.randn_like(parameter))
        yield parameter.detach().double()


def test_average_is_that_of_the_formula():
    parameter = nn.Parameter(torch.zeros(3, 2))
    ema, average = Ema([parameter], decay=0.5), 0.0
    for n, value in enumerate(steps_of(parameter, 20)):
        ema.update()
        decay = min(0.5, (1 + n) / (10 + n)) if n else 0.0  # 0.18, 0.25, ..., 0.5 for the ninth
        average = decay * average + (1 - decay) * value
        torch.testing.assert_close(ema.average_0.double(), average, rtol=1e-5, atol=1e-6)


def test_first_step_is_copied():
    """What the weights were drawn as has no part in the average."""
    parameter = nn.Parameter(torch.full((4,), 1e6))
    ema = Ema([parameter])
    (value,) = steps_of(parameter, 1)
    ema.update()
    assert torch.equal(ema.average_0.double(), value)


def test_swapping_twice_changes_no_bit():
    parameters = [nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(5))]
    ema = Ema(parameters)
    ema.update()
    for parameter in parameters:
        next(steps_of(parameter, 1))
    before = [p.detach().clone() for p in parameters], [a.clone() for a in ema.averages]
    ema.swap()
    assert all(map(torch.equal, parameters, before[1]))
    assert all(map(torch.equal, ema.averages, before[0]))
    ema.swap()
    assert all(map(torch.equal, parameters, before[0]))
    assert all(map(torch.equal, ema.averages, before[1]))


def test_state_goes_on_elsewhere():
    parameter = nn.Parameter(torch.zeros(3))
    one, other = Ema([parameter]), Ema([parameter])
    for _ in steps_of(parameter, 5):
        one.update()
    other.load_state_dict(one.state_dict())
    for _ in steps_of(parameter, 5):
        one.update()
        other.update()
    assert torch.equal(one.average_0, other.average_0)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_decay_that_averages_nothing_is_refused(decay):
    with pytest.raises(ValueError, match="decay is from 0 up to below 1"):
        Ema([nn.Parameter(torch.zeros(1))], decay=decay)


def test_decay_is_a_setting_of_a_run():
    config = Config(Sides, Normed, nn.CrossEntropyLoss, torch.optim.SGD, level, averaging=Ema)
    told = describe(override(config, "averaging.decay=0.9"))["averaging"]
    assert told == {"use": f"{Ema.__module__}:Ema", "decay": 0.9}
    with pytest.raises(ValueError, match="has no setting 'rate'"):
        override(config, "averaging.rate=0.9")


class Sides:
    """A task of 32 points on two sides of a plane."""

    metric, higher_is_better = "evaluations", True  # so each one is the best
    sizes = {"in_features": 3, "out_features": 2}  # noqa: RUF012
    evaluations = 0

    def load(self):
        points = torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
        samples = TensorSet(points, (points[:, 0] > 0).long())
        return samples, samples

    def augment(self, inputs, generator):
        return inputs

    def metrics(self, outputs, targets):
        self.evaluations += 1
        return {"evaluations": self.evaluations}

    def state_dict(self):
        return {}


class Normed(nn.Module):
    """With running statistics and their counter."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.norm = nn.BatchNorm1d(in_features)
        self.head = nn.Linear(in_features, out_features)

    def forward(self, inputs):
        return self.head(self.norm(inputs))


def level(optimizer, total_steps):
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


class Overflowing(nn.CrossEntropyLoss):
    """Infinite in the third step."""

    steps = 0

    def forward(self, outputs, targets):
        self.steps += torch.is_grad_enabled()
        return super().forward(outputs, targets) * (torch.inf if self.steps == 3 else 1.0)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Trains for 8 steps, with an evaluation after every second one."""
    monkeypatch.setattr(training, "check_run", lambda *_: None)  # these parts are in no file
    monkeypatch.setattr(training, "report", lambda *_: {})
    optimizer = partial(torch.optim.SGD, lr=0.5)
    small = {"precision": "fp32", "device": "cpu", "epochs": 2, "batch_size": 8}

    def run_it(averaging, loss=nn.CrossEntropyLoss, **settings):
        parts = Sides, Normed, loss, optimizer, level
        config = Config(*parts, averaging=averaging, evaluate_steps=2, **small, **settings)
        run = Run(tmp_path / f"run {len(list(tmp_path.iterdir()))}")
        run.path.mkdir()
        training.train(config, run)
        return run

    return run_it


def weights(state):
    """The averages of a checkpoint by the names of the parameters; the buffers as they are."""
    numbers = {name: number for number, name in enumerate(state["parameters"])}
    average = state["average"]
    return {
        name: average[f"average_{numbers[name]}"] if name in numbers else value
        for name, value in state["model"].items()
    }


def test_training_goes_on_with_its_own_weights(trained):
    """To the last bit, whatever was evaluated in between."""
    without, averaged = (read(trained(averaging).last_file) for averaging in (None, Ema))
    assert averaged.keys() - without.keys() == {"average"}
    for name, value in without["model"].items():
        assert torch.equal(averaged["model"][name], value), name
    assert averaged["model"]["norm.num_batches_tracked"] == 8


def test_what_is_saved_for_inference_is_the_average(trained):
    run = trained(Ema)
    state, saved = read(run.best_file), read(run.model_file)["weights"]
    assert saved.keys() == state["model"].keys()
    for name, value in weights(state).items():
        assert torch.equal(saved[name], value), name
        is_trained = name in state["parameters"]
        assert torch.equal(saved[name], state["model"][name]) != is_trained, name


def test_what_is_evaluated_is_the_average(trained):
    run = trained(Ema)
    last, state = run.records()[-1], read(run.last_file)
    points, sides = Sides().load()[1].__getitems__(range(32))
    losses = []
    for values in (weights(state), state["model"]):
        model = Normed(3, 2).eval()
        model.load_state_dict(values)
        losses.append(nn.functional.cross_entropy(model(points), sides).item())
    assert last["val_loss"] == pytest.approx(losses[0], rel=1e-5)
    assert last["val_loss"] != pytest.approx(losses[1], rel=1e-3)


def test_skipped_step_is_not_averaged(trained):
    state = read(trained(Ema, Overflowing, max_skipped_steps=1).last_file)
    assert state["progress"]["step"] == 8
    assert state["average"]["steps"] == 7


def test_average_is_of_the_steps_and_not_of_the_parts_of_a_batch(trained):
    assert read(trained(Ema, micro_batches=2).last_file)["average"]["steps"] == 8


def test_failed_evaluation_gives_the_weights_back():
    parameter = nn.Parameter(torch.ones(2))
    ema = Ema([parameter])
    next(steps_of(parameter, 1))
    before = parameter.detach().clone()
    with suppress(FloatingPointError), averaged(ema):
        assert torch.equal(parameter, torch.ones(2))
        raise FloatingPointError
    assert torch.equal(parameter, before)
