"""LSTM: reads a text word by word, in both directions.

Packed sequences end where the text ends: padding changes nothing, and the backward direction
starts at the last word and not in the padding.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence


class TokenLSTM(nn.Module):
    """Token ids (B, T), 0 = padding at the end -> outputs (B, K).

    width: features of an embedding and of a state, in each direction
    depth: layers; each reads the states of the one below
    dropout: share of the embeddings and states that training switches off
    """

    def __init__(
        self,
        vocabulary_size: int,
        out_features: int,
        *,
        width: int = 64,
        depth: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.1)
        with torch.no_grad():
            self.embedding.weight[0] = 0  # the line above overwrote the row of padding
        self.lstm = nn.LSTM(
            width,
            width,
            num_layers=depth,
            batch_first=True,
            bidirectional=True,
            dropout=dropout if depth > 1 else 0.0,  # it acts between layers: one layer has none
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width, out_features)
        # a small head starts without an opinion: the first loss of K classes is about ln K
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor) -> Tensor:
        if ids.ndim != 2:
            raise ValueError(f"expected token ids (B, T), got {tuple(ids.shape)}")
        # an empty text reads one padding; packing needs the lengths on the CPU
        lengths = (ids != 0).sum(dim=1).clamp(min=1).cpu()  # (B,)
        embedded = self.dropout(self.embedding(ids))  # (B, T, D)
        packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        _, (last, _) = self.lstm(packed)  # (2 * depth, B, D)
        both = torch.cat([last[-2], last[-1]], dim=1)  # (B, 2D): forward and backward, last layer
        return self.head(self.dropout(both))  # (B, K)
