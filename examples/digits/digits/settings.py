"""The settings of a part of a run (a class, a function, or a `partial` of one): read, checked, written down, rebuilt."""

import difflib
import importlib
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

PLAIN = (bool, int, float, str, tuple, list, type(None))


def check_type(key: str, value: Any, default: Any) -> None:
    """Raises where a value cannot take the place of its default."""
    if default is None or value is None:
        return
    allowed = (int, float) if type(default) is float else type(default)
    if not isinstance(value, allowed) or (isinstance(value, bool) and type(default) is not bool):
        raise ValueError(f"{key} takes {type(default).__name__} such as {default!r}, not {value!r}")


def settings_of(part: Callable[..., Any]) -> dict[str, Any]:
    """The settings of a part with the values that they have now."""
    parameters = inspect.signature(part).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def check_settings(name: str, part: Any) -> None:
    """Raises where a part is given a setting that it does not have."""
    if not callable(part):
        raise ValueError(f"{name} must be a class or function or a partial of one, not {part!r}")
    whole = part if isinstance(part, partial) else partial(part)
    title = f"{name} ({whole.func.__name__})"
    if whole.args:
        raise ValueError(f"{title} is given {whole.args[0]!r} without a name: write NAME=VALUE")
    known = list(inspect.signature(whole.func).parameters)
    for setting, value in whole.keywords.items():
        if setting not in known:
            raise ValueError(f"{title} has no setting {setting!r}." + did_you_mean(setting, known))
        if not isinstance(value, PLAIN):  # it could not be written down, nor rebuilt from there
            raise ValueError(f"{title} takes numbers, texts and tuples, not {setting}={value!r}")


def did_you_mean(word: str, known: Sequence[str], better: Sequence[str] = ()) -> str:
    """A hint that ends an error message."""
    close = list(better) or difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else f" There is: {', '.join(known)}."


def describe_part(part: Any) -> dict[str, Any]:
    """`{"use": "package.module:name", setting: value, ...}`."""
    function = part.func if isinstance(part, partial) else part
    settings = {k: v for k, v in settings_of(part).items() if isinstance(v, PLAIN)}
    return {"use": f"{function.__module__}:{function.__qualname__}", **settings}


def rebuild_part(described: dict[str, Any]) -> Callable[..., Any]:
    """The inverse of `describe_part`, for classes of this package and of torch.nn alone.

    What a file names is imported and called, and a file may come from anywhere: a function could do anything.
    """
    settings = dict(described)
    module, _, name = settings.pop("use").partition(":")
    ours = module.startswith((f"{__package__}.", "torch.nn."))
    found = getattr(importlib.import_module(module), name, None) if ours else None
    if not isinstance(found, type):
        raise ValueError(
            f"{module}:{name} is no class of {__package__} or torch.nn, so a saved model cannot be "
            f"loaded with it: make it a class in a file of {__package__}"
        )
    return partial(found, **settings)
