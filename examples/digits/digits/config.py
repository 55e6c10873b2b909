"""What a run is made of; how a config file is read and how `key=value` changes it.

A part of a run is chosen by importing it, and its settings stand beside it: `loss=partial(FocalLoss, gamma=2.0)`. Nothing is built until
the run has been seeded, and every setting is checked before anything is.
"""

import ast
import runpy
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from .errors import mistake_in
from .settings import check_settings, check_type, describe_part, did_you_mean, settings_of


@dataclass(frozen=True)
class Config:
    """A run. `steps` are optimizer steps; None means that the run decides."""

    task: Callable[..., Any]
    model: Callable[..., Any]
    loss: Callable[..., Any]
    optimizer: Callable[..., Any]
    scheduler: Callable[..., Any]
    averaging: Callable[..., Any] | None = None  # of the weights that are evaluated and saved
    precision: str = "auto"  # auto, fp32, tf32, bf16 or fp16
    trackers: tuple[Callable[..., Any], ...] = ()
    epochs: int = 20
    batch_size: int = 64  # samples an optimizer step
    micro_batches: int = 1  # parts of a batch that are computed one after the other; same gradient
    max_grad_norm: float | None = 1.0
    max_skipped_steps: int = 0  # in a row, for gradients that are not finite, before the run stops
    seed: int = 0
    device: str = "auto"
    workers: int | None = None  # processes that load data; None: none for data in memory
    parallel: str = "ddp"  # torchrun: copies of the model; or its shards, "fsdp" or "hsdp"
    compile: bool = False
    deterministic: bool = False  # on a GPU the same to the bit, or an error; slower
    log_steps: int = 10
    evaluate_steps: int | None = None  # None: once an epoch; each saves a checkpoint
    keep_checkpoints: int = 2  # the last one and those before it
    start_from: str | None = None  # a checkpoint whose weights to start from; its head may differ
    freeze: tuple[str, ...] = ()  # parameters whose names begin so are not trained

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch_size": 1, "micro_batches": 1, "log_steps": 1, "seed": 0}
        least |= {"max_skipped_steps": 0, "evaluate_steps": 1, "keep_checkpoints": 1, "workers": 0}
        for name, minimum in least.items():
            value = getattr(self, name)
            if value is None and name in ("evaluate_steps", "workers"):
                continue
            if not isinstance(value, int) or value < minimum:
                raise ValueError(f"{name} is a whole number from {minimum} up, not {value!r}")
        if self.max_grad_norm is not None and self.max_grad_norm <= 0:
            raise ValueError(
                f"max_grad_norm must be above 0, or None for no limit, not {self.max_grad_norm}"
            )
        if self.parallel not in ("ddp", "fsdp", "hsdp"):
            raise ValueError(f"parallel={self.parallel} is not known. There is: ddp, fsdp, hsdp.")
        if self.micro_batches > self.batch_size:
            raise ValueError(
                f"micro_batches={self.micro_batches} cannot cut a batch of {self.batch_size}"
            )


PARTS = ("task", "model", "loss", "optimizer", "scheduler")


def parts_in(config: Config) -> tuple[str, ...]:
    """The names of the parts that a config has."""
    return PARTS if config.averaging is None else (*PARTS, "averaging")


def load(path: str | Path, overrides: Iterable[str] = ()) -> Config:
    """The `config` of a Python file, changed by `key=value` texts such as `optimizer.lr=3e-4`."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no config file {path}; see the folder configs/")
    sys.path.insert(0, str(Path(path).resolve().parent.parent))  # configs import one another
    try:
        config = runpy.run_path(str(path)).get("config")
    except Exception as error:  # a config is a program, and may fail as any other
        known = [field.name for field in fields(Config)]
        raise ValueError(mistake_in(Path(path), error, known)) from error
    finally:
        sys.path.pop(0)
    if not isinstance(config, Config):
        raise ValueError(f"{path} must define `config = Config(...)`")
    for text in overrides:
        config = override(config, text)
    for name in parts_in(config):
        check_settings(name, getattr(config, name))
    for tracker in config.trackers:
        check_settings("tracker", tracker)
    return config


def override(config: Config, text: str) -> Config:
    """The config with one `key=value` or `part.setting=value` applied."""
    key, equals, value_text = text.partition("=")
    if not equals:
        raise ValueError(f"{text!r} is not key=value, for example optimizer.lr=3e-4")
    name, dot, setting = key.partition(".")
    parts = parts_in(config)
    known = [field.name for field in fields(Config)]
    if name not in known:
        nested = [f"{part}.{key}" for part in parts if key in settings_of(getattr(config, part))]
        raise ValueError(f"a config has no {name!r}." + did_you_mean(name, known, nested))
    value = parse(value_text)
    current = getattr(config, name)
    if dot and name in parts:
        changed = partial(current, **{setting: value})
        check_settings(name, changed)
        defaults = settings_of(current)
        if setting not in defaults:
            raise ValueError(f"{key} is no setting: the run fills it in")
        check_type(key, value, defaults[setting])
        return replace(config, **{name: changed})  # type: ignore[arg-type]
    if dot:
        raise ValueError(f"{name} has no settings of its own; {', '.join(parts)} have")
    if name in (*parts, "averaging", "trackers"):
        hint = f"; here its settings can be changed: {name}.NAME=VALUE" if name in parts else ""
        raise ValueError(f"{name} is chosen by importing it in a config file{hint}")
    check_type(key, value, current)
    return replace(config, **{name: value})


def parse(text: str) -> Any:
    """A Python literal where it is one (3e-4, None, (1, 2)), the text itself otherwise."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return {"true": True, "false": False}.get(text, text)


def describe(config: Config) -> dict[str, Any]:
    """The whole config in plain types: for files, for comparison, and to rebuild its parts from."""
    plain: dict[str, Any] = {}
    for field in fields(config):
        value = getattr(config, field.name)
        plain[field.name] = describe_part(value) if field.name in parts_in(config) else value
    plain["trackers"] = [describe_part(tracker) for tracker in config.trackers]
    return plain
