"""Where a run is and how it has gone since the last record."""

import math
from collections import deque
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class Progress:
    """Part of every checkpoint. All else about a run's position follows from `step` and the seed."""

    def __init__(self, max_skips: int = 0) -> None:
        self.max_skips = max_skips  # in a row
        self.step = 0  # batches done
        self.skipped = 0  # of them, without an optimizer step
        self.skipped_in_a_row = 0
        self.best: float | None = None  # the headline figure of the best evaluation
        self.loss: Tensor | float = 0.0  # sum since the last record, on the device
        self.batches = 0
        self.last: deque[tuple[int, Tensor, Tensor]] = deque(maxlen=20)  # step, loss, norm

    def count(self, loss: Tensor, norm: Tensor, stepped: bool) -> None:
        """Counts a batch; stops the run when too many steps in a row could not be taken."""
        self.step += 1
        self.last.append((self.step, loss, norm))
        if stepped:
            self.skipped_in_a_row = 0
            self.loss, self.batches = self.loss + loss, self.batches + 1
            return
        self.skipped, self.skipped_in_a_row = self.skipped + 1, self.skipped_in_a_row + 1
        if self.skipped_in_a_row > self.max_skips:
            raise FloatingPointError(
                f"step {self.step}: the loss is {float(loss):.6g} and the gradient's norm {float(norm):.6g}. "
                "No weight was changed. A smaller optimizer.lr may help."
            )

    def record(self, optimizer: Optimizer, norm: Tensor, steps_per_epoch: int) -> dict[str, Any]:
        """What there is to say since the last record. The only place of the loop that waits for the device to report."""
        loss = float(self.loss) / self.batches if self.batches else math.nan
        self.loss, self.batches = 0.0, 0
        rates = {f"lr_{group['name']}": float(group["lr"]) for group in optimizer.param_groups}
        return {
            "step": self.step,
            "epoch": self.step / steps_per_epoch,
            "train_loss": loss,
            "grad_norm": float(norm),
            "skipped": self.skipped,
            **rates,
        }

    def is_best(self, figure: float, higher_is_better: bool) -> bool:
        """Whether the headline figure is the best so far; of equals, frequent in a small set, the one trained for longer.

        NaN is refused: it compares as neither better nor worse.
        """
        if math.isnan(figure):
            raise FloatingPointError("the headline figure is NaN, so no checkpoint can be the best")
        better = self.best is None or (
            figure >= self.best if higher_is_better else figure <= self.best
        )
        self.best = figure if better else self.best
        return better

    def state_dict(self) -> dict[str, Any]:
        state = dict(vars(self)) | {"loss": torch.as_tensor(self.loss).clone()}
        del state["max_skips"]  # a setting: a run that goes on in another precision has another one
        del state["last"]  # is looked at when a run stops, and nothing follows from it
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
