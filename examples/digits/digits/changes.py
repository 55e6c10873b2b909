"""What differs between the config that a run was begun with and another one, and what of it may change as the run goes on."""

from collections.abc import Iterable
from typing import Any

FREE = {
    *("precision", "device", "workers", "parallel", "compile", "deterministic", "micro_batches"),
    *("log_steps", "evaluate_steps", "keep_checkpoints", "trackers", "max_grad_norm"),
    *("max_skipped_steps", "epochs"),
    "task.source",  # the same data may lie elsewhere
}

NOWHERE = object()  # None is a value


def changes(old: Any, new: Any, name: str = "") -> list[str]:
    """A text a setting: `optimizer.lr: 0.001 -> 0.0003`; of a part that was replaced, the part alone."""
    both = isinstance(old, dict) and isinstance(new, dict)
    if both and old.get("use") == new.get("use"):
        return [
            text
            for key in dict.fromkeys([*old, *new])
            for text in changes(
                old.get(key, NOWHERE), new.get(key, NOWHERE), f"{name}.{key}".lstrip(".")
            )
        ]
    return [] if old == new else [f"{name}: {told(old)} -> {told(new)}"]


def bound(different: Iterable[str]) -> list[str]:
    """Those of the changes that no run can go on with: its checkpoint holds what the setting was for."""
    return [change for change in different if change.partition(":")[0] not in FREE]


def told(value: Any) -> str:
    """A value as one would say it: a part by its name."""
    if value is NOWHERE:
        return "nothing"
    if isinstance(value, dict) and "use" in value:
        return str(value["use"]).rpartition(":")[2]
    return repr(value)
