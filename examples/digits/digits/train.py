"""Trains a model: the whole run, top to bottom. Read this file first.

    python -m digits.train configs/baseline.py
    python -m digits.train configs/baseline.py optimizer.lr=3e-4 epochs=5
    torchrun --nproc-per-node 2 -m digits.train configs/baseline.py

writes a folder runs/baseline. The same command goes on where an interrupted run stopped; with --fresh it starts anew, and with --resume
it goes on under other settings.
"""

import math
from functools import reduce
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from .averaging import average_of, averaged
from .blackbox import BlackBox
from .checkpoint import State
from .checks import check_run
from .command import read_command
from .config import Config, describe
from .device import pick_device, place_model
from .display import Display
from .distributed import joined, mean
from .errors import told_plainly
from .evaluate import figures_of
from .exhaustion import explained
from .feed import feed, on_device
from .interruption import until_asked_to_stop
from .optim import build_optimizer, forget_gradients, freeze, train_mode
from .parallel import parallelize, parts_of, samples_of, weighted_loss
from .precision import Precision
from .progress import Progress
from .randomness import seed_everything
from .report import report
from .run import Run
from .same_data import SameData
from .weights import build_model, for_inference, start_from


def train(config: Config, run: Run) -> dict[str, float]:
    """Trains, evaluates, saves and reports; the figures of the best evaluation."""
    with told_plainly():  # mistakes in data and settings end here, before anything is trained
        seed_everything(config.seed, deterministic=config.deterministic)
        device = pick_device(config.device)
        precision = Precision(config.precision, device)
        task = config.task()
        train_set, val_set = (on_device(dataset, device) for dataset in task.load())

        model = build_model(config.model, task.sizes)
        if config.start_from:
            print(start_from(model, Path(config.start_from)))
        freeze(model, config.freeze)
        place_model(model, device)
        loss_fn = config.loss().to(device)
        check_run(model, loss_fn, task, train_set, val_set, config, device)
        parallel_model = parallelize(model, loss_fn, config, device)

        optimizer = build_optimizer(config.optimizer, model, loss_fn)
        steps_per_epoch = math.ceil(len(train_set) / config.batch_size)
        total_steps = config.epochs * steps_per_epoch
        scheduler = config.scheduler(optimizer, total_steps)

        progress = Progress(max(config.max_skipped_steps, precision.normal_skips))
        average = average_of(config.averaging, optimizer)
        data = SameData(train_set, val_set, run.data_changes)
        parts = model, loss_fn, optimizer, scheduler, precision.scaler, progress, average, data
        state = State(*parts, keep=config.keep_checkpoints)
        state.restore(run.last_file)
        run.start(progress.step, describe(config), config.trackers)
    if config.compile:
        model.compile()  # in place, so names in checkpoints stay as they are

    evaluate_steps = config.evaluate_steps or steps_per_epoch
    display = Display(run, config, model, device, progress.step, total_steps)
    stream = feed(task, train_set, config, progress.step, total_steps, device)
    blackbox = BlackBox(run.path / "blackbox", config, task, train_set, state, precision, optimize)
    train_mode(model)  # once: evaluation leaves it as it was
    for inputs, targets in until_asked_to_stop(stream, state, run):
        with blackbox.watch(inputs, targets):
            loss, norm, stepped = optimize(
                parallel_model, loss_fn, inputs, targets, optimizer, precision, config
            )
            progress.count(loss, norm, stepped)
        if progress.step % config.log_steps == 0:
            display.trained(progress.record(optimizer, norm, steps_per_epoch))
        if stepped and average is not None:
            average.update()
        if stepped and not isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step()

        if progress.step % evaluate_steps == 0 or progress.step == total_steps:
            state.writer.wait()  # for what the evaluation before has saved
            with averaged(average, model, loss_fn):
                figures = figures_of(model, loss_fn, task, val_set, precision, device, config)
                best = progress.is_best(figures[task.metric], task.higher_is_better)
                if best:
                    state.writer.save(for_inference(config, model, task, loss_fn), run.model_file)
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(figures["loss"])
            display.evaluated(progress, figures, best=best)
            state.save(run.last_file, *[run.best_file] * best)
    display.close()
    return report(run, config, val_set, precision, device)


def optimize(
    model: nn.Module,
    loss_fn: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    optimizer: Optimizer,
    precision: Precision,
    config: Config,
) -> tuple[Tensor, Tensor, bool]:
    """One optimizer step on one batch: its mean loss, the norm of its gradient, and whether the step was taken.

    The batch is computed in `micro_batches` parts, each weighted by its share of the samples: the gradient is that of the whole batch.
    """
    forget_gradients(optimizer)
    losses = []  # on the device: nothing waits for them until they are reported
    samples = samples_of(loss_fn, targets, config.micro_batches)
    for part_inputs, part_targets in parts_of(model, inputs, targets, config.micro_batches):
        with precision.autocast():
            outputs = model(part_inputs)
        loss = weighted_loss(loss_fn, outputs.float(), part_targets, samples)
        precision.backward(loss)
        losses.append(loss.detach())
    batch_loss = mean(reduce(torch.add, losses))
    norm = precision.norm(optimizer)
    return batch_loss, norm, precision.step(optimizer, batch_loss, norm, config.max_grad_norm)


@joined()
def main() -> None:
    config, run = read_command()
    with run.told_plainly(), explained(config):
        train(config, run)


if __name__ == "__main__":
    main()
