"""Transformer encoder: every word looks at every other word.

Pre-norm blocks and a learned CLS token in front of the text, whose last state is the summary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def linear(in_features: int, out_features: int, *, std: float, bias: bool = True) -> nn.Linear:
    layer = nn.Linear(in_features, out_features, bias=bias)
    nn.init.trunc_normal_(layer.weight, std=std)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class SelfAttention(nn.Module):
    """Tokens (B, T, D), mask (B, 1, 1, T) with True = attend -> (B, T, D)."""

    def __init__(self, width: int, heads: int, dropout: float, out_std: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width ({width}) must be a multiple of heads ({heads})")
        self.heads = heads
        self.dropout = nn.Dropout(dropout)
        # no bias: softmax would cancel the keys', and `out` adds one for the values
        self.qkv = linear(width, 3 * width, std=0.02, bias=False)
        self.out = linear(width, width, std=out_std)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        qkv = self.qkv(tokens).unflatten(-1, (3, self.heads, -1))  # (B, T, 3, heads, D / heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, T, D / heads) each
        # the function below knows no eval mode, so the module's mode decides here
        p = self.dropout.p if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=p)
        return self.out(mixed.transpose(1, 2).flatten(2))  # (B, T, D)


class Block(nn.Module):
    """Attention mixes the tokens, the MLP works on each: both correct a shortcut.

    Tokens (B, T, D), mask (B, 1, 1, T) -> (B, T, D).
    """

    def __init__(self, width: int, heads: int, dropout: float, out_std: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, dropout, out_std)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            linear(width, 4 * width, std=0.02), nn.GELU(), linear(4 * width, width, std=out_std)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        tokens = tokens + self.dropout(self.attention(self.attention_norm(tokens), mask))
        return tokens + self.dropout(self.mlp(self.mlp_norm(tokens)))


class TokenTransformer(nn.Module):
    """Token ids (B, T), 0 = padding at the end, T <= max_length -> outputs (B, K).

    width: features of a token, a multiple of heads
    depth: blocks
    heads: attention patterns a block computes side by side
    dropout: share of features and attention that training switches off
    """

    def __init__(
        self,
        vocabulary_size: int,
        max_length: int,
        out_features: int,
        *,
        width: int = 64,
        depth: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")
        self.max_length = max_length
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.positions = nn.Embedding(max_length, width)
        self.cls = nn.Parameter(torch.empty(width))  # always first: it needs no position
        for table in (self.embedding.weight, self.positions.weight, self.cls):
            nn.init.normal_(table, std=0.02)
        self.dropout = nn.Dropout(dropout)
        # branches that end small keep the sum of all 2 * depth of them at the size of one
        out_std = 0.02 / (2 * depth) ** 0.5
        # each block is built, not copied: nn.TransformerEncoder would start all of them identical
        self.blocks = nn.ModuleList(Block(width, heads, dropout, out_std) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, out_features)
        # a small head starts without an opinion: the first loss of K classes is about ln K
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor) -> Tensor:
        if ids.ndim != 2 or ids.shape[1] > self.max_length:
            raise ValueError(
                f"expected token ids (B, T) with T at most {self.max_length} (max_length), "
                f"got {tuple(ids.shape)}"
            )
        words = self.embedding(ids) + self.positions(torch.arange(ids.shape[1], device=ids.device))
        tokens = torch.cat([self.cls.expand(ids.shape[0], 1, -1), words], dim=1)  # (B, 1 + T, D)
        tokens = self.dropout(tokens)
        # CLS is always visible, so even an empty text has something to attend to
        mask = F.pad(ids != 0, (1, 0), value=True)[:, None, None]  # (B, 1, 1, 1 + T)
        for block in self.blocks:
            tokens = block(tokens, mask)
        return self.head(self.norm(tokens[:, 0]))  # (B, K)
