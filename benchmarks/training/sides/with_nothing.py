"""The bare loop, tuned by hand: torch and nothing else. What every other side is compared with."""

import json
import os
from pathlib import Path

import torch
from torch.nn.utils import clip_grad_norm_
from work import Work, figures


def main() -> None:
    work = Work(tuned=True)
    model, loss_fn, train, val = work.model, work.loss, work.train_set, work.val_set
    optimizer = work.optimizer()
    parameters = list(model.parameters())
    highest = optimizer.param_groups[0]["lr"]
    rates = [highest * factor for factor in work.factors()]
    lengths = (train.inputs != 0).sum(dim=1) if work.is_text else None

    step, total, log = 0, torch.zeros(()), Path("metrics.jsonl").open("a", buffering=1)  # noqa: SIM115
    for epoch in range(work.epochs):
        for rows in work.order(epoch).split(work.batch_size):
            inputs = train.inputs.index_select(0, rows)
            targets = train.targets.index_select(0, rows)
            if lengths is not None:
                inputs = inputs[:, : int(lengths[rows].max())]
            for group in optimizer.param_groups:
                group["lr"] = rates[step]
            loss = loss_fn(model(inputs), targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            step += 1
            total += loss.detach()
            if step % work.config.log_steps == 0:
                mean = float(total) / work.config.log_steps
                log.write(json.dumps({"step": step, "loss": mean, "lr": rates[step - 1]}) + "\n")
                total.zero_()

        if step % work.evaluate_steps == 0 or step == work.total_steps:
            model.eval()
            with torch.no_grad():
                outputs = ((model(part), t) for part, t in batches(val, work.is_text))
                told = figures(outputs, loss_fn)
            model.train()
            log.write(json.dumps({"step": step, **told}) + "\n")
            print(f"step {step}: {told}")
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state | {"step": step, "random": torch.get_rng_state()}, "last.tmp")
            os.replace("last.tmp", "last.pt")


def batches(samples, is_text):
    for rows in torch.arange(len(samples)).split(256):
        inputs, targets = samples.inputs[rows], samples.targets[rows]
        yield (inputs[:, : int((inputs != 0).sum(dim=1).max())] if is_text else inputs), targets


if __name__ == "__main__":
    main()
