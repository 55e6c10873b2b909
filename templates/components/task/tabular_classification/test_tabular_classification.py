from pathlib import Path

import numpy as np
import pytest
import torch

from project.tasks.tabular_classification import TabularClassification


def test_shipped_penguins():
    task = TabularClassification()
    train_set, val_set = task.load()
    assert (len(train_set), len(val_set)) == (200, 50)
    assert task.classes == ["female", "male"]
    assert task.references() == {"logistic regression": 0.84, "chance": 0.5}


def test_any_column_can_be_the_target():
    task = TabularClassification(target="species")
    train_set, _ = task.load()
    assert task.classes == ["Adelie", "Chinstrap", "Gentoo"]
    assert "sex" in [column.name for column in task.encode.columns]
    assert train_set.targets.max() == 2
    assert task.references().keys() == {"chance"}


def test_target_is_not_among_the_inputs():
    one, _ = TabularClassification(target="sex", ignore=("species",)).load()
    other, _ = TabularClassification(target="species", ignore=("sex",)).load()
    assert torch.equal(one.inputs, other.inputs)


def test_columns_can_be_left_out_or_be_names():
    task = TabularClassification(ignore=("island", "body_mass_g"))
    task.load()
    names = [column.name for column in task.encode.columns]
    assert names == ["species", "bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    with pytest.raises(
        ValueError, match=r"penguins.csv has no column 'size'; its columns are: spl"
    ):
        TabularClassification(ignore=("size",)).load()


def test_gaps_and_words_never_seen_can_be_predicted(tmp_path):
    task = TabularClassification()
    task.load()
    header, row = Path("data/penguins.csv").read_text().splitlines()[:2]
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    cells |= {"sex": "", "island": "Atlantis", "bill_length_mm": "NA"}
    (tmp_path / "new.csv").write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n")
    inputs = task.read([tmp_path / "new.csv"])
    assert inputs.shape == (1, task.sizes["in_features"])
    assert inputs.isfinite().all()


def test_columns_that_training_had_must_be_there(tmp_path):
    task = TabularClassification()
    task.load()
    (tmp_path / "new.csv").write_text("species,island\nAdelie,Dream\n")
    with pytest.raises(
        ValueError, match=r"new.csv has no column 'bill_length_mm'; its columns are"
    ):
        task.read([tmp_path / "new.csv"])


def test_arrays_are_tables_too(tmp_path):
    generator = np.random.default_rng(0)
    arrays = {"x": generator.normal(size=(40, 3)), "label": np.arange(40) % 4}
    np.savez(tmp_path / "a.npz", **arrays)
    task = TabularClassification(str(tmp_path / "a.npz"), target="label")
    train_set, val_set = task.load()
    _, test_set = task.load("test")
    assert (len(train_set), len(val_set), len(test_set)) == (24, 8, 8)
    assert task.sizes == {"in_features": 3, "out_features": 4}
    np.savez(tmp_path / "b.npz", x=arrays["x"])
    read = task.read([tmp_path / "b.npz"])
    rows = torch.cat([part.inputs for part in (train_set, val_set, test_set)])
    assert sorted(read.tolist()) == sorted(rows.tolist())
