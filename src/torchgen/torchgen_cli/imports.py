"""Who imports a module: read from the project's files, of which none is run."""

import ast
from collections.abc import Iterable
from pathlib import Path

from torchgen_cli.difference import own_python
from torchgen_cli.merge import Text


def importers(project: Path, gone: Iterable[str]) -> list[tuple[str, str]]:
    """The files that import a module which is to be deleted, each with the module."""
    gone = set(gone)
    modules = {path[:-3].replace("/", ".") for path in gone if path.endswith(".py")}
    found = []
    for path in sorted(own_python(project)):
        if path not in gone:
            text = Text.of((project / path).read_bytes())
            code = text.plain if text else ""
            # parsing takes long, and whoever imports a module writes its name
            named = any(module.rpartition(".")[2] in code for module in modules)
            used = _imported(code, path) & modules if named else set()
            found += [(path, module) for module in sorted(used)]
    return found


def _imported(code: str, path: str) -> set[str]:
    """All that a file may import, relative imports resolved."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = path.split("/")[: -node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found
