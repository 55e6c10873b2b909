"""A wild number in the data is told by its row, also where it has set the scale of all others; what is only rare or long-tailed is not."""

import csv
from functools import partial
from pathlib import Path

import pytest
import torch

from digits.config import load
from digits.data import TensorSet
from digits.data_checks import check_data
from digits.outliers import far, first_far
from digits.settings import settings_of

ROW = 33  # of the training set


def is_number(text: str) -> bool:
    return not text or text.replace(".", "").removeprefix("-").isdigit()


def with_a_wild_number(source: Path, file: Path, number: str) -> bool:
    """The same file, but for the last column of numbers in one training row; whether it has such a column."""
    with source.open(newline="") as old:
        head, *rows = csv.reader(old)
    numeric = [i for i in range(len(head)) if all(is_number(row[i]) for row in rows)]
    if not numeric:
        return False
    train = [row for row in rows if row[head.index("split")] == "train"]
    train[ROW][numeric[-1]] = number
    with file.open("w", newline="") as new:
        csv.writer(new).writerows([head, *rows])
    return True


@pytest.mark.parametrize("number", ["99999", "1e6", "-1e9", "1e38"])
def test_a_wild_number_in_a_file_is_told_by_its_row(config_file, number, tmp_path):
    """Read and standardised as in a run."""
    task = load(config_file).task
    source = Path(str(settings_of(task).get("source")))
    if source.suffix != ".csv" or not with_a_wild_number(source, tmp_path / "wild.csv", number):
        pytest.skip("its data are no table with numbers")
    first, *_ = check_data(*partial(task, source=str(tmp_path / "wild.csv"))().load())
    assert first.startswith(f"row {ROW} of the training set has an input of ")
    assert "far from all others: correct it" in first


def table(*columns: torch.Tensor) -> torch.Tensor:
    """Columns (N,) of float32, as a task standardises them: (N, F)."""
    return torch.stack([(column - column.mean()) / column.std() for column in columns], dim=1)


def test_a_column_is_compared_with_itself():
    numbers = torch.linspace(-1.0, 1.0, 1000).repeat(2, 1)
    numbers[1] *= 1000.0
    wide = TensorSet(numbers.T.clone(), torch.arange(1000) % 2)
    assert first_far(wide.inputs) is None
    wide.inputs[[12, 40], 0] = 900.0
    assert first_far(wide.inputs) == (12, "900 (number 1 of its 2)", 2)


def test_targets_are_looked_at_too():
    rows = TensorSet(torch.randn(500, 3), torch.randn(500, 1))
    rows.targets[77] = -1e5
    (warning,) = check_data(TensorSet(torch.randn(500, 3), torch.randn(500, 1)), rows)
    assert warning.startswith("row 77 of the validation set has a target of -1e+05, as the model")


@pytest.mark.parametrize("seed", range(3))
def test_what_is_rare_or_has_a_long_tail_is_not_far(seed):
    chance = torch.Generator().manual_seed(seed)
    normal, uniform = torch.randn(20_000, generator=chance), torch.rand(20_000, generator=chance)
    prices, flags = (1.5 * normal).exp(), (uniform < 0.001).float()
    amounts = prices * (uniform < 0.01)  # nearly always 0
    assert not far(table(normal, uniform, prices, flags, amounts)).any()
    one_hot = torch.zeros(20_000, 2)
    one_hot[5, 1] = 1.0
    assert not far(one_hot).any()
    assert not far(torch.ones(10, 3)).any()


def test_a_number_that_has_made_all_others_the_same_is_far():
    numbers = torch.rand(500, generator=torch.Generator().manual_seed(0))
    numbers[9] = 1e18
    assert far(table(numbers)).nonzero().tolist() == [[9, 0]]
