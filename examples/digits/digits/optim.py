"""What the optimizer trains: groups of parameters, and what is frozen."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import nn
from torch.optim import Optimizer

# Their weights are scales, shifts and tables rather than maps from inputs to outputs: decay would only shrink what they mean.
UNDECAYED = (
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.modules.batchnorm._NormBase,
    nn.Embedding,
    nn.EmbeddingBag,
)


def build_optimizer(make: Callable[..., Optimizer], *modules: nn.Module) -> Optimizer:
    """A config's optimizer for what is trained in these modules.

    Hidden matrices stand apart for one with a parameter `param_groups`, such as Muon; to others they are weights like any, and a step
    with fewer groups is quicker.
    """
    apart = "param_groups" in inspect.signature(make).parameters
    return make(param_groups(*modules, hidden_apart=apart))


def param_groups(*modules: nn.Module, hidden_apart: bool = True) -> list[dict[str, Any]]:
    """Each trainable parameter in exactly one group: `hidden`, `other` or `no_decay`.

    hidden: matrices between hidden layers, for optimizers (Muon) that treat them apart; other: whatever else decays (convolutions,
    the first layer, the head); no_decay: norms, embeddings, biases and whatever else is no map. Empty groups are left out.
    """
    groups: dict[str, dict[str, Any]] = {
        "hidden": {"name": "hidden", "params": []},
        "other": {"name": "other", "params": []},
        "no_decay": {"name": "no_decay", "params": [], "weight_decay": 0.0},
    }
    seen: set[int] = set()
    for owner, path, parameter in trainable(modules):
        if id(parameter) in seen:  # shared by two layers
            continue
        seen.add(id(parameter))
        is_hidden = parameter.ndim == 2 and len(seen) > 1 and not path.startswith("head.")
        if isinstance(owner, UNDECAYED) or "weight" not in path.split(".")[-1]:
            groups["no_decay"]["params"].append(parameter)
        elif hidden_apart and is_hidden:
            groups["hidden"]["params"].append(parameter)
        else:
            groups["other"]["params"].append(parameter)
    if not seen:
        raise ValueError("nothing is left to train: every parameter is frozen")
    return [group for group in groups.values() if group["params"]]


def trainable(modules: Iterable[nn.Module]) -> Iterator[tuple[nn.Module, str, nn.Parameter]]:
    """The layer, the path and the parameter of everything that wants a gradient."""
    for module in modules:
        for prefix, owner in module.named_modules():
            for name, parameter in owner.named_parameters(recurse=False):
                if parameter.requires_grad:
                    yield owner, f"{prefix}.{name}".lstrip("."), parameter


def trained_by(optimizer: Optimizer) -> list[nn.Parameter]:
    """What an optimizer trains, in its own order."""
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def forget_gradients(optimizer: Optimizer) -> None:
    """`optimizer.zero_grad(set_to_none=True)`, but in a tenth of its time: it speaks to the profiler first, whether or not there is one."""
    for parameter in trained_by(optimizer):
        parameter.grad = None


def parameter_names(optimizer: Optimizer, *modules: nn.Module) -> list[str]:
    """The trained parameters' names, in the optimizer's own order: its state is stored by position."""
    names = {id(p): name for module in modules for name, p in module.named_parameters()}
    return [names[id(p)] for p in trained_by(optimizer)]


def freeze(model: nn.Module, prefixes: Iterable[str]) -> None:
    """Parameters whose names begin with a prefix get no gradient, and a frozen layer's statistics stay as they are."""
    for prefix in prefixes:
        matches = [p for name, p in model.named_parameters() if name.startswith(prefix)]
        if not matches:
            tops = ", ".join(name for name, _ in model.named_children())
            raise ValueError(f"freeze: no parameter begins with {prefix!r}. The model has: {tops}.")
        for parameter in matches:
            parameter.requires_grad_(False)


def train_mode(model: nn.Module) -> None:
    """Training mode, but for layers whose parameters are all frozen: dropout and norms there behave as in evaluation."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(p.requires_grad for p in parameters):
            module.eval()
