"""Ignite: an engine with a step of one's own and handlers; ordinary: with its progress bar, which shows the loss."""

import json
import sys
from pathlib import Path

import torch
from ignite.engine import Engine, Events, create_supervised_evaluator
from ignite.handlers import Checkpoint, DiskSaver, ProgressBar
from ignite.metrics import Accuracy, Loss
from torch.nn.utils import clip_grad_norm_
from work import Work


def main() -> None:
    work = Work(tuned="tuned" in sys.argv)
    model, optimizer = work.model, work.optimizer()
    scheduler = work.scheduler(optimizer)

    def train_step(engine, batch):
        model.train()
        optimizer.zero_grad()
        inputs, targets = batch
        loss = work.loss(model(inputs), targets)
        loss.backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        return loss.detach() if work.tuned else loss.item()

    trainer = Engine(train_step)
    metrics = {"accuracy": Accuracy(), "loss": Loss(torch.nn.functional.cross_entropy)}
    evaluator = create_supervised_evaluator(model, metrics)
    val_loader, log = work.val_loader(), Path("metrics.jsonl").open("a", buffering=1)  # noqa: SIM115

    @trainer.on(Events.ITERATION_COMPLETED(every=work.log_steps))
    def write_loss(engine):
        rate = scheduler.get_last_lr()[0]
        step, loss = engine.state.iteration, float(engine.state.output)
        log.write(json.dumps({"step": step, "loss": loss, "lr": rate}) + "\n")

    @trainer.on(Events.EPOCH_COMPLETED(every=work.evaluate_epochs))
    def write_figures(engine):
        evaluator.run(val_loader)
        log.write(json.dumps({"step": engine.state.iteration, **evaluator.state.metrics}) + "\n")

    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "trainer": trainer}
    saver = Checkpoint(parts, DiskSaver("checkpoints", create_dir=True), n_saved=1)
    trainer.add_event_handler(Events.EPOCH_COMPLETED(every=work.evaluate_epochs), saver)
    if not work.tuned:
        ProgressBar().attach(trainer, output_transform=lambda loss: {"loss": loss})
    trainer.run(work.loader(), max_epochs=work.epochs)


if __name__ == "__main__":
    main()
