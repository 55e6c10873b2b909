"""Files of the user's are read exactly as the training data were, and answered as the model does."""

import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from digits import evaluate as evaluation
from digits import predict, report
from digits.config import load
from digits.precision import Precision
from digits.run import Run
from digits.settings import settings_of
from digits.storage import read, save
from digits.weights import load_for_inference


@pytest.fixture
def source(config) -> Path:
    """The file of a config's own data."""
    path = Path(settings_of(config.task).get("source", ""))
    if path.suffix != ".csv" or not path.is_file():
        pytest.skip(f"the data are no CSV file: {path}")
    return path


@pytest.fixture
def raw(source, tmp_path) -> Path:
    """The last 20 rows of the data, as a file of the user's."""
    header, *lines = source.read_text().splitlines(keepends=True)
    (tmp_path / "raw.csv").write_text(header + "".join(lines[-20:]))
    return tmp_path / "raw.csv"


def contents(inputs: Tensor) -> set[bytes]:
    """What each sample is, however far it has been padded."""
    return {row.contiguous().numpy().tobytes().rstrip(b"\0") for row in inputs}


@pytest.fixture
def whole_sets(config_file, few_rows):
    """A task as it is written, with all of its data, and the contents of its training, validation and test set."""
    written = load(config_file)
    few_rows(written, 10**9, 10**9)
    task = written.task()
    sets = (*task.load(), task.load("test")[1])
    return task, *(contents(data.__getitems__(range(len(data)))[0]) for data in sets)


def test_no_sample_is_in_two_sets(whole_sets):
    """A few rows that are the same by chance are no leak; many are."""
    _, train, val, test = whole_sets
    assert len(train & val) <= 0.01 * len(val)
    assert len((train | val) & test) <= 0.01 * len(test)


def test_a_file_is_read_as_the_training_data_were(whole_sets, raw):
    task, train, val, test = whole_sets
    assert contents(task.read([raw])) <= train | val | test
    torch.testing.assert_close(task.read([raw, raw]), torch.cat([task.read([raw])] * 2))


@pytest.mark.parametrize("held_out", ["val", "test"])
def test_nothing_is_learned_from_rows_held_out(config, source, differences, tmp_path, held_out):
    """With half of them gone the training rows, and all that was fitted to them, are the same."""
    header, *lines = source.read_text().splitlines(keepends=True)
    if "split" not in header.strip().split(","):
        pytest.skip(f"{source} does not say which rows are held out")
    column = header.strip().split(",").index("split")
    held = [line for line in lines if line.split(",")[column].strip() == held_out]
    (tmp_path / "fewer.csv").write_text(
        header + "".join(line for line in lines if line not in held[::2])
    )
    task, fewer = config.task(), partial(config.task, source=str(tmp_path / "fewer.csv"))()
    train_set, _ = task.load(held_out)
    same_set, _ = fewer.load(held_out)
    everything = range(len(train_set))
    assert differences(train_set.__getitems__(everything), same_set.__getitems__(everything)) == []
    assert set(differences(task.state_dict(), fewer.state_dict())) <= {"/chance"}


def test_preprocessing_is_restored_from_its_state(config, raw, differences, tmp_path):
    task, fresh = config.task(), config.task()
    task.load()
    torch.save(task.state_dict(), tmp_path / "task.pt")
    fresh.load_state_dict(torch.load(tmp_path / "task.pt", weights_only=True))
    assert fresh.sizes == task.sizes
    assert fresh.references() == task.references()
    assert torch.equal(fresh.read([raw]), task.read([raw]))
    outputs = torch.randn(20, task.sizes["out_features"])
    assert fresh.describe(outputs) == task.describe(outputs)
    assert differences(fresh.state_dict(), task.state_dict()) == []


@pytest.fixture
def run(config, trained, capsys) -> Run:
    run = trained(config)
    capsys.readouterr()
    return run


@pytest.fixture
def say(monkeypatch, capsys):
    """What a command of the package prints, line by line."""

    def lines(module, *arguments) -> list[str]:
        monkeypatch.setattr(sys, "argv", [module.__name__, *map(str, arguments), "--device=cpu"])
        module.main()
        return capsys.readouterr().out.splitlines()

    return lines


