"""Evaluation: exact figures of a whole data set, and no trace left in the model.

    python -m digits.evaluate runs/baseline
    python -m digits.evaluate runs/baseline --test

prints the trained model beside the baseline and chance. Weights and settings are chosen by the validation set, which flatters them;
--test takes the test set, which nothing has been chosen by: once, at the end.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from .config import Config
from .data import Dataset, Task, in_order
from .data_checks import with_test_set
from .device import pick_device, place, to_device
from .distributed import from_first, gather_rows
from .errors import ReadingError, told_plainly
from .precision import Precision
from .run import Run
from .storage import read
from .weights import load_for_inference

Loss = Callable[[Tensor, Tensor], Tensor]


def samples_in(loss_fn: Loss, targets: Tensor) -> Tensor:
    """What the mean of a loss over these targets divides by: their number, or their weight where classes have weights.

    Means of parts, weighted with it, add up to the mean of the whole. It stays on the device, so nothing waits for it.
    """
    if targets.is_floating_point():
        return torch.tensor(float(len(targets)))
    ignored = getattr(loss_fn, "ignore_index", None)
    kept = targets != (-100 if ignored is None else ignored)  # (B,); no class has -100
    weight = getattr(loss_fn, "weight", None)
    counts = weight[targets * kept] * kept if isinstance(weight, Tensor) else kept.float()
    return counts.sum().clamp_min(1e-12)  # where every target is ignored


def evaluate(
    model: nn.Module,
    loss_fn: Loss,
    dataset: Dataset,
    precision: Precision,
    device: torch.device,
    batch_size: int,
    workers: int | None = None,
    at_once: int = 256,
) -> tuple[float, Tensor, Tensor]:
    """The mean loss, the outputs (N, ...) and the targets (N, ...), on the CPU.

    batch_size: that of training; it matters to losses that compare the samples of a batch with each other
    at_once: samples in a forward pass; nothing depends on it
    """
    if not len(dataset):
        raise ValueError("there is nothing to evaluate: the data set is empty")
    was_training = [(module, module.training) for module in model.modules()]
    model.eval()
    outputs, targets = [], []
    try:
        # no_grad, not inference_mode: whatever a model keeps from this pass must still serve the next training step
        with torch.no_grad():
            for inputs, target in in_order(dataset, at_once, workers, device):
                with precision.autocast():
                    output = model(place(inputs, device))
                outputs.append(output.float())
                targets.append(to_device(target, device))
            # of several processes; what was computed twice, so that all had as much to do, comes last
            all_outputs = gather_rows(torch.cat(outputs))[: len(dataset)]
            all_targets = gather_rows(torch.cat(targets))[: len(dataset)]
            loss = mean_loss(loss_fn, all_outputs, all_targets, batch_size)
    finally:
        for module, training in was_training:
            module.training = training
    if not math.isfinite(loss):  # the arg max of NaN is a plausible class
        raise FloatingPointError(f"the validation loss is {loss}: its figures would mean nothing")
    return loss, all_outputs.cpu(), all_targets.cpu()


def figures_of(
    model: nn.Module,
    loss_fn: nn.Module,
    task: Task,
    dataset: Dataset,
    precision: Precision,
    device: torch.device,
    config: Config,
) -> dict[str, float]:
    """The mean loss and the task's figures, those of the first process: every process decides by the same."""
    loss, outputs, targets = evaluate(
        model, loss_fn, dataset, precision, device, config.batch_size, config.workers
    )
    return from_first(dict, loss=loss, **task.metrics(outputs, targets))


def mean_loss(loss_fn: Loss, outputs: Tensor, targets: Tensor, batch_size: int) -> float:
    """The mean loss of outputs (N, ...), in batches as training sees them: of that size, and not sorted by class."""
    order = torch.randperm(len(outputs), generator=torch.Generator().manual_seed(0))
    losses, weights = [], []
    for rows in order.to(outputs.device).split(batch_size):
        losses.append(loss_fn(outputs[rows], targets[rows]))
        weights.append(samples_in(loss_fn, targets[rows]))
    weight = torch.stack(weights).cpu().double()  # the first wait for the device
    return float(torch.stack(losses).cpu().double() @ weight / weight.sum())


def table(task: Task, figures: dict[str, float]) -> str:
    """The headline figure of the model beside what it is compared with, then the other figures."""
    rows = [("model", figures[task.metric]), *task.references().items()]
    width = max(len(name) for name, _ in rows)
    lines = [f"{task.metric}:", *(f"  {name:<{width}}  {value:.4f}" for name, value in rows)]
    others = [f"{name} {value:.4f}" for name, value in figures.items() if name != task.metric]
    return "\n".join([*lines, "also: " + "  ".join(others)] if others else lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.evaluate",
        description="Evaluate a trained model on the validation set, or on the test set.",
    )
    parser.add_argument("run", type=Path, help="the folder of a run, such as runs/baseline")
    parser.add_argument("--test", action="store_true", help="on the test set: once, at the end")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    with told_plainly():
        device = pick_device(options.device)
        run = Run.existing(options.run)
        model, task, loss_fn = load_for_inference(run.model_file)
        batch_size = read(run.model_file)["config"]["batch_size"]
        _, dataset = with_test_set(task) if options.test else task.load()
    precision = Precision("fp32", device)
    with told_plainly((ReadingError,)):
        loss, outputs, targets = evaluate(
            model.to(device), loss_fn.to(device), dataset, precision, device, batch_size
        )
    print(f"on the {'test' if options.test else 'validation'} set, {len(dataset):,} samples:")
    print(table(task, {**task.metrics(outputs, targets), "loss": loss}))


if __name__ == "__main__":
    main()
