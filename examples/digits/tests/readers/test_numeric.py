import math

import pytest
import torch

from digits.readers.numeric import MISSING, as_numbers, is_missing

PLACES = ["a.csv, line 2", "a.csv, line 3"]


@pytest.mark.parametrize("number", [0.0, -1.5, 1e300, 5e-324, 0.1])
def test_written_number_is_read_exactly(number):
    assert as_numbers([repr(number)], PLACES[:1], "mass").tolist() == [number]


def test_numbers_are_double_and_may_have_spaces():
    numbers = as_numbers([" 1 ", "2e3"], PLACES, "mass")
    assert numbers.dtype == torch.float64
    assert numbers.tolist() == [1, 2000]


@pytest.mark.parametrize("cell", [*MISSING, "NaN", " NA ", "None"])
def test_missing_cell_is_an_error_unless_it_has_a_value(cell):
    assert is_missing(cell)
    assert as_numbers(["1", cell], PLACES, "mass", missing=-7.0).tolist() == [1, -7]
    assert as_numbers(["1", cell], PLACES, "mass", missing=math.nan).isnan().tolist() == [0, 1]
    with pytest.raises(ValueError, match=r"a.csv, line 3: mass is missing; fill it in or leave"):
        as_numbers(["1", cell], PLACES, "mass")


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("12o", "a.csv, line 3: mass is '12o', which is no number"),
        ("1,5", "a.csv, line 3: mass is '1,5', which is no number"),
        ("inf", "a.csv, line 3: mass is 'inf'; it must be finite"),
        ("-1e999", "a.csv, line 3: mass is '-1e999'; it must be finite"),
    ],
)
@pytest.mark.parametrize("missing", [None, 0.0])
def test_what_is_no_finite_number_is_told_with_its_place(cell, sentence, missing):
    with pytest.raises(ValueError, match=sentence):
        as_numbers(["1", cell], PLACES, "mass", missing=missing)
