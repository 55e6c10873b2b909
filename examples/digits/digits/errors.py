"""How a mistake of the user's is told: one sentence on standard error and exit code 2, no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def told_plainly() -> Iterator[None]:
    """Around reading what the user gave (arguments, configs, data): its errors are worded already."""
    try:
        yield
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from error
