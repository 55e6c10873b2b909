"""Three texts into one: what torchgen changed from `old` to `new`, applied to what is yours.

Line ends, a byte-order mark and a missing final newline are no part of a text: the result has
yours. git merges, in a temporary folder of our own; where there is no git, only texts that both
sides changed remain undone.
"""

import ast
import inspect
import io
import tempfile
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from pathlib import Path

from torchgen_cli import git

BOM = "\ufeff"
OPENING, CLOSING = "<<<<<<< ", ">>>>>>> "
NO_NEWLINE = "\\ No newline at end of file\n"


@dataclass(frozen=True)
class Text:
    """A file's text with plain line ends, and what to put back when it is written."""

    plain: str
    mark: str = ""
    end: str = "\n"
    final: bool = True

    @classmethod
    def of(cls, content: bytes) -> "Text | None":
        """None for what is no text: it is never merged."""
        if b"\0" in content:
            return None
        try:
            plain = content.decode("utf-8")
        except UnicodeDecodeError:
            return None
        mark = BOM if plain.startswith(BOM) else ""
        plain = plain.removeprefix(BOM)
        # a file with both kinds of line ends is merged as it is
        lines = plain.count("\n")
        end = "\r\n" if lines and plain.count("\r\n") == lines else "\n"
        plain = plain.replace("\r\n", "\n") if end == "\r\n" else plain
        final = not plain or plain.endswith("\n")
        return cls(plain if final else plain + "\n", mark, end, final)

    def with_plain(self, plain: str) -> bytes:
        """Another text in this one's form."""
        if not self.final:
            plain = plain.removesuffix("\n")
        return (self.mark + plain.replace("\n", self.end)).encode()


@dataclass(frozen=True)
class Merged:
    """conflicts: the lines, from 1 on, at which somebody has to choose"""

    text: str
    conflicts: tuple[int, ...] = ()


def merged(old: str, yours: str, new: str, labels: Sequence[str]) -> Merged | None:
    """The three-way merge; None where git is needed and not there.

    labels: what the conflict markers call yours, old and new
    """
    if yours in (old, new):
        return Merged(new)
    if old == new:
        return Merged(yours)
    result = merge_file(old, yours, new, labels)
    if result and result.conflicts and only_formatted(old, yours):
        return Merged(new)  # a formatter wrote those lines, nobody else
    return result


def merge_file(old: str, yours: str, new: str, labels: Sequence[str]) -> Merged | None:
    if not git.is_installed():
        return None
    with tempfile.TemporaryDirectory(prefix="torchgen-") as name:
        folder = Path(name)
        for file, text in (("yours", yours), ("old", old), ("new", new)):
            (folder / file).write_bytes(text.encode())
        titles = [word for label in labels for word in ("-L", label)]
        done = git.run(folder, "merge-file", "-p", "--diff3", *titles, "yours", "old", "new")
        # the exit status counts the conflicts, up to 127; above that it is an error
        if done.returncode > 127:
            return None
    text = done.stdout.decode()
    return Merged(text, markers(text) if done.returncode else ())


def markers(text: str) -> tuple[int, ...]:
    """The lines at which conflicts begin, numbered from 1."""
    lines = text.split("\n")
    closed = any(line.startswith(CLOSING) for line in lines)
    return tuple(n for n, line in enumerate(lines, 1) if closed and line.startswith(OPENING))


def same(one: str, other: str, path: str) -> bool:
    """Whether two texts differ in nothing but what a formatter does: line breaks, commas, quotes."""
    return one == other or (path.endswith(".py") and only_formatted(one, other))


def only_formatted(one: str, other: str) -> bool:
    """Whether two Python texts have the same syntax tree and the same comments."""
    try:
        return _essence(one) == _essence(other)
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError):
        return False


def _essence(code: str) -> tuple[str, list[str]]:
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    tree = ast.parse(code)
    for node in ast.walk(tree):
        match getattr(node, "body", None):
            case [ast.Expr(ast.Constant(str(text)) as docstring), *_]:
                # a formatter indents a docstring anew
                lines = inspect.cleandoc(text).split("\n")
                docstring.value = "\n".join(line.rstrip() for line in lines)
    return ast.dump(tree), comments


def closest(yours: str, candidates: Sequence[str]) -> str:
    """The candidate that a text was most likely made from; the last of those that are alike."""
    if yours in candidates:
        return yours
    ranked = [
        (SequenceMatcher(None, candidate.split("\n"), yours.split("\n"), False).ratio(), number)
        for number, candidate in enumerate(candidates)
    ]
    return candidates[max(ranked)[1]]


def diff(before: str, after: str, path: str) -> str:
    """A unified diff that `git apply` and `patch -p1` take; empty for equal texts."""
    lines = unified_diff(_lines(before), _lines(after), f"a/{path}", f"b/{path}")
    ended = (line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in lines)
    return "".join(ended)


def _lines(text: str) -> list[str]:
    *whole, rest = text.split("\n")
    return [f"{line}\n" for line in whole] + ([rest] if rest else [])
