"""What the bag of n-grams promises: words and pairs count, padding does not."""

import pytest
import torch
import torch.nn.functional as F

from project.models.bag_of_ngrams import BagOfNgrams


def test_equals_the_sum_over_the_root_of_their_number():
    model = BagOfNgrams(20, 5, buckets=50).eval()
    ids = torch.tensor([[3, 7, 7, 0]])
    rows = model.embedding.weight
    pairs = model.pairs(ids)[0]
    text = (rows[3] + 2 * rows[7] + rows[pairs[0]] + rows[pairs[1]]) / 5**0.5
    torch.testing.assert_close(model(ids), model.head(text)[None])


def test_pairs_have_rows_behind_the_words_and_none_with_padding():
    model = BagOfNgrams(20, 5, buckets=50)
    ids = torch.randint(1, 20, (64, 9))
    pairs = model.pairs(F.pad(ids, (0, 3)))
    assert pairs.shape == (64, 11)
    assert pairs[:, :8].min() >= 20
    assert pairs[:, :8].max() < 20 + 50
    assert pairs[:, 8:].abs().max() == 0


@pytest.mark.parametrize("buckets", [1_000, 10_000, 2**14])
def test_equal_pairs_share_a_row_and_others_are_spread(buckets):
    words = torch.arange(1, 100)
    pairs = torch.cartesian_prod(words, words)  # (99 * 99, 2)
    rows = BagOfNgrams(100, 5, width=1, buckets=buckets).pairs(pairs.repeat(2, 1)).flatten()
    assert torch.equal(rows[: len(pairs)], rows[len(pairs) :])
    filled = buckets * (1 - (1 - 1 / buckets) ** len(pairs))  # by balls thrown at random
    assert len(rows.unique()) > 0.8 * filled


def test_order_matters_within_a_pair_and_not_beyond():
    model = BagOfNgrams(20, 5).eval()
    one, other, shuffled = model(torch.tensor([[1, 2, 3, 1, 4], [1, 4, 1, 2, 3], [4, 2, 1, 1, 3]]))
    assert not torch.allclose(one, shuffled, atol=1e-6)  # same words, other pairs
    ring = torch.tensor([[1, 2, 3, 1, 4, 1], [1, 4, 1, 2, 3, 1]])  # same words, same pairs
    torch.testing.assert_close(*model(ring))
    assert not torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_padding_changes_nothing(mode):
    model = BagOfNgrams(20, 5, dropout=0.0).train(mode == "train")
    ids = torch.randint(1, 20, (3, 6))
    torch.testing.assert_close(model(F.pad(ids, (0, 5))), model(ids))


def test_a_single_word_and_an_empty_text_give_an_answer():
    model = BagOfNgrams(20, 5).eval()
    assert model(torch.tensor([[3]])).shape == (1, 5)
    torch.testing.assert_close(model(torch.zeros(1, 4, dtype=torch.int64))[0], model.head.bias)


def test_long_and_short_texts_come_out_equally_large():
    torch.manual_seed(0)
    model = BagOfNgrams(5000, 5, width=256).eval()
    short, long = (model(torch.randint(1, 5000, (200, t))).std() for t in (4, 64))
    assert 0.8 < short / long < 1.25


def test_the_row_of_padding_stays_zero():
    model = BagOfNgrams(20, 5, buckets=50)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    assert model.embedding.weight[0].abs().max() == 0
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.tensor([[3, 4, 0], [5, 0, 0]])).square().sum().backward()
        optimizer.step()
    assert model.embedding.weight[0].abs().max() == 0


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"expected token ids \(B, T\), got \(3,\)"):
        BagOfNgrams(20, 5)(torch.tensor([1, 2, 3]))


def test_without_buckets_there_are_no_pairs_and_that_is_refused():
    with pytest.raises(ValueError, match="buckets must be at least 1, got 0"):
        BagOfNgrams(20, 5, buckets=0)


def test_dropout_acts_in_training_only():
    model, inputs = BagOfNgrams(20, 5, dropout=0.5), torch.tensor([[3, 4, 5]])
    assert not torch.equal(model(inputs), model(inputs))
    assert torch.equal(model.eval()(inputs), model(inputs))
