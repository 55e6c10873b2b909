import pytest
import torch

from project.readers.texts import (
    PADDING,
    UNKNOWN,
    Vocabulary,
    read_texts,
    words_of,
)

TEXTS = ["the bee saw the ant", "the ant", "a fly"]


def vocabulary(texts=TEXTS, train=(0, 1, 2), min_count=1, max_size=100, max_length=10):
    return Vocabulary.of(
        texts,
        torch.tensor(train),
        min_count=min_count,
        max_size=max_size,
        max_length=max_length,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The BEE, the ant!", ["the", "bee", "the", "ant"]),
        ("1,200 km in 1989", ["1", "200", "km", "in", "1989"]),
        ("don't, rock'n'roll and 'quoted'", ["don't", "rock'n'roll", "and", "quoted"]),
        ("snake_case and co-op", ["snake", "case", "and", "co", "op"]),
        ("Größe Ünlü Москва 東京", ["größe", "ünlü", "москва", "東京"]),
        ("caf\u00e9", ["café"]),
        ("cafe\u0301", ["café"]),
        ("... - !", []),
    ],
)
def test_words(text, words):
    assert words_of(text) == words


def test_ids_lead_back_to_the_words():
    words = vocabulary()
    for text, row in zip(TEXTS, words(TEXTS).tolist(), strict=True):
        assert [words.words[number - 2] for number in row if number != PADDING] == words_of(text)


def test_ids_are_padded_at_the_end_to_the_longest_text():
    ids = vocabulary()(TEXTS)
    assert (ids.dtype, ids.shape) == (torch.int64, (3, 5))
    assert (ids != PADDING).sum(dim=1).tolist() == [5, 2, 2]
    assert (ids == PADDING).int().diff(dim=1).ge(0).all()
    assert ids.max() == len(vocabulary()) - 1


def test_words_of_the_validation_rows_are_unknown():
    words = vocabulary(train=(0, 1))
    assert set(words.words) == {"the", "bee", "saw", "ant"}
    assert words(["a fly saw"]).tolist() == [[UNKNOWN, UNKNOWN, words(["saw"]).item()]]


def test_validation_rows_change_no_word():
    assert vocabulary(train=(0, 1)) == vocabulary([*TEXTS[:2], "bee bee bee"], train=(0, 1))


def test_rare_words_are_left_out_and_frequent_ones_come_first():
    assert vocabulary(min_count=2).words == ("the", "ant")
    assert vocabulary(max_size=1).words == ("the",)


def test_same_texts_in_another_order_give_the_same_ids():
    assert vocabulary(train=(2, 1, 0)) == vocabulary(train=(0, 1, 2))


def test_what_comes_after_max_length_is_not_read():
    words = vocabulary(max_length=2)
    assert torch.equal(words(["the bee saw"]), words(["the bee fly"]))
    assert words(TEXTS).shape == (3, 2)


@pytest.mark.parametrize("text", ["", "...", "   "])
def test_text_without_words_is_one_unknown_word(text):
    assert vocabulary()([text]).tolist() == [[UNKNOWN]]


def test_vocabulary_that_cannot_be_is_told():
    with pytest.raises(ValueError, match=r"no word occurs 9 times in the training texts \(min_cou"):
        vocabulary(min_count=9)
    for setting in ("min_count", "max_size", "max_length"):
        with pytest.raises(ValueError, match="max_length must be at least 1"):
            vocabulary(**{setting: 0})


def test_texts_to_predict_are_lines_or_a_column(tmp_path):
    (tmp_path / "a.txt").write_text("The bee.\n\nAn ant, a fly.\n")
    (tmp_path / "a.csv").write_text('id,words\n1,The bee.\n2,"An ant, a fly."\n')
    for name in ("a.txt", "a.csv"):
        assert read_texts(tmp_path / name, "words") == ["The bee.", "An ant, a fly."]
    (tmp_path / "b.txt").write_text("\n")
    with pytest.raises(ValueError, match=r"b.txt holds no text"):
        read_texts(tmp_path / "b.txt", "words")
    with pytest.raises(ValueError, match=r"a.csv has no column 'text'; its columns are: id, words"):
        read_texts(tmp_path / "a.csv", "text")
