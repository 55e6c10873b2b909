"""A checkpoint of a sharded model: what is in shards is taken out of it before it is saved, and put back when it is read.

The shards go to files of their own, which any number of processes can read: see shard_files.py.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .optim import trained_by
from .shard_files import read_shards
from .sharding import is_sharded


def take_out(state: dict[str, Any], shards: dict[str, Tensor], prefix: str = "") -> dict[str, Any]:
    """The state with a tensor without memory (`meta`) in place of each sharded one, which goes to `shards` under its path."""
    rest = copy.copy(state)  # with what a state dict notes of the versions of its modules
    for key, value in state.items():
        if isinstance(value, dict):
            rest[key] = take_out(value, shards, f"{prefix}{key}.")
        elif is_sharded(value):
            shards[f"{prefix}{key}"] = value
            rest[key] = torch.empty(value.shape, dtype=value.dtype, device="meta")
    return rest


def taken_out(state: dict[Any, Any], prefix: str = "") -> Iterator[tuple[str, dict[Any, Any], Any]]:
    """The path of each tensor that was taken out, and the dictionary and the key where it was."""
    for key, value in state.items():
        if isinstance(value, dict):
            yield from taken_out(value, f"{prefix}{key}.")
        elif isinstance(value, Tensor) and value.is_meta:
            yield f"{prefix}{key}", state, key


def put_back(payload: dict[str, Any], run_path: Path, parts: dict[str, Any]) -> None:
    """Reads what was taken out of a checkpoint: the shards of this process where these parts are sharded, else the whole."""
    if "shards" not in payload:
        return
    own, tensors = counterparts(parts), {}
    for path, owner, key in taken_out(payload):
        # what an optimizer knows of a parameter is in shards as the parameter is
        like: Any = own.get(path, own.get(path.rpartition(".")[0]))
        if not is_sharded(like) or like.shape != owner[key].shape:
            like = torch.empty(owner[key].shape)
        tensors[path] = owner[key] = torch.empty_like(like, dtype=owner[key].dtype)
    read_shards(run_path, payload["shards"], tensors)


def counterparts(parts: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors of this run by their paths, and parameters by the path of what an optimizer knows of them."""
    found: dict[str, Tensor] = {}
    for name, part in parts.items():
        if isinstance(part, nn.Module):
            found |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
        if isinstance(part, Optimizer):
            trained = trained_by(part)
            found |= {f"{name}.state.{number}": p for number, p in enumerate(trained)}
    return found
