import pytest
import torch

from project.readers.rows import read_rows
from project.readers.tables import (
    MAX_WORDS,
    NumberColumn,
    TableEncoder,
    WordColumn,
)

TABLE = """\
split,mass,island,cylinders,kind
train,1,Dream,4,a
train,2,Biscoe,8,b
train,,,4,a
train,6,Dream,8,b
val,NA,Texel,6,a
val,5,Biscoe,4,b
"""
TRAIN = torch.arange(4)


@pytest.fixture
def rows_of(tmp_path):
    def rows_of(text=TABLE):
        (tmp_path / "a.csv").write_text(text)
        return read_rows(tmp_path / "a.csv")

    return rows_of


def encoder(rows, train=TRAIN, ignore=("kind",), categorical=()):
    return TableEncoder.of(rows, train, ignore=ignore, categorical=categorical)


def column(rows, name, **settings):
    """The encoded cells of one column."""
    others = [other for other in rows.columns if other not in (name, "split")]
    return encoder(rows, ignore=others, **settings)(rows)


def test_numbers_are_standardised_by_the_training_rows_and_gaps_are_their_median(rows_of):
    scaled, missing = column(rows_of(), "mass").unbind(dim=1)
    mean, std = 3.0, (14 / 3) ** 0.5  # of 1, 2 and 6, whose median is 2
    expected = [(number - mean) / std for number in (1, 2, 2, 6, 2, 5)]
    assert scaled.tolist() == pytest.approx(expected)
    assert missing.tolist() == [0, 0, 1, 0, 1, 0]


def test_gaps_that_training_never_showed_have_no_mark_and_are_the_median(rows_of):
    encoded = column(rows_of(TABLE.replace("train,,", "train,3,")), "mass")
    assert encoded.shape == (6, 1)
    assert encoded[4] == pytest.approx((2 - 3) / 3.5**0.5)


def test_words_are_one_hot_and_what_training_lacks_is_unknown(rows_of):
    hot = column(rows_of(), "island")
    unknown, biscoe, dream = (hot.argmax(dim=1) == position for position in range(3))
    assert hot.sum(dim=1).eq(1).all()
    assert dream.tolist() == [1, 0, 0, 1, 0, 0]
    assert biscoe.tolist() == [0, 1, 0, 0, 0, 1]
    assert unknown.tolist() == [0, 0, 1, 0, 1, 0]  # missing, and Texel


def test_numbers_can_be_names(rows_of):
    assert column(rows_of(), "cylinders").shape == (6, 1)
    hot = column(rows_of(), "cylinders", categorical=("cylinders",))
    assert hot.argmax(dim=1).tolist() == [1, 2, 1, 2, 0, 1]


def test_encoding_is_as_wide_as_it_says_and_leaves_the_split_and_the_ignored_out(rows_of):
    encode = encoder(rows_of())
    assert [part.name for part in encode.columns] == ["mass", "island", "cylinders"]
    encoded = encode(rows_of())
    assert (encoded.dtype, encoded.shape) == (torch.float32, (6, encode.width))
    assert encoded.isfinite().all()


def test_validation_rows_change_nothing_that_was_learned(rows_of):
    before = encoder(rows_of())
    after = encoder(rows_of(TABLE.replace("val,5,Biscoe,4,b", "val,5000,Atlantis,4000,b")))
    assert before == after


def test_order_of_the_columns_does_not_matter_later(rows_of):
    encode = encoder(rows_of())
    expected = encode(rows_of())
    flipped = "\n".join(",".join(line.split(",")[::-1]) for line in TABLE.splitlines())
    assert torch.equal(encode(rows_of(flipped)), expected)


def test_state_of_plain_types_gives_the_same_encoder(rows_of):
    encode = encoder(rows_of())
    assert TableEncoder.from_state_dict(encode.state_dict()) == encode
    assert {type(part) for part in encode.columns} == {NumberColumn, WordColumn}


def test_column_that_never_changes_stays_finite(rows_of):
    assert column(rows_of("a,b\n7,1\n7,1\n7,2\n7,2\n"), "a").eq(0).all()


@pytest.mark.parametrize(
    ("text", "settings", "sentence"),
    [
        (TABLE.replace("train,6", "train,6o"), {}, "a.csv, line 5: mass is '6o', which is no num"),
        (TABLE.replace("val,5", "val,inf"), {}, "a.csv, line 7: mass is 'inf'; it must be finite"),
        (TABLE.replace("val,5", "val,five"), {}, "a.csv, line 7: mass is 'five', which is no nu"),
        ("a,b\n,1\nNA,2\n,3\n,4\n5,6\n", {"ignore": ()}, r"'a' is empty in every training row. Le"),
        (TABLE, {"ignore": ("size",)}, "a.csv has no column 'size'; its columns are: split, mass"),
        (TABLE, {"categorical": ("size",)}, "a.csv has no column 'size'"),
        (TABLE, {"ignore": ("mass", "island", "cylinders", "kind")}, "no columns to learn from"),
    ],
)
def test_table_that_cannot_be_learned_from_is_told(rows_of, text, settings, sentence):
    rows = rows_of(text)
    with pytest.raises(ValueError, match=sentence):
        encoder(rows, **settings)(rows)


def test_column_of_remarks_is_told_with_the_way_out(rows_of):
    rows = rows_of("\n".join(["name", *(f"n{number}" for number in range(MAX_WORDS + 1))]))
    with pytest.raises(ValueError, match=r"'name' holds 101 different words; .*ignore=\('name',\)"):
        encoder(rows, torch.arange(len(rows)), ignore=())
    assert encoder(rows, torch.arange(MAX_WORDS), ignore=()).width == 1 + MAX_WORDS


def test_missing_column_is_told_when_predicting(rows_of):
    encode = encoder(rows_of())
    with pytest.raises(ValueError, match=r"a.csv has no column 'island'; its columns are: mass"):
        encode(rows_of("mass\n1\n"))
