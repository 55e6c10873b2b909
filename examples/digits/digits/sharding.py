"""A model of which each process holds a shard (FSDP2), and its state put together again, or taken apart.

fsdp shards over all processes; hsdp shards within a machine and keeps a copy of the model on each machine. What is sharded computes
the same: parameters are put together for the pass of a block and taken apart after it.
"""

import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves, tree_map

from .distributed import is_first, processes
from .optim import trained_by

# torch.distributed.tensor takes half a second to import: only those who shard wait for it


def shard(model: nn.Module, loss_fn: nn.Module, how: str, device: torch.device) -> None:
    """Takes a model apart in place, block by block, and a loss with parameters of its own as a whole."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    here = int(os.environ["LOCAL_WORLD_SIZE"])
    shape = (processes() // here, here) if how == "hsdp" else (processes(),)
    names = ("machines", "shards") if how == "hsdp" else ("shards",)
    mesh = init_device_mesh(device.type, shape, mesh_dim_names=names)
    for block in blocks(model):
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    if any(True for _ in loss_fn.parameters()):
        fully_shard(loss_fn, mesh=mesh)


def blocks(model: nn.Module) -> Iterator[nn.Module]:
    """The outermost repeated parts that have parameters; none where layers share parameters, for those have to stay together."""
    if len(list(model.named_parameters(remove_duplicate=False))) == len(list(model.parameters())):
        for module in (model, *model.children()):
            if isinstance(module, (nn.Sequential, nn.ModuleList)):
                yield from (b for b in module.children() if any(True for _ in b.parameters()))
            elif module is not model:
                yield from blocks(module)


def take_apart(module: nn.Module) -> None:
    """Frees what a pass has put together: the next one puts together the shards as they are then."""
    if processes() > 1:
        from torch.distributed.fsdp import FSDPModule

        for part in module.modules():
            if isinstance(part, FSDPModule):
                part.reshard()


def is_sharded(value: Any) -> bool:
    """Whether a tensor is one of shards."""
    return hasattr(value, "full_tensor")


def is_finite(value: Tensor) -> bool:
    """Whether what this process holds of a tensor is finite."""
    own = value.to_local() if is_sharded(value) else value  # type: ignore[attr-defined]
    return not own.is_floating_point() or bool(own.isfinite().all())


def whole(state: Any) -> Any:
    """A tensor, or each tensor of a state, with its shards put together. All processes have to ask for it."""
    if isinstance(state, Tensor):
        return state.full_tensor() if is_sharded(state) else state  # type: ignore[attr-defined]
    if not any(is_sharded(value) for value in tree_leaves(state)):
        return state

    def to_cpu(value: Any) -> Any:
        if not is_sharded(value):
            return value
        full = value.full_tensor()
        return full.cpu() if is_first() else None  # the memory of a machine has room for one copy

    return tree_map(to_cpu, state)


def load(part: Any, state: Any) -> None:
    """`part.load_state_dict`, where its parameters may be sharded and the state is whole."""
    if isinstance(part, nn.Module):
        own = part.state_dict()
        state = {name: like(value, own.get(name)) for name, value in state.items()}
    if isinstance(part, Optimizer):
        trained = trained_by(part)
        kept = {
            number: {name: like(value, trained[number]) for name, value in values.items()}
            for number, values in state["state"].items()
        }
        state = {**state, "state": kept}
    part.load_state_dict(state)


def like(value: Any, target: Any) -> Any:
    """A tensor in the shards of another one of its shape; anything else as it is."""
    if is_sharded(value) or not is_sharded(target):
        return value
    if not isinstance(value, Tensor) or value.shape != target.shape:
        return value
    from torch.distributed.tensor import distribute_tensor

    # every process has read the whole: none has to send anything
    return distribute_tensor(value, target.device_mesh, target.placements, src_data_rank=None)
