from collections import Counter

import pytest

from digits.readers.splits import split_rows

LABELS = ["ant"] * 50 + ["bee"] * 20 + ["fly"] * 2
PLACES = [f"a.csv, line {line}" for line in range(2, 2 + len(LABELS))]


def split(labels=LABELS, splits=None, fraction=0.2, seed=0):
    parts = split_rows(PLACES, splits=splits, labels=labels, fraction=fraction, seed=seed)
    return [rows.tolist() for rows in parts]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("labels", [LABELS, None])
def test_parts_are_disjoint_and_together_all_in_order(seed, labels):
    train, val = split(labels, seed=seed)
    assert sorted(train + val) == list(range(len(LABELS)))
    assert (train, val) == (sorted(train), sorted(val))


def test_split_is_a_function_of_seed_and_fraction():
    assert split(seed=3) == split(seed=3)
    assert split(seed=3) != split(seed=4)
    assert len(split(seed=3, fraction=0.5)[1]) > len(split(seed=3, fraction=0.2)[1])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.2, (10, 4, 1)), (0.5, (25, 10, 1)), (0.999, (49, 19, 1)), (0.001, (1, 1, 1))],
)
def test_every_class_gives_its_fraction_and_is_on_both_sides(seed, fraction, expected):
    _, val = split(fraction=fraction, seed=seed)
    counts = Counter(LABELS[row] for row in val)
    assert (counts["ant"], counts["bee"], counts["fly"]) == expected


def test_order_of_the_classes_is_not_the_order_of_the_split():
    """Each class is drawn by itself, and not always from its front."""
    _, val = split(["ant"] * 72)
    assert val != list(range(len(val)))


def test_split_column_decides_alone():
    told = ["val" if row % 3 == 0 else "train" for row in range(len(LABELS))]
    train, val = split(splits=told, seed=1, fraction=0.9)
    assert val == list(range(0, len(LABELS), 3))
    assert sorted(train + val) == list(range(len(LABELS)))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"splits": ["train"] * 71 + ["test"]},
            "line 73: split is 'test'; it must be train or val",
        ),
        ({"splits": ["train"] * 72}, "line 2 and all other rows are train; some must be val"),
        ({"splits": ["val"] * 72}, "line 2 and all other rows are val; some must be train"),
        ({"labels": ["ant"] * 71 + ["bee"]}, "line 73 is the only row of 'bee'; one to train and"),
        ({"fraction": 0}, "val_fraction must be between 0 and 1, not 0"),
        ({"fraction": 1.0}, r"val_fraction must be between 0 and 1, not 1\.0"),
    ],
)
def test_split_that_cannot_be_made_is_told(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        split(**settings)
