"""How good predicted numbers are: R2, RMSE and MAE.

Predictions and targets are (N, T), in the units in which people read them. With several targets,
each is judged on its own and the results are averaged.
"""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor


def checked(predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64, where sums of squares keep their digits; worded errors otherwise."""
    if predictions.ndim != 2 or predictions.shape != targets.shape:
        raise ValueError(
            "expected predictions and targets of one shape (N, T), "
            f"got {tuple(predictions.shape)} and {tuple(targets.shape)}"
        )
    if not len(predictions):
        raise ValueError("there is no sample to judge: the validation set is empty")
    for name, values in (("predictions", predictions), ("targets", targets)):
        broken = int((~values.isfinite().all(dim=1)).sum())
        if broken:
            raise ValueError(
                f"the {name} of {broken} of {len(values)} samples hold NaN or infinity"
            )
    return predictions.double(), targets.double()


def r2(predictions: Tensor, targets: Tensor) -> float:
    """The explained share of the variance: 1 is perfect, 0 is to predict the mean every time."""
    predictions, targets = checked(predictions, targets)
    variance = targets.var(dim=0, correction=0)  # (T,)
    if not variance.all():
        raise ValueError("R2 is undefined where all targets are equal: they have no variance")
    return float((1 - (predictions - targets).square().mean(dim=0) / variance).mean())


def rmse(predictions: Tensor, targets: Tensor) -> float:
    """The root of the mean squared error, in the units of the targets."""
    predictions, targets = checked(predictions, targets)
    return float((predictions - targets).square().mean(dim=0).sqrt().mean())


def mae(predictions: Tensor, targets: Tensor) -> float:
    """The mean absolute error, in the units of the targets."""
    predictions, targets = checked(predictions, targets)
    return float((predictions - targets).abs().mean())


def draw_predicted_against_true(
    predictions: Tensor, targets: Tensor, labels: Sequence[str], path: Path
) -> None:
    """A panel for each of the T targets, named by `labels`; perfect predictions lie on the line."""
    from matplotlib.figure import Figure  # here: it takes 0.4 s, and predicting draws nothing

    predictions, targets = checked(predictions, targets)
    if predictions.shape[1] != len(labels):
        raise ValueError(f"{predictions.shape[1]} targets do not fit {len(labels)} labels")
    figure = Figure(figsize=(4.5 * len(labels), 4.5), layout="constrained")
    for column, label in enumerate(labels):
        predicted, true = predictions[:, column].numpy(), targets[:, column].numpy()
        axes = figure.add_subplot(
            1, len(labels), column + 1, title=label, xlabel="true", ylabel="predicted"
        )
        axes.set_aspect("equal", adjustable="datalim")
        axes.axline((float(true.mean()),) * 2, slope=1, color="0.6", linewidth=1, zorder=0)
        axes.scatter(true, predicted, s=12, alpha=0.6)
    figure.savefig(path, dpi=120)
