"""Before the first step: data that cannot be right are refused by their row, data that may not be are told with what to do."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from digits import checks
from digits.checks import check_first_step
from digits.config import load
from digits.data import TensorSet
from digits.data_checks import check_data
from digits.debug import Bench
from digits.probe import NUMBERS, ON_DISK, Rows

CPU = torch.device("cpu")


def samples(count: int, *, classes: int = 2, seed: int = 0) -> TensorSet:
    """Rows of four numbers, of each class in turn."""
    inputs = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return TensorSet(inputs, torch.arange(count) % classes)


class OnDisk:
    """The same rows without a list of all of them."""

    def __init__(self, rows: TensorSet) -> None:
        self.rows, self.read = rows, []

    def __len__(self) -> int:
        return len(self.rows)

    def __getitems__(self, indices):
        self.read += list(indices)
        return self.rows.__getitems__(indices)


TRAIN, VAL = samples(40), samples(20, seed=1)


def changed(rows: TensorSet, row: int, *, inputs: float | None = None, target=None) -> TensorSet:
    """The same rows but for one, without the check of a TensorSet."""
    other = TensorSet(rows.inputs.clone(), rows.targets.clone())
    if inputs is not None:
        other.inputs[row] = inputs
    if target is not None:
        other.targets[row] = target
    return other


def test_the_shipped_data_are_right_and_need_no_warning(config_file, capsys):
    """As they are, all rows of them."""
    config = replace(load(config_file), device="cpu", precision="fp32")
    task = config.task()
    train_set, val_set = task.load()
    bench = Bench(config)
    checks.check_run(bench.model, bench.loss_fn, task, train_set, val_set, config, CPU)
    assert capsys.readouterr().err == ""
    assert check_data(TRAIN, VAL, classes=2) == []


@pytest.mark.parametrize("whose", ["training", "validation"])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"inputs": torch.nan}, "inputs that are not finite"),
        ({"inputs": -torch.inf}, "inputs that are not finite"),
        ({"target": 2}, "a class outside of 0 to 1"),
        ({"target": -1}, "a class outside of 0 to 1"),
    ],
)
def test_a_row_that_cannot_be_right_is_named(whose, change, told):
    sets = {"training": TRAIN, "validation": VAL}
    sets[whose] = changed(sets[whose], 17, **change)
    with pytest.raises(ValueError, match=f"row 17 of the {whose} set has {told}"):
        check_data(*sets.values(), classes=2)


def test_a_target_that_is_ignored_is_no_class():
    train = changed(TRAIN, 3, target=-100)
    assert check_data(train, VAL, classes=2, ignored=(-100,)) == []
    with pytest.raises(ValueError, match="row 3 of the training set has a class outside of 0 to 1"):
        check_data(train, VAL, classes=2)


def test_numbers_for_targets_must_be_finite():
    numbers = TensorSet(TRAIN.inputs, torch.ones(40, 1))
    with pytest.raises(ValueError, match="row 5 of the training set has targets that are not fin"):
        check_data(changed(numbers, 5, target=torch.nan), numbers)


def test_tokens_must_be_in_the_vocabulary():
    tokens = TensorSet(torch.arange(12).reshape(4, 3), torch.arange(4) % 2)
    longer = TensorSet(torch.arange(16).reshape(4, 4) + 20, torch.arange(4) % 2)
    assert check_data(tokens, longer, vocabulary_size=36, classes=2) == []
    with pytest.raises(ValueError, match="row 3 of the validation set has a token outside of 0 to"):
        check_data(tokens, longer, vocabulary_size=35, classes=2)


def test_types_lengths_and_shapes_are_told():
    with pytest.raises(ValueError, match=r"inputs of the training set are torch[.]float64: "):
        check_data(TensorSet(TRAIN.inputs.double(), TRAIN.targets), VAL)
    with pytest.raises(ValueError, match=r"targets of the validation set are torch[.]int32: "):
        check_data(TRAIN, TensorSet(VAL.inputs, VAL.targets.int()))
    with pytest.raises(ValueError, match=r"training samples are \(4,\), validation samples \(3,\)"):
        check_data(TRAIN, TensorSet(VAL.inputs[:, :3], VAL.targets))
    with pytest.raises(ValueError, match="the validation set is empty"):
        check_data(TRAIN, TensorSet(VAL.inputs[:0], VAL.targets[:0]))
    with pytest.raises(ValueError, match="all training samples are the same"):
        check_data(TensorSet(torch.ones(40, 4), TRAIN.targets), VAL)

    class Short(OnDisk):
        def __getitems__(self, indices):
            inputs, targets = super().__getitems__(indices)
            return inputs, targets[1:]

    with pytest.raises(ValueError, match="40 rows of the training set give 39 targets"):
        check_data(Short(TRAIN), VAL)


def test_validation_rows_that_were_trained_on_are_told():
    leaking = TensorSet(torch.cat([VAL.inputs[:19], TRAIN.inputs[7:8]]), VAL.targets)
    (warning,) = check_data(TRAIN, leaking, classes=2)
    assert warning.startswith("1 of 20 validation rows, such as row 19, are training rows as well")
    (warning,) = check_data(OnDisk(samples(400)), OnDisk(samples(300)))
    assert "validation rows that were looked at" in warning


def test_rows_that_are_all_the_same_were_not_trained_on():
    """They are in both sets, since whatever they were made from has been lost."""
    blank = torch.zeros(40, 4)
    blank[7] = 9.0
    (warning,) = check_data(TensorSet(blank, TRAIN.targets), TensorSet(blank[:20], VAL.targets))
    assert warning.startswith("39 of 40 training rows are the same, such as row 0: nothing tells")
    (warning,) = check_data(TRAIN, TensorSet(blank[:20], VAL.targets))
    assert warning.startswith("19 of 20 validation rows are the same, such as row 0: nothing tell")


def test_padding_makes_no_other_text():
    short = TensorSet(torch.tensor([[3, 4], [5, 6]]), torch.arange(2))
    padded = TensorSet(torch.tensor([[3, 4, 0], [7, 8, 9]]), torch.arange(2))
    (warning,) = check_data(short, padded, vocabulary_size=10)
    assert warning.startswith("1 of 2 validation rows, such as row 0,")


def test_missing_and_rare_classes_are_told():
    (warning,) = check_data(TRAIN, TensorSet(VAL.inputs, VAL.targets * 0), classes=2)
    assert warning == "no validation row is of class 1: nothing can be said about it"
    rare = TensorSet(TRAIN.inputs, (torch.arange(40) == 8).long())
    (warning,) = check_data(rare, VAL, classes=2)
    assert warning.startswith("class 1 has 1 training rows and class 0 has 39: accuracy hides")


def test_few_rows_are_read_where_each_has_to_be_decoded():
    rows = OnDisk(samples(ON_DISK * 3 + 1))
    Rows("training", rows)
    assert len(set(rows.read)) == ON_DISK
    assert (rows.read[0], rows.read[-1]) == (0, ON_DISK * 3)
    assert len(Rows("training", rows.rows).numbers) == len(rows)
    wide = TensorSet(torch.zeros(1, 1).expand(1000, NUMBERS // 500), torch.zeros(1000))
    assert len(Rows("training", wide).numbers) == 500


def first_step(bench: Bench) -> list[str]:
    return list(check_first_step(bench.model, bench.loss_fn, bench.train_set, bench.config, CPU))


def test_a_parameter_that_the_loss_does_not_reach_is_told(config):
    bench = Bench(config)
    assert first_step(bench) == []
    bench.model.spare = nn.Linear(2, 3)
    (warning,) = first_step(bench)
    assert warning.startswith("the loss does not depend on spare.weight, spare.bias (2 in all)")
    bench.model.spare.requires_grad_(False)
    assert first_step(bench) == []


def test_a_loss_without_a_gradient_is_refused(config, monkeypatch):
    bench = Bench(config)
    forward = type(bench.loss_fn).forward

    def detached(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return forward(self, outputs.detach(), targets)

    monkeypatch.setattr(type(bench.loss_fn), "forward", detached)
    with pytest.raises(ValueError, match="the loss has no gradient: "):
        first_step(bench)


def test_a_start_with_an_opinion_is_told(config):
    bench = Bench(config)
    if getattr(bench.loss_fn, "compares_samples", False):
        pytest.skip("embeddings are compared with each other: they have no neutral start")
    with torch.no_grad():
        bench.model.head.weight.mul_(1e6)
    (warning,) = first_step(bench)
    assert warning.startswith("the loss starts at ")


def test_looking_takes_no_more_memory_than_a_step(config):
    bench, sizes = Bench(config), []
    bench.config = replace(config, micro_batches=4)
    bench.model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    first_step(bench)
    assert sizes == [4]


def test_looking_changes_nothing(config, differences):
    """No weight, no statistic, no mode, and nothing is drawn that a run would draw."""
    bench = Bench(config)
    before = {name: value.clone() for name, value in bench.model.state_dict().items()}
    state = torch.get_rng_state()
    bench.model.eval()
    first_step(bench)
    assert differences(before, bench.model.state_dict()) == []
    assert torch.equal(state, torch.get_rng_state())
    assert not bench.model.training
    assert all(parameter.grad is None for parameter in bench.model.parameters())


def test_a_run_checks_its_data_before_the_first_step(config, trained, monkeypatch, capsys):
    task = getattr(config.task, "func", config.task)
    load = task.load
    monkeypatch.setattr(task, "load", lambda self: load(self)[:1] * 2)
    trained(replace(config, epochs=1))
    assert "warning: 45 of 45 validation rows, such as row 0, are" in capsys.readouterr().err
    nothing = TensorSet(torch.zeros(0, 1), torch.zeros(0))
    monkeypatch.setattr(task, "load", lambda self: (load(self)[0], nothing))
    with pytest.raises(SystemExit):
        trained(config, "wrong")
    assert "error: the validation set is empty" in capsys.readouterr().err
