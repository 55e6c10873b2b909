"""What importing copier costs, by the packages that it imports."""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping

from environments import Installed

FIRST = "torchgen_cli.cli"  # what it has imported already is not copier's to pay for
STANDARD = "the standard library"


def seconds_by_package(torchgen: Installed, environment: Mapping[str, str]) -> dict[str, float]:
    """Seconds that each package's own modules take, the most expensive first.

    Taken by `python -X importtime`, which slows imports down a little: read them as shares.
    """
    command = [str(torchgen.python), "-X", "importtime", "-c", f"import {FIRST}; import copier"]
    report = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stderr
    taken: Counter[str] = Counter()
    counting = False
    for line in report.splitlines():
        own, _, name = (part.strip() for part in line.removeprefix("import time:").split("|"))
        if counting:
            top = name.partition(".")[0]
            taken[STANDARD if top in sys.stdlib_module_names else top] += int(own)
        counting = counting or name == FIRST
    return {name: microseconds / 1e6 for name, microseconds in taken.most_common()}
