"""Where numbers stop being finite: the first layer of a step that gives such numbers, and the samples that do so alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn


@contextmanager
def traced(model: nn.Module, loss_fn: nn.Module, found: list[str]) -> Iterator[None]:
    """Adds each place of a step whose numbers are not finite to `found`, in the order of computation; no hook stays."""

    def look(place: str, tensor: Tensor) -> None:
        if not tensor.isfinite().all():
            found.append(place)

    def look_after(name: str, _: nn.Module, inputs: Any, output: Any) -> None:
        finite = all(tensor.isfinite().all() for tensor in tensors_in(inputs))
        before = "finite" if finite else "not finite either"
        for tensor in tensors_in(output):
            look(f"the output of {name}, from inputs that were {before}", tensor)
            if tensor.requires_grad:
                tensor.register_hook(partial(look, f"the gradient that reaches {name}"))

    handles = []
    for whole, title in ((model, "the model"), (loss_fn, "the loss")):
        for path, module in whole.named_modules():
            name = f"{path or title} ({type(module).__name__})"
            handles.append(module.register_forward_hook(partial(look_after, name)))
        for path, parameter in whole.named_parameters():
            if parameter.requires_grad:
                handles.append(parameter.register_hook(partial(look, f"the gradient of {path}")))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors of what a layer takes or gives, however they are nested."""
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (dict, tuple, list)):
        return []
    return [tensor for part in inner for tensor in tensors_in(part)]


def not_finite_alone(
    is_finite: Callable[[Sequence[int]], bool], places: Sequence[int]
) -> Iterator[int]:
    """The places in a batch that are not finite without the others, found by halving: few of them cost few steps."""
    if is_finite(places):
        return
    if len(places) == 1:
        yield places[0]
        return
    middle = len(places) // 2
    yield from not_finite_alone(is_finite, places[:middle])
    yield from not_finite_alone(is_finite, places[middle:])
