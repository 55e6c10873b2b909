"""What a run shows while it trains: a bar, a line an evaluation, and records in the run's folder."""

import time
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from .config import Config
from .distributed import is_first
from .progress import Progress
from .run import Run


class Display:
    """The bar and the log of one run; without a terminal, only the lines."""

    def __init__(
        self,
        run: Run,
        config: Config,
        model: nn.Module,
        device: torch.device,
        step: int,
        total_steps: int,
    ) -> None:
        self.run, self.batch_size = run, config.batch_size
        self.steps_per_epoch = total_steps // config.epochs
        self.epochs = config.epochs
        self.record: dict[str, Any] = {}
        total = sum(p.numel() for p in model.parameters())
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        print(f"{run.path}: {total:,} parameters, {trained:,} of them trained, on {device}")
        if step:
            print(f"going on after step {step} of {total_steps}")
        hidden = None if is_first() else True  # None: without a terminal
        self.bar = tqdm(total=total_steps, initial=step, unit="step", disable=hidden, leave=False)
        self.since, self.since_step = time.perf_counter(), step

    def trained(self, record: dict[str, Any]) -> None:
        """Logs a training record and moves the bar."""
        now, step = time.perf_counter(), record["step"]
        speed = (step - self.since_step) * self.batch_size / max(now - self.since, 1e-9)
        self.since, self.since_step = now, step
        self.record = record | {"samples_per_second": round(speed)}
        self.run.log(self.record)
        rate = max(value for key, value in record.items() if key.startswith("lr_"))
        self.bar.set_postfix_str(
            f"loss {record['train_loss']:.3f}, lr {rate:.1e}, {speed:,.0f} samples/s",
            refresh=False,  # the bar is drawn ten times a second at most
        )
        self.bar.update(step - self.bar.n)

    def evaluated(self, progress: Progress, figures: dict[str, float], *, best: bool) -> None:
        """Logs an evaluation and prints its line."""
        epoch = progress.step / self.steps_per_epoch
        self.run.log(
            {"step": progress.step, "epoch": epoch}
            | {f"val_{name}": value for name, value in figures.items()}
        )
        shown = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
        # of the records since the last evaluation: an older one would pass for this one's
        loss = f"train loss {self.record['train_loss']:.4f}  " if self.record else ""
        self.record = {}
        mark = "  *" if best else ""
        tqdm.write(f"epoch {epoch:5.1f}/{self.epochs}  {loss}val {shown}{mark}")
        self.bar.update(progress.step - self.bar.n)
        # the time of an evaluation says nothing about the speed of training
        self.since, self.since_step = time.perf_counter(), progress.step

    def close(self) -> None:
        """Ends the bar and the trackers."""
        self.bar.close()
        for tracker in self.run.trackers:
            tracker.close()
