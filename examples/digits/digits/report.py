"""The end of a run: its figures beside baseline and chance, and its pictures."""

import torch

from .config import Config
from .data import Dataset
from .distributed import is_first, wait_for_all
from .evaluate import evaluate, table
from .plots import draw_curves
from .precision import Precision
from .run import Run
from .weights import load_for_inference


def report(
    run: Run, config: Config, val_set: Dataset, precision: Precision, device: torch.device
) -> dict[str, float]:
    """Evaluates the best weights once more, as they were saved; draws, prints and stores what came of it."""
    wait_for_all()  # the first process may still be writing them
    model, task, loss_fn = load_for_inference(run.model_file)
    model.to(device)
    loss, outputs, targets = evaluate(
        model, loss_fn.to(device), val_set, precision, device, config.batch_size, config.workers
    )
    figures = {"loss": loss, **task.metrics(outputs, targets)}
    if not is_first():
        return figures
    task.figure(outputs, targets, run.path / "outputs.png")
    draw_curves(run.records(), task.metric, run.path / "curves.png")
    run.finish({"best": figures, "references": task.references()})
    print(table(task, figures))
    print(f"{run.path}/ holds curves.png, outputs.png, metrics.csv and model.pt. Next:")
    print(f"  python -m {__package__}.evaluate {run.path}")
    print(f"  python -m {__package__}.predict {run.path} FILE ...")
    return figures
