"""What the user reads: data goes to stdout, talk to stderr.

On a terminal tables are cut or wrapped to its width; in a pipe they are whole and plain.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from torchgen_cli.errors import CancelledError, RequestError


def stdout() -> Console:
    return Console(file=sys.stdout, highlight=False, emoji=False, markup=False)


def stderr() -> Console:
    return Console(file=sys.stderr, highlight=False, emoji=False, markup=False)


def print_json(data: dict[str, Any]) -> None:
    print(json.dumps({"schema": 1, **data}, indent=2))


def text(*parts: tuple[str, str] | str) -> Text:
    """Styled text. What a user typed is shown, never obeyed: no escape sequence gets through."""
    assembled = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        assembled.append("".join(c if c.isprintable() else ascii(c)[1:-1] for c in words), style)
    return assembled


def line(console: Console, *parts: tuple[str, str] | str) -> None:
    """One line, whole: a command that is copied has no ends cut off and no breaks put in."""
    whole = text(*parts)
    whole.rstrip()
    console.print(whole, soft_wrap=True)


def rows(
    console: Console, table: Sequence[tuple[str, ...]], styles: Sequence[str], wrap: bool = False
) -> None:
    """Columns as wide as their widest cell, each with a style.

    wrap: on a terminal the last column is wrapped, instead of cut at the width
    """
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*table, strict=True)]
    for cells in table:
        padded = [cell.ljust(width + 2) for cell, width in zip(cells, widths, strict=True)]
        parts = [("  ", ""), *zip(padded, styles, strict=False)]
        if not console.is_terminal:
            line(console, *parts)
        elif wrap:
            console.print(_beside(text(*parts[:-1]), text(parts[-1])))
        else:
            cut = text(*parts)
            cut.rstrip()
            console.print(cut, no_wrap=True, overflow="ellipsis")


def paragraph(console: Console, label: str, sentence: str) -> None:
    """A labelled sentence, wrapped beside its label on a terminal."""
    rows(console, [(label.ljust(8), sentence)], ("dim", ""), wrap=True)


def error(problem: RequestError, as_json: bool) -> None:
    if as_json:
        print_json({"ok": False, "message": problem.message, "fix": list(problem.fixes)})
        return
    console = stderr()
    label = ("", "") if isinstance(problem, CancelledError) else ("error: ", "bold red")
    for sentence in problem.message.splitlines():
        console.print(text(label, sentence), soft_wrap=not console.is_terminal)
        label = ("       ", "")
    for fix in problem.fixes:
        line(console, ("  try: ", "bold"), (fix, "cyan"))


def _beside(left: Text, right: Text) -> Table:
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(left, right)
    return grid
