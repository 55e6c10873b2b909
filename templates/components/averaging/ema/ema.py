"""Moving average (EMA) of the weights: smoother than those of any one step.

The first step is copied. After that the average forgets the more slowly the more steps it has seen:

    average = d * average + (1 - d) * weights,    d = min(decay, (1 + n) / (10 + n)) after n steps

so that the average of a short run, too, is one of its last steps and not of its first. This warm-up is
that of `num_updates` in TensorFlow's tf.train.ExponentialMovingAverage.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Ema(nn.Module):
    """The moving average of some parameters, which it is given as an optimizer is.

    Its buffers are its state: the number of steps, and an average for each parameter, in their order. What
    no optimizer changes, such as running statistics and their counters, is not averaged.

    decay: 1 / (1 - decay) is about the number of last steps that count; 0.999 averages 1000 of them
    """

    steps: Tensor

    def __init__(self, parameters: Iterable[Tensor], decay: float = 0.999) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay is from 0 up to below 1, not {decay}")
        self.decay = decay
        self.weights = list(parameters)
        self.averages = [weight.detach().clone() for weight in self.weights]
        self.register_buffer("steps", torch.tensor(0))  # on the CPU: nothing waits for a GPU
        for number, average in enumerate(self.averages):
            self.register_buffer(f"average_{number}", average)

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the weights as an optimizer step has left them."""
        n = int(self.steps)
        decay = min(self.decay, (1 + n) / (10 + n)) if n else 0.0
        get_ema_multi_avg_fn(decay)(self.averages, self.weights, n)
        self.steps += 1

    @torch.no_grad()
    def swap(self) -> None:
        """The parameters and their averages change places; a second time brings both back to the bit."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            held = weight.clone()
            weight.copy_(average)
            average.copy_(held)
