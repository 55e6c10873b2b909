"""How a mistake of the user's is told: one sentence on standard error and exit code 2, no traceback.

The environment variable TRACEBACK=1 shows it after all: for a ValueError of a component of your own.
"""

import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .settings import did_you_mean

WORDED = (ValueError, OSError, ImportError)
PACKAGE = Path(__file__).resolve().parent
# what a process that loads data puts around the message of its error
FROM_WORKER = re.compile(r"Caught \w+ in DataLoader worker.*\n[\w.]+: ", re.DOTALL)


class ReadingError(ValueError):
    """What a data set raised while a batch was read, in this process or in another that loads data.

    row: of the sample, where it is known
    """

    def __init__(self, error: Exception, row: int | None = None) -> None:
        told = FROM_WORKER.sub("", str(error)).strip()
        if not isinstance(error, WORDED):  # a KeyError, for one, says no more than its key
            told = f"{type(error).__name__}: {told}"
        super().__init__(told if row is None else f"sample {row}: {told}")


@contextmanager
def told_plainly(errors: tuple[type[Exception], ...] = WORDED) -> Iterator[None]:
    """Around reading what the user gave (arguments, configs, data): its errors are worded already."""
    try:
        yield
    except errors as error:
        if os.environ.get("TRACEBACK"):
            raise
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename).resolve().parent
        worded = raised_in in (PACKAGE, PACKAGE / "readers", PACKAGE / "tools")
        if isinstance(error, ReadingError):
            worded = isinstance(error.__cause__, WORDED)
        hint = "" if worded else " (TRACEBACK=1 shows where)"
        print(f"error: {error}{hint}", file=sys.stderr)
        raise SystemExit(2) from error


def mistake_in(path: Path, error: Exception, known: Sequence[str]) -> str:
    """What is wrong in a config file, or in a file that it imports, and where; `known` are the fields of a config."""
    if isinstance(error, SyntaxError):
        where, what = (error.filename, error.lineno), f"{error.msg}"
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if of_the_user(f, path)]
        where = (frames[-1].filename, frames[-1].lineno) if frames else (None, None)
        what = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    if unknown := re.search(r"Config\.__init__\(\) got an unexpected keyword .*'(\w+)'", what):
        what = f"a config has no field {unknown[1]!r}." + did_you_mean(unknown[1], known)
    file, line = where
    if not file:
        return f"{path}: {what}"
    short = Path(file).relative_to(Path.cwd()) if Path(file).is_relative_to(Path.cwd()) else file
    return f"{short}, line {line}: {what}"


def of_the_user(frame: traceback.FrameSummary, path: Path) -> bool:
    """Whether a line stands beside the config file or in the package, without the file that reads configs."""
    file = Path(frame.filename).resolve()
    inside = any(file.is_relative_to(folder) for folder in (path.resolve().parent, PACKAGE))
    return inside and "site-packages" not in file.parts and file != PACKAGE / "config.py"
