"""The curves of a run as a picture."""

from pathlib import Path
from typing import Any


def draw_curves(records: list[dict[str, Any]], metric: str, path: Path) -> None:
    """Loss, headline metric and learning rate over the steps, in one PNG."""
    from matplotlib.figure import Figure  # here: it takes 0.4 s, and a run draws at its end

    panels = {
        "loss": ["train_loss", "val_loss"],
        metric: [f"val_{metric}"],
        "learning rate": learning_rates(records),
    }
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    for axes, (title, keys) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        for key in keys:
            points = [(record["step"], record[key]) for record in records if key in record]
            axes.plot(*zip(*points, strict=True), label=key.replace("_", " ")) if points else None
        axes.set(title=title, xlabel="step")
        axes.grid(alpha=0.3)
        if len(keys) > 1:
            axes.legend()
    figure.savefig(path, dpi=120)


def learning_rates(records: list[dict[str, Any]]) -> list[str]:
    """One group of parameters for each different learning-rate curve."""
    groups = sorted({key for record in records for key in record if key.startswith("lr_")})
    curves = {tuple(r[key] for r in records if key in r): key for key in reversed(groups)}
    return sorted(curves.values())
