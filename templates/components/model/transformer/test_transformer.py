"""What the transformer promises: attention as in the paper, to the words and not to the padding."""

import pytest
import torch
import torch.nn.functional as F

from project.models.transformer import SelfAttention, TokenTransformer


@pytest.fixture
def attention():
    torch.manual_seed(0)
    layer = SelfAttention(width=12, heads=3, dropout=0.0, out_std=0.5)
    torch.nn.init.normal_(layer.qkv.weight, std=0.5)
    return layer


def reference(layer, tokens, mask):
    """softmax(q k / sqrt(d)) v, a head at a time."""
    heads = []
    query, key, value = layer.qkv(tokens).chunk(3, dim=-1)
    for q, k, v in zip(*(x.split(4, dim=-1) for x in (query, key, value)), strict=True):
        scores = (q @ k.transpose(1, 2) / 4**0.5).masked_fill(~mask[:, 0], -torch.inf)
        heads.append(scores.softmax(dim=-1) @ v)
    return layer.out(torch.cat(heads, dim=-1))


def test_attention_equals_the_softmax_of_the_paper(attention):
    tokens = torch.randn(2, 5, 12)
    mask = torch.tensor([[True, True, True, True, True], [True, True, False, False, False]])
    mask = mask[:, None, None]
    torch.testing.assert_close(attention(tokens, mask), reference(attention, tokens, mask))


def test_softmax_cancels_a_bias_of_the_keys_so_there_is_none(attention):
    assert attention.qkv.bias is None


def test_every_branch_and_the_head_read_normalised_tokens():
    model = TokenTransformer(20, 8, 5, dropout=0.0)
    read = []
    for layer in (model.blocks[1].attention, model.blocks[1].mlp, model.head):
        layer.register_forward_pre_hook(lambda layer, args: read.append(args[0]))
    model(torch.tensor([[3, 4, 5]]))
    assert len(read) == 3
    for tokens in read:
        torch.testing.assert_close(tokens.mean(-1), torch.zeros_like(tokens[..., 0]))
        assert (tokens.std(-1) - 1).abs().max() < 0.1


def test_blocks_are_saved_and_start_distinct():
    model = TokenTransformer(20, 8, 5, depth=2)
    assert {f"blocks.{i}.attention.qkv.weight" for i in (0, 1)} <= model.state_dict().keys()
    first, second = model.blocks
    assert not torch.equal(first.attention.qkv.weight, second.attention.qkv.weight)
    assert not torch.equal(first.mlp[0].weight, second.mlp[0].weight)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_padding_changes_nothing(mode):
    model = TokenTransformer(20, 12, 5, dropout=0.0).train(mode == "train")
    ids = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
    outputs = model(ids)
    torch.testing.assert_close(model(F.pad(ids, (0, 6))), outputs)
    torch.testing.assert_close(model(ids[1:, :2]), outputs[1:])


def test_the_order_of_the_words_matters():
    model = TokenTransformer(20, 8, 5).eval()
    one, other = model(torch.tensor([[3, 4, 5], [5, 4, 3]]))
    assert not torch.allclose(one, other, atol=1e-6)


def test_the_summary_is_a_token_of_its_own_before_the_first_word():
    model = TokenTransformer(20, 8, 5, dropout=0.0)
    read = []
    model.blocks[0].register_forward_pre_hook(lambda block, args: read.append(args))
    model(torch.tensor([[3, 4, 5, 0]])).sum().backward()
    ((tokens, mask),) = read
    assert torch.equal(tokens[0, 0], model.cls)
    assert mask.flatten().tolist() == [True, True, True, True, False]
    assert model.cls.grad.abs().max() > 0


def test_what_the_branches_add_to_the_summary_is_all_that_counts():
    model = TokenTransformer(20, 8, 5).eval()
    for block in model.blocks:
        torch.nn.init.zeros_(block.attention.out.weight)
        torch.nn.init.zeros_(block.mlp[-1].weight)
    outputs = model(torch.tensor([[3, 4], [5, 0]]))
    torch.testing.assert_close(outputs, model.head(model.norm(model.cls)).expand(2, -1))


def test_every_word_reaches_the_outputs():
    model = TokenTransformer(20, 8, 5, dropout=0.0)
    model(torch.tensor([[3, 4, 5, 0]])).sum().backward()
    used = model.embedding.weight.grad.abs().amax(dim=1) > 0
    assert used.nonzero().flatten().tolist() == [3, 4, 5]


def test_an_empty_text_gives_an_answer():
    outputs = TokenTransformer(20, 8, 5).eval()(torch.tensor([[3, 4], [0, 0]]))
    assert outputs.isfinite().all()


def test_the_longest_text_is_read_and_a_longer_one_refused():
    model = TokenTransformer(20, 8, 5)
    assert model(torch.ones(2, 8, dtype=torch.int64)).shape == (2, 5)
    with pytest.raises(ValueError, match=r"T at most 8 \(max_length\), got \(2, 9\)"):
        model(torch.ones(2, 9, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"expected token ids \(B, T\) .* got \(3,\)"):
        model(torch.tensor([1, 2, 3]))


def test_dropout_acts_on_the_embeddings_in_training_only():
    model, read = TokenTransformer(20, 8, 5, dropout=0.5), []
    model.blocks[0].register_forward_pre_hook(lambda block, args: read.append(args[0]))
    model(torch.tensor([[3, 4, 5]]))
    model.eval()(torch.tensor([[3, 4, 5]]))
    assert [(tokens == 0).any().item() for tokens in read] == [True, False]


def test_dropout_acts_on_the_attention_in_training_only(attention):
    attention.dropout.p = 0.5
    tokens, mask = torch.randn(1, 5, 12), torch.ones(1, 1, 1, 5, dtype=torch.bool)
    assert not torch.equal(attention(tokens, mask), attention(tokens, mask))
    attention.eval()
    torch.testing.assert_close(attention(tokens, mask), reference(attention, tokens, mask))


@pytest.mark.parametrize("depth", [2, 12])
def test_the_sum_of_all_branches_starts_small_at_any_depth(depth):
    torch.manual_seed(0)
    blocks = TokenTransformer(20, 8, 5, depth=depth, dropout=0.0).blocks
    tokens = start = torch.randn(4, 8, 64)
    for block in blocks:
        tokens = block(tokens, torch.ones(4, 1, 1, 8, dtype=torch.bool))
    assert 0.01 < (tokens - start).std() < 0.03


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"width \(30\) must be a multiple of heads \(4\)"):
        TokenTransformer(20, 8, 5, width=30)
    with pytest.raises(ValueError, match="depth must be at least 1, got 0"):
        TokenTransformer(20, 8, 5, depth=0)
