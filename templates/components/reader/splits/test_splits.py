from collections import Counter

import pytest

from project.readers.splits import split_rows

LABELS = ["ant"] * 50 + ["bee"] * 20 + ["fly"] * 2
PLACES = [f"a.csv, line {line}" for line in range(2, 2 + len(LABELS))]


def split(labels=LABELS, splits=None, fraction=0.2, seed=0, **settings):
    parts = split_rows(
        PLACES, splits=splits, labels=labels, fraction=fraction, seed=seed, **settings
    )
    return [rows.tolist() for rows in parts]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("labels", [LABELS, None])
def test_parts_are_disjoint_and_together_all_in_order(seed, labels):
    train, val = split(labels, seed=seed)
    assert sorted(train + val) == list(range(len(LABELS)))
    assert (train, val) == (sorted(train), sorted(val))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("labels", [LABELS, None])
def test_test_rows_neither_train_nor_validate(seed, labels):
    train, val = split(labels, seed=seed, test_fraction=0.3)
    same_train, test = split(labels, seed=seed, test_fraction=0.3, held_out="test")
    assert same_train == train
    assert test == sorted(test)
    assert sorted(train + val + test) == list(range(len(LABELS)))
    assert len(test) == pytest.approx(0.3 * len(LABELS), abs=1)


def test_test_rows_do_not_depend_on_how_many_validate_nor_the_other_way_round():
    tests = [split(fraction=f, test_fraction=0.2, held_out="test")[1] for f in (0.1, 0.2, 0.6)]
    vals = [split(test_fraction=fraction)[1] for fraction in (0.0, 0.2, 0.6)]
    assert tests[0] == tests[1] == tests[2]
    assert vals[0] == vals[1] == vals[2]


def test_every_class_is_tested_where_it_has_three_rows():
    _, test = split(test_fraction=0.1, held_out="test")
    assert Counter(LABELS[row] for row in test) == {"ant": 5, "bee": 2}


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
    told[5::6] = ["test"] * 12
    same, test = split(splits=told, test_fraction=0.9, held_out="test")
    assert test == list(range(5, len(LABELS), 6))
    assert same == [row for row in train if row not in test]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"splits": ["train"] * 71 + ["validation"]},
            "line 73: split is 'validation'; it must be train, val or test",
        ),
        (
            {"splits": ["train"] * 72},
            "line 2 and all other rows are train or test; some must be val",
        ),
        ({"splits": ["val"] * 72}, "line 2 and all other rows are val or test; some must be train"),
        ({"labels": ["ant"] * 71 + ["bee"]}, "line 73 is the only row of 'bee'; one to train and"),
        ({"fraction": 0}, "val_fraction must be between 0 and 1, not 0"),
        ({"fraction": 1.0}, r"val_fraction must be between 0 and 1, not 1\.0"),
        ({"test_fraction": 0.8}, r"test_fraction must be from 0 to below 0\.8, not 0\.8"),
        ({"test_fraction": -0.1}, r"test_fraction must be from 0 to below 0\.8, not -0\.1"),
        ({"held_out": "train"}, "held_out must be val or test, not 'train'"),
        (
            {"held_out": "test"},
            "line 2 and all other rows are train or val, so there is no test set. Write test into",
        ),
    ],
)
def test_split_that_cannot_be_made_is_told(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        split(**settings)
