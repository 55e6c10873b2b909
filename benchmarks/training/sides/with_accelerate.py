"""Accelerate: a loop of one's own, with its prepare, backward pass, clipping and saved state; ordinary: with a tqdm bar."""

import json
import sys
from pathlib import Path

import torch
from accelerate import Accelerator
from tqdm import tqdm
from work import Work, figures


def main() -> None:
    work = Work(tuned="tuned" in sys.argv)
    accelerator = Accelerator(cpu=True)
    optimizer = work.optimizer()
    scheduler = work.scheduler(optimizer)
    model, optimizer, loader, val_loader, scheduler = accelerator.prepare(
        work.model, optimizer, work.loader(), work.val_loader(), scheduler
    )
    bar = tqdm(total=work.total_steps, disable=work.tuned)
    step, log = 0, Path("metrics.jsonl").open("a", buffering=1)  # noqa: SIM115
    for epoch in range(work.epochs):
        model.train()
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = work.loss(model(inputs), targets)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            step += 1
            bar.update(1)
            if step % work.log_steps == 0:
                rate = scheduler.get_last_lr()[0]
                log.write(json.dumps({"step": step, "loss": loss.item(), "lr": rate}) + "\n")
        if (epoch + 1) % work.evaluate_epochs == 0:
            model.eval()
            with torch.no_grad():
                told = figures(((model(x), y) for x, y in val_loader), work.loss)
            log.write(json.dumps({"step": step, **told}) + "\n")
            accelerator.save_state("last")


if __name__ == "__main__":
    main()
