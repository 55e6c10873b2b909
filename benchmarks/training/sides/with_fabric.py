"""Lightning Fabric: a loop of one's own, with its set-up, backward pass, clipping and checkpoints; ordinary: with a tqdm bar."""

import json
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric
from tqdm import tqdm
from work import Work, figures


def main() -> None:
    work = Work(tuned="tuned" in sys.argv)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    optimizer = work.optimizer()
    scheduler = work.scheduler(optimizer)
    model, optimizer = fabric.setup(work.model, optimizer)
    loader = fabric.setup_dataloaders(work.loader(), use_distributed_sampler=False)
    val_loader = fabric.setup_dataloaders(work.val_loader())
    bar = tqdm(total=work.total_steps, disable=work.tuned)
    step, log = 0, Path("metrics.jsonl").open("a", buffering=1)  # noqa: SIM115
    for epoch in range(work.epochs):
        model.train()
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = work.loss(model(inputs), targets)
            fabric.backward(loss)
            fabric.clip_gradients(model, optimizer, max_norm=1.0)
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
            state = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "step": step}
            fabric.save("last.ckpt", state)


if __name__ == "__main__":
    main()
