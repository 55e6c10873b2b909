"""The weights that a run is judged by: those of its last step, or an average of all steps where the config names an `averaging`.

Training never sees an average. For an evaluation the two change places, and after it the weights of the last step are back to the bit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.optim import Optimizer

from .optim import trained_by
from .sharding import take_apart


def average_of(averaging: Callable[..., Any] | None, optimizer: Optimizer) -> Any:
    """The average of what an optimizer trains, in the optimizer's order; None where there is no averaging."""
    if averaging is None:
        return None
    return averaging(trained_by(optimizer))


@contextmanager
def averaged(average: Any, *modules: nn.Module) -> Iterator[None]:
    """Within it the modules have the averaged weights, where there are any. Buffers, such as running statistics, are those of now."""
    if average is None:
        yield
        return

    def exchange() -> None:
        for module in modules:
            take_apart(module)  # a pass leaves the outermost shards together, as they were then
        average.swap()

    exchange()
    try:
        yield
    finally:
        exchange()
