"""Bag of n-grams: the sum of word and word-pair embeddings.

Order matters only within a pair, and that is enough for many texts: it trains in seconds and is
hard to beat on short ones. Pairs share a fixed number of rows by hashing, so they need no list.
"""

import torch
from torch import Tensor, nn

# universal hashing (Carter and Wegman, 1979): two large factors modulo a prime. Without the prime,
# what the factors leave modulo the buckets can be tiny, and most rows would stay empty
FIRST, SECOND, PRIME = 1_640_531_527, 1_013_904_223, 2**31 - 1


class BagOfNgrams(nn.Module):
    """Token ids (B, T), 0 = padding at the end -> outputs (B, K).

    width: features of an embedding
    buckets: rows that all pairs share; fewer rows, more pairs that fall together
    dropout: share of the features before the head that training switches off
    """

    def __init__(
        self,
        vocabulary_size: int,
        out_features: int,
        *,
        width: int = 64,
        buckets: int = 20_000,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        if buckets < 1:
            raise ValueError(f"buckets must be at least 1, got {buckets}")
        self.vocabulary_size = vocabulary_size
        self.buckets = buckets
        # one table: the words' rows, then the pairs'. The row of padding is and stays zero
        self.embedding = nn.Embedding(vocabulary_size + buckets, width, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=0.02)
        with torch.no_grad():
            self.embedding.weight[0] = 0  # the line above overwrote it
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, out_features)
        # a small head starts without an opinion: the first loss of K classes is about ln K
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.head.bias)

    def forward(self, ids: Tensor) -> Tensor:
        if ids.ndim != 2:
            raise ValueError(f"expected token ids (B, T), got {tuple(ids.shape)}")
        grams = torch.cat([ids, self.pairs(ids)], dim=1)  # (B, 2T - 1)
        count = (grams != 0).sum(dim=1, keepdim=True).clamp(min=1)  # (B, 1)
        # over the root of their number, long and short texts come out equally large; a mean would
        # shrink the long ones
        text = self.embedding(grams).sum(dim=1) / count.sqrt()  # (B, D)
        return self.head(self.dropout(text))  # (B, K)

    def pairs(self, ids: Tensor) -> Tensor:
        """Token ids (B, T) -> rows of the embedding (B, T - 1), 0 where a pair ends in padding."""
        first, second = ids[:, :-1], ids[:, 1:]
        hashed = (first * FIRST + second * SECOND) % PRIME % self.buckets
        return (self.vocabulary_size + hashed) * (second != 0)
