"""What a component says of itself: its docstring and its signature, read by `ast`, never imported.

So the catalogue needs no torch, and no component is ever run by the tool.
"""

import ast
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Setting:
    """A keyword that a config may give: `gamma: float = 2.0`, and what it means."""

    name: str
    type: str
    default: str
    meaning: str = ""


def first_line(code: str) -> str:
    """The first line of the module's docstring, without its full stop."""
    docstring = ast.get_docstring(ast.parse(code)) or ""
    return docstring.partition("\n")[0].strip().rstrip(".")


def symbol_of(entry: str) -> str:
    """What an entry names: `FocalLoss, gamma=2.0` -> `FocalLoss`."""
    return entry.partition(",")[0].strip()


def settings_of(code: str, symbol: str) -> tuple[Setting, ...]:
    """The settings of a class or function: what its signature gives a default.

    What has none (`in_channels`, `total_steps`) is filled in from the data or by the loop.
    """
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == symbol:
            docstring = ast.get_docstring(node) or ""
            function = _constructor(node) if isinstance(node, ast.ClassDef) else node
            return _with_defaults(function.args, _meanings(docstring)) if function else ()
    return ()


def settings_in(entry: str) -> tuple[Setting, ...]:
    """The settings that an entry itself states; all that is known of torch's own classes here."""
    call = ast.parse(f"partial({entry})", mode="eval").body
    assert isinstance(call, ast.Call)
    return tuple(
        Setting(keyword.arg, _type_of(keyword.value), ast.unparse(keyword.value))
        for keyword in call.keywords
        if keyword.arg
    )


def _constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            return inner
    return None


def _with_defaults(arguments: ast.arguments, meanings: dict[str, str]) -> tuple[Setting, ...]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    pairs = [*zip(positional, defaults, strict=True)]
    pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return tuple(
        Setting(
            name=argument.arg,
            type=ast.unparse(argument.annotation) if argument.annotation else _type_of(default),
            default=ast.unparse(default),
            meaning=meanings.get(argument.arg, ""),
        )
        for argument, default in pairs
        if default is not None
    )


def _meanings(docstring: str) -> dict[str, str]:
    """The lines `name: what it means` of a docstring, each with the deeper lines below it."""
    found = re.findall(r"^(\w+): +(.+(?:\n[ \t]+.+)*)", docstring, re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in found}


def _type_of(value: ast.expr) -> str:
    try:
        return type(ast.literal_eval(value)).__name__
    except ValueError:
        return ""
