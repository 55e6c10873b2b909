"""How good a classifier is: accuracy, macro F1 and the confusion matrix.

All of it follows from the counts of (true class, predicted class), over a whole validation set.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor


def confusion_matrix(logits: Tensor, targets: Tensor) -> Tensor:
    """Logits (N, K) and classes (N,) -> counts (K, K): rows are true classes, columns predicted."""
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            "expected logits (N, K) and targets (N,), "
            f"got {tuple(logits.shape)} and {tuple(targets.shape)}"
        )
    if not len(logits):
        raise ValueError("there is no sample to judge: the validation set is empty")
    # the argmax of NaN is a class like any other, so a broken model would have an accuracy
    broken = int((~logits.isfinite().all(dim=1)).sum())
    if broken:
        raise ValueError(
            f"the model's outputs for {broken} of {len(logits)} samples hold NaN or infinity; "
            "look for where training diverged, and lower the learning rate"
        )
    classes = logits.shape[1]
    if targets.is_floating_point() or targets.min() < 0 or targets.max() >= classes:
        raise ValueError(f"targets must be whole numbers from 0 to {classes - 1}")
    pairs = targets * classes + logits.argmax(dim=1)  # (N,)
    return torch.bincount(pairs, minlength=classes**2).view(classes, classes)


def accuracy(logits: Tensor, targets: Tensor) -> float:
    """The share of samples whose class is right."""
    counts = confusion_matrix(logits, targets)
    return float(counts.trace() / counts.sum())


def macro_f1(logits: Tensor, targets: Tensor) -> float:
    """The F1 score of each class, averaged, so that rare classes count as much as frequent ones.

    A class that is neither among the targets nor ever predicted is left out.
    """
    counts = confusion_matrix(logits, targets).double()
    hits = counts.diagonal()  # (K,)
    sizes = counts.sum(dim=0) + counts.sum(dim=1)  # (K,) times predicted plus times true
    return float((2 * hits / sizes)[sizes > 0].mean())


def majority_share(targets: Tensor) -> float:
    """The accuracy of always answering the most frequent of these classes (N,)."""
    if not len(targets):
        raise ValueError("there is no sample to count: the targets are empty")
    return float(torch.bincount(targets).max() / len(targets))


def draw_confusion(counts: Tensor, labels: Sequence[str], path: Path) -> None:
    """Counts (K, K) as a picture, coloured by the share of each row; legible up to 30 classes."""
    from matplotlib.figure import Figure  # here: it takes 0.4 s, and predicting draws nothing

    classes = len(labels)
    if counts.shape != (classes, classes):
        raise ValueError(f"counts {tuple(counts.shape)} do not fit {classes} labels")
    shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)  # (K, K)
    side = min(max(4.0, 2 + 0.35 * classes), 14.0)  # inches
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.add_subplot(xlabel="predicted", ylabel="true")
    image = axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, label="share of the true class", shrink=0.8)
    if classes <= 30:
        axes.set_xticks(range(classes), labels, rotation=90)
        axes.set_yticks(range(classes), labels)
        for row, column in counts.nonzero().tolist():
            colour = "white" if shares[row, column] > 0.6 else "black"
            number = str(int(counts[row, column]))
            axes.text(column, row, number, color=colour, ha="center", va="center", size="small")
    figure.savefig(path, dpi=120)
