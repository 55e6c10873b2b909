"""What each layer of a model gives: its shapes, seen by hooks that do not stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

Row = tuple[str, str, str, int]


@contextmanager
def recorded_shapes(model: nn.Module, rows: list[Row]) -> Iterator[None]:
    """Fills `rows` with (name, type, output shape, parameters) of every layer that runs; leaves no hook behind."""

    def record(name: str, module: nn.Module, _: Any, output: Any) -> None:
        count = sum(p.numel() for p in module.parameters(recurse=False))
        rows.append((name, type(module).__name__, shape_of(output), count))

    leaves = [(name, m) for name, m in model.named_modules() if not list(m.children())]
    handles = [module.register_forward_hook(partial(record, name)) for name, module in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def shape_of(output: Any) -> str:
    """The shape of a tensor, or of the tensors in a tuple."""
    if isinstance(output, Tensor):
        return str(tuple(output.shape))
    parts = [shape_of(part) for part in output] if isinstance(output, (tuple, list)) else []
    return ", ".join(parts) or type(output).__name__