def test_predict_answers_every_row_as_the_model_does(run, raw, say):
    model, task, _ = load_for_inference(run.model_file)
    with torch.no_grad():
        answers = task.describe(model(task.read([raw])))
    assert say(predict, run.path, raw) == [f"{n}: {text}" for n, text in enumerate(answers, 1)]
    assert len(say(predict, run.path, raw, raw)) == 40


def best_record(run: Run, task) -> dict[str, float]:
    """The last record of an evaluation that no other surpasses."""
    sign = 1 if task.higher_is_better else -1
    records = [record for record in run.records() if "val_loss" in record]
    return max(reversed(records), key=lambda record: sign * record[f"val_{task.metric}"])


def test_evaluate_says_what_training_said_of_the_best(run, config, say):
    task = config.task()
    lines = say(evaluation, run.path)
    assert lines[0] == f"on the validation set, {len(task.load()[1])} samples:"
    row = lines[lines.index(f"{task.metric}:") + 1]
    best = best_record(run, task)
    assert row.split() == ["model", f"{best[f'val_{task.metric}']:.4f}"]
    assert lines[-1].endswith(f"loss {best['val_loss']:.4f}")


def test_evaluate_can_take_the_test_set_instead(run, config, say):
    """What the saved weights reach on other samples, beside the references of those."""
    model, task, loss_fn = load_for_inference(run.model_file)
    _, test_set = task.load("test")
    cpu = torch.device("cpu")
    loss, outputs, targets = evaluation.evaluate(
        model, loss_fn, test_set, Precision("fp32", cpu), cpu, config.batch_size
    )
    lines = say(evaluation, run.path, "--test")
    assert lines[0] == f"on the test set, {len(test_set)} samples:"
    figures = {**task.metrics(outputs, targets), "loss": loss}
    assert lines[1:] == evaluation.table(task, figures).splitlines()
    assert lines[1:] != say(evaluation, run.path)[1:]


def test_test_rows_that_were_trained_on_are_told(run, config, say, monkeypatch, capsys):
    task = type(config.task())
    load_few = task.load
    monkeypatch.setattr(task, "load", lambda self, held_out="val": load_few(self)[:1] * 2)
    monkeypatch.setattr(sys, "argv", ["evaluate", str(run.path), "--test", "--device=cpu"])
    evaluation.main()
    assert "test rows, such as row 0, are training rows as well" in capsys.readouterr().err


def test_a_task_that_knows_no_test_set_is_evaluated_without_one(
    run, config, say, monkeypatch, capsys
):
    task = type(config.task())
    load_few = task.load
    monkeypatch.setattr(task, "load", lambda self: load_few(self))
    assert say(evaluation, run.path)[0].startswith("on the validation set")
    with pytest.raises(SystemExit) as stop:
        say(evaluation, run.path, "--test")
    assert stop.value.code == 2
    assert f"{task.__name__}.load knows no test set: give it" in capsys.readouterr().err


def test_a_model_from_before_there_was_a_test_set_held_none_back(run, config):
    """What it was trained on must not come up as its test set."""
    payload = read(run.model_file)
    if payload["config"]["task"].pop("test_fraction", None) is None:
        pytest.skip("the task has no test_fraction")
    save(payload, run.model_file)
    _, task, _ = load_for_inference(run.model_file)
    assert task.split.keywords["test_fraction"] == 0


def test_the_report_is_of_the_best_weights_not_of_the_last(run, config, monkeypatch):
    """Reported is what was saved, evaluated anew: what `evaluate` and `predict` will say."""
    task, device = config.task(), torch.device("cpu")
    monkeypatch.setattr(report, "draw_curves", lambda *_: None)
    monkeypatch.setattr(type(task), "figure", lambda *_: None)
    val_set = task.load()[1]
    figures = report.report(run, config, val_set, Precision("fp32", device), device)
    best = best_record(run, task)
    assert figures == pytest.approx({name: best[f"val_{name}"] for name in figures}, rel=1e-5)


def test_a_folder_without_a_model_is_told(tmp_path, say, capsys):
    for module in (predict, evaluation):
        with pytest.raises(SystemExit) as stop:
            say(module, tmp_path, *["file"] * (module is predict))
        assert stop.value.code == 2
        assert "is not a run with a model" in capsys.readouterr().err
