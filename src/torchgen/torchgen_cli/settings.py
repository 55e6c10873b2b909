"""Settings that were typed: `--gamma 3.0` becomes `gamma=3.0` in a config."""

import ast
import json
import keyword
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from torchgen_cli.catalogue import Component
from torchgen_cli.errors import RequestError
from torchgen_cli.signatures import Setting

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e-?\d+)?")
NUMBERS = {"float": (float, int), "int": (int,), "bool": (bool,)}


def checked(component: Component, given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Settings as Python text; those of our own code are checked against its signature."""
    known = {setting.name: setting for setting in component.settings}
    found = []
    for option, text in given.items():
        name = option.replace("-", "_")
        # of torch's own classes the catalogue knows the settings in the entry, and no others
        if name not in known and (component.file or not name.isidentifier()):
            close = get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            listed = ", ".join(known) or "none"
            raise RequestError(
                f"{component.name} has no setting {name!r}.{hint} Settings: {listed}.",
                f"torchgen show {component.kind} {component.name}",
            )
        found.append((name, _python(component.name, name, text, known.get(name))))
    return tuple(found)


def config_name(name: str) -> str:
    """The name of a config, which is a module that other configs can import."""
    if keyword.iskeyword(name):
        message = f"A config cannot be called {name!r}: that is a word of Python."
        raise RequestError(message, f"--as {name}_2")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
        message = f"A config cannot be called {name!r}: it takes lower-case letters, digits and _."
        raise RequestError(message, "--as hard_focal")
    if name == "baseline":
        message = "configs/baseline.py is changed by `torchgen set`."
        raise RequestError(message, "torchgen set KIND NAME")
    return name


def _python(component: str, name: str, text: str, setting: Setting | None) -> str:
    """The value as it stands in a config; a bare word is a string."""
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = {"true": True, "false": False, "none": None}.get(text.lower(), text)
    if setting and (types := NUMBERS.get(setting.type)):
        fits = isinstance(value, types) and isinstance(value, bool) == (setting.type == "bool")
        if not fits:
            example = setting.default
            message = f"{component}: {name} takes {setting.type} such as {example}, not {text!r}."
            raise RequestError(message)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return text if NUMBER.fullmatch(text) else repr(value)


def split(words: list[str], flags: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """`focal --gamma 3.0 --alpha=0.25` -> the names, and the settings by name.

    flags: what else begins with dashes and was perhaps meant
    """
    names: list[str] = []
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            names.append(word)
            continue
        if not word.startswith("--"):
            raise RequestError(f"No such option: {word}.", "torchgen add --help")
        name, equals, text = word.removeprefix("--").partition("=")
        value = text if equals else next(rest, None)
        if value is None or not name:
            close = get_close_matches(word, flags, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise RequestError(f"{word} has no value.{hint}", close[0] if close else f"{word} 3.0")
        given[name] = value
    return names, given
