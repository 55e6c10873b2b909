"""What the LSTM promises: it reads the words, both ways, and never the padding."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from project.models.lstm import TokenLSTM


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_padding_changes_nothing(depth, mode):
    model = TokenLSTM(20, 5, depth=depth, dropout=0.0).train(mode == "train")
    ids = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0], [9, 0, 0, 0]])  # not sorted by length, either
    outputs = model(ids)
    torch.testing.assert_close(model(F.pad(ids, (0, 6))), outputs)
    torch.testing.assert_close(model(ids.flip(0)), outputs.flip(0))
    for row, length in enumerate((4, 2, 1)):
        torch.testing.assert_close(model(ids[row : row + 1, :length]), outputs[row : row + 1])


def test_equals_two_readings_of_the_text_forward_and_backward():
    model = TokenLSTM(20, 5).eval()
    ids = torch.tensor([[3, 4, 5, 6]])
    states, _ = model.lstm(model.embedding(ids))  # (1, 4, 2D), without packing
    forward, backward = states.chunk(2, dim=2)
    expected = model.head(torch.cat([forward[:, -1], backward[:, 0]], dim=1))
    torch.testing.assert_close(model(ids), expected)


@pytest.mark.parametrize("depth", [1, 2])
def test_both_directions_of_the_last_layer_reach_the_outputs(depth):
    model = TokenLSTM(20, 5, depth=depth, dropout=0.0)
    model(torch.tensor([[3, 4, 5]])).sum().backward()
    for suffix in ("", "_reverse"):
        weight = getattr(model.lstm, f"weight_hh_l{depth - 1}{suffix}")
        assert weight.grad.abs().max() > 0


def test_the_order_of_the_words_matters():
    model = TokenLSTM(20, 5).eval()
    one, other = model(torch.tensor([[3, 4, 5], [5, 4, 3]]))
    assert not torch.allclose(one, other, atol=1e-5)


def test_every_word_of_the_text_matters_and_the_padding_does_not():
    model = TokenLSTM(20, 5).eval()
    embedded: list[Tensor] = []
    model.embedding.register_forward_hook(lambda *args: embedded.append(args[-1].requires_grad_()))
    outputs = model(torch.tensor([[3, 4, 5, 0, 0]]))
    (gradient,) = torch.autograd.grad(outputs.sum(), embedded)
    assert (gradient[0].abs().amax(dim=1) > 0).tolist() == [True, True, True, False, False]


def test_an_empty_text_gives_an_answer():
    outputs = TokenLSTM(20, 5).eval()(torch.tensor([[3, 4], [0, 0]]))
    assert outputs.shape == (2, 5)
    assert outputs.isfinite().all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("depth", "between"), [(1, 0.0), (2, 0.5)])
def test_dropout_acts_between_layers_where_there_are_some(depth, between):
    assert TokenLSTM(20, 5, depth=depth, dropout=0.5).lstm.dropout == between


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_dropout_acts_on_embeddings_and_states_in_training_only(mode):
    model = TokenLSTM(20, 5, dropout=0.5).train(mode == "train")
    embedded: list[Tensor] = []
    states: list[Tensor] = []
    model.lstm.register_forward_pre_hook(lambda layer, args: embedded.append(args[0].data))
    model.head.register_forward_pre_hook(lambda layer, args: states.append(args[0]))
    model(torch.tensor([[3, 4, 5]]))
    for features in (*embedded, *states):
        assert (features == 0).any() == (mode == "train")


def test_the_row_of_padding_stays_zero():
    model = TokenLSTM(20, 5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    assert model.embedding.weight[0].abs().max() == 0
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.tensor([[3, 4, 0], [0, 0, 0]])).square().sum().backward()
        optimizer.step()
    assert model.embedding.weight[0].abs().max() == 0


def test_everything_moves_with_the_model(monkeypatch):
    """Packing needs lengths on the CPU, which the device "meta" cannot give: here they are 4."""
    monkeypatch.setattr(Tensor, "cpu", lambda tensor: torch.full(tensor.shape, 4))
    ids = torch.zeros(3, 7, dtype=torch.int64, device="meta")
    assert TokenLSTM(20, 5).to("meta")(ids).device.type == "meta"


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"expected token ids \(B, T\), got \(3,\)"):
        TokenLSTM(20, 5)(torch.tensor([1, 2, 3]))
