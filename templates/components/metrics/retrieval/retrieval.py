"""How well embeddings find their like: MAP@R and recall at 1.

Every sample asks for the others of its class, and all others answer in the order of their cosine
similarity. A sample whose class has no other member does not ask. Recall at 1 looks at the first
answer. MAP@R looks at the first R, where R is the number of others in the class, and counts each
hit with the precision up to it: it sees whether a class keeps together as a whole.

Musgrave, Belongie and Lim, 2020, "A Metric Learning Reality Check", arXiv:2003.08505.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor


def map_at_r(embeddings: Tensor, targets: Tensor) -> float:
    """Embeddings (N, D) and classes (N,) -> mean average precision at R: 1 is perfect."""
    depth = int(relevant_counts(targets).max())
    ranks = torch.arange(1, depth + 1)
    scores = []
    for hits, relevant in ranked_hits(embeddings, targets, depth):
        precision = hits.cumsum(dim=1) / ranks  # (M, depth)
        counted = hits & (ranks <= relevant[:, None])  # (M, depth)
        scores.append((precision * counted).sum(dim=1) / relevant)  # (M,)
    return float(torch.cat(scores).mean())


def recall_at_1(embeddings: Tensor, targets: Tensor) -> float:
    """Embeddings (N, D) and classes (N,) -> the share of samples whose first answer is right."""
    hits = [first for first, _ in ranked_hits(embeddings, targets, depth=1)]
    return float(torch.cat(hits).double().mean())


def chance(targets: Tensor) -> float:
    """The MAP@R to expect of a random ranking, for these classes (N,): exact, not drawn."""
    relevant = relevant_counts(targets)
    relevant = relevant[relevant > 0]
    others = len(targets) - 1
    # an answer is right with probability R / others, and given one, each other one is with `again`
    again = (relevant - 1) / max(1, others - 1)
    harmonic = (1 / torch.arange(1, others + 1).double()).cumsum(dim=0)[relevant - 1]
    return float((((1 - again) * harmonic + again * relevant) / others).mean())


def relevant_counts(targets: Tensor) -> Tensor:
    """Classes (N,) -> R (N,): how many others of its class each sample has."""
    relevant = torch.bincount(targets)[targets] - 1
    if not relevant.any():
        raise ValueError("no class has two samples, so there is nothing to find")
    return relevant


def ranked_hits(
    embeddings: Tensor, targets: Tensor, depth: int, chunk_size: int = 512
) -> Iterator[tuple[Tensor, Tensor]]:
    """Whether the first answers are right (M, depth), and R (M,), for M samples at a time.

    In chunks, so that memory grows with N and not with N * N.
    """
    directions = checked_directions(embeddings, targets)  # (N, D)
    relevant = relevant_counts(targets)
    for rows in torch.split(relevant.nonzero().squeeze(1), chunk_size):
        similarity = directions[rows] @ directions.T  # (M, N)
        same = targets[rows, None] == targets  # (M, N)
        similarity -= 1e-9 * same  # a tie is a miss: to embed everything alike must not score
        similarity[torch.arange(len(rows)), rows] = -torch.inf  # nobody answers itself
        answers = similarity.topk(depth, dim=1).indices  # (M, depth)
        yield same.gather(1, answers), relevant[rows]


def checked_directions(embeddings: Tensor, targets: Tensor) -> Tensor:
    """The embeddings (N, D) scaled to length 1, in float64; worded errors where they cannot be."""
    if embeddings.ndim != 2 or targets.shape != embeddings.shape[:1]:
        raise ValueError(
            "expected embeddings (N, D) and targets (N,), "
            f"got {tuple(embeddings.shape)} and {tuple(targets.shape)}"
        )
    broken = int((~embeddings.isfinite().all(dim=1)).sum())
    if broken:
        raise ValueError(
            f"the embeddings of {broken} of {len(embeddings)} samples hold NaN or infinity; "
            "look for where training diverged, and lower the learning rate"
        )
    return F.normalize(embeddings.double(), dim=1)


def draw_embeddings(embeddings: Tensor, targets: Tensor, labels: Sequence[str], path: Path) -> None:
    """The directions of embeddings (N, D) in the plane of their two principal components."""
    from matplotlib import colormaps  # here: it takes 0.4 s, and predicting draws nothing
    from matplotlib.figure import Figure

    # a column of zeros gives one-dimensional embeddings a second axis
    directions = F.pad(checked_directions(embeddings, targets), (0, 1))  # (N, D + 1)
    centred = directions - directions.mean(dim=0)
    _, components = torch.linalg.eigh(centred.T @ centred)  # the largest come last
    second, first = (centred @ components[:, -2:]).T.numpy()  # (N,) each
    classes = len(labels)
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.add_subplot(xlabel="first principal component", ylabel="second")
    colours = colormaps["tab10" if classes <= 10 else "turbo"].resampled(classes)
    points = axes.scatter(first, second, s=10, c=targets.numpy(), cmap=colours)
    points.set_clim(-0.5, classes - 0.5)  # a band of the colour bar for each class
    bar = figure.colorbar(points)
    if classes <= 30:
        bar.set_ticks(range(classes), labels=labels)
    figure.savefig(path, dpi=120)
