import json

import pytest
import torch

from project.readers.texts import PADDING, UNKNOWN
from project.tasks.text_classification import TextClassification, TokenSet

BEES = ["The bee buzzes.", "Bees and a bee!", "a bee", "bee bee bee", "some bee"]
ANTS = ["An ant walks on and on and on.", "ant, ant", "the ant", "this ant", "some ant"]


@pytest.fixture
def source(tmp_path):
    """Ten texts in JSONL, under names of their own."""
    rows = [{"words": text, "topic": "bee"} for text in BEES]
    rows += [{"words": text, "topic": "ant"} for text in ANTS]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return str(tmp_path / "a.jsonl")


def test_shipped_definitions():
    task = TextClassification()
    train_set, val_set = task.load()
    assert (len(train_set), len(val_set)) == (9_000, 1_000)
    assert task.sizes["out_features"] == 8
    assert task.references()["chance"] == 0.125


def test_columns_can_have_other_names(source):
    task = TextClassification(source, text="words", label="topic")
    train_set, val_set = task.load()
    assert (len(train_set), len(val_set)) == (6, 2)
    assert task.classes == ["ant", "bee"]
    with pytest.raises(
        ValueError, match=r"a.jsonl has no column 'text'; its columns are: words, t"
    ):
        TextClassification(source, label="topic").load()


def test_batch_is_as_long_as_its_longest_text():
    ids = torch.tensor([[5, 0, 0, 0], [5, 6, 7, 0], [5, 6, 0, 0], [5, 6, 7, 8]])
    samples = TokenSet(ids, torch.arange(4))
    for rows, length in (([0], 1), ([2, 0], 2), (torch.tensor([0, 1]), 3), ([3, 0], 4)):
        inputs, targets = samples.__getitems__(rows)
        assert torch.equal(inputs, ids[rows, :length])
        assert targets.tolist() == list(rows)


def test_moved_set_gives_the_same_batches():
    ids = torch.tensor([[5, 0, 0], [5, 6, 0]])
    moved = TokenSet(ids, torch.arange(2)).to(torch.device("cpu"))
    assert isinstance(moved, TokenSet)
    assert moved.__getitems__([1])[0].tolist() == [[5, 6]]


def test_dropped_words_are_unknown_and_padding_stays():
    ids = torch.randint(2, 50, (200, 20), generator=torch.Generator().manual_seed(0))
    ids[:, 15:] = PADDING
    task = TextClassification(word_dropout=0.25)
    varied = task.augment(ids, torch.Generator().manual_seed(0))
    changed = varied != ids
    assert varied[changed].eq(UNKNOWN).all()
    assert not changed[:, 15:].any()
    assert changed[:, :15].float().mean() == pytest.approx(0.25, abs=0.03)
    plain = TextClassification(word_dropout=0)
    assert torch.equal(plain.augment(ids, torch.Generator()), ids)


@pytest.mark.parametrize("word_dropout", [-0.1, 1.0])
def test_share_of_dropped_words_has_its_limits(word_dropout):
    with pytest.raises(ValueError, match="word_dropout must be from 0 to below 1, not"):
        TextClassification(word_dropout=word_dropout)


def test_longer_texts_are_cut_to_what_the_model_is_told(source):
    task = TextClassification(source, text="words", label="topic", max_length=3)
    for dataset in task.load():
        assert dataset.inputs.shape[1] <= task.sizes["max_length"] == 3


def test_texts_of_every_kind_of_file_are_read_alike(source, tmp_path):
    task = TextClassification(source, text="words", label="topic")
    task.load()
    (tmp_path / "a.txt").write_text("\n".join(BEES + ANTS))
    assert torch.equal(task.read([tmp_path / "a.txt"]), task.read([source]))
    together = task.read([tmp_path / "a.txt", source])
    assert torch.equal(together[:10], together[10:])


def test_text_without_a_label_is_told_with_its_line(source):
    with open(source, "a") as file:
        file.write('\n{"words": "a fly", "topic": null}')
    with pytest.raises(ValueError, match=r"a.jsonl, line 11 has no label; fill it in or leave the"):
        TextClassification(source, text="words", label="topic").load()
