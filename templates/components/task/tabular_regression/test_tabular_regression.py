import csv
from pathlib import Path

import pytest
import torch

from project.tasks.tabular_regression import TabularRegression


def miles_per_gallon(split):
    with Path("data/auto_mpg.csv").open() as file:
        return torch.tensor(
            [[float(row["mpg"])] for row in csv.DictReader(file) if row["split"] == split]
        )


def changed(path, old, new):
    """A copy of the shipped table with a text replaced once."""
    text = Path("data/auto_mpg.csv").read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return str(path)


def test_shipped_cars():
    task = TabularRegression()
    train_set, val_set = task.load()
    assert (len(train_set), len(val_set)) == (238, 60)
    assert task.references() == {
        "ridge regression": 0.83,
        "chance": pytest.approx(0, abs=5e-4),
    }


def test_targets_are_standardised_by_the_training_rows_and_can_be_undone():
    task = TabularRegression()
    train_set, val_set = task.load()
    assert train_set.targets.mean().item() == pytest.approx(0, abs=1e-6)
    assert train_set.targets.std(correction=0).item() == pytest.approx(1)
    for dataset, split in ((train_set, "train"), (val_set, "val")):
        restored = task.in_units(dataset.targets).float()
        assert torch.allclose(restored, miles_per_gallon(split), atol=1e-5)


def test_figures_are_in_the_units_of_the_target():
    task = TabularRegression()
    _, val_set = task.load()
    two_more = val_set.targets + 2 / task.std
    figures = task.metrics(two_more, val_set.targets)
    assert figures["mae"] == pytest.approx(2, abs=1e-5)
    assert figures["rmse"] == pytest.approx(2, abs=1e-5)
    assert task.describe(val_set.targets[:2]) == [
        f"mpg {number:.4g}" for number in miles_per_gallon("val")[:2, 0].tolist()
    ]


def test_chance_is_to_answer_the_mean_of_the_training_rows():
    task = TabularRegression()
    _, val_set = task.load()
    always = torch.zeros_like(val_set.targets)
    assert task.metrics(always, val_set.targets)["r2"] == pytest.approx(task.chance, abs=1e-6)


def test_gaps_of_the_training_rows_are_marked():
    task = TabularRegression()
    task.load()
    (horsepower,) = (column for column in task.encode.columns if column.name == "horsepower")
    assert horsepower.width == 2


def test_numbers_can_be_names():
    task = TabularRegression(categorical=("cylinders",))
    task.load()
    (cylinders,) = (column for column in task.encode.columns if column.name == "cylinders")
    assert cylinders.words == ["3", "4", "5", "6", "8"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("train,18,8,307", "train,,8,307", "a.csv, line 2: mpg is missing; fill it in or leave"),
        ("train,18,8,307", "train,fast,8,307", "a.csv, line 2: mpg is 'fast', which is no number"),
        ("train,18,8,307", "train,inf,8,307", "a.csv, line 2: mpg is 'inf'; it must be finite"),
        ("train,18,8,307", "train,18,8,3o7", "a.csv, line 2: displacement is '3o7', which is no"),
        ("train,18,8,307", "train,18,8", "a.csv, line 2 has 8 cells, but the header has 9"),
        ("train,18,8,307", "rest,18,8,307", "a.csv, line 2: split is 'rest'; it must be train,"),
    ],
)
def test_cell_that_cannot_be_used_is_told_with_its_line(tmp_path, old, new, sentence):
    source = changed(tmp_path / "a.csv", old, new)
    with pytest.raises(ValueError, match=sentence):
        TabularRegression(source).load()


def test_target_that_never_changes_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("y,x\n" + "5,1\n" * 10)
    with pytest.raises(ValueError, match=r"a.csv: y is 5 in every training row"):
        TabularRegression(str(tmp_path / "a.csv"), target="y").load()
