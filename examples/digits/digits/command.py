"""The command line of a training: its config, and the run that it begins or goes on with."""

import argparse
from pathlib import Path

from .beginning import begun
from .config import Config, describe, load
from .continuing import resumed
from .distributed import from_first
from .errors import told_plainly
from .run import Run


def read_command() -> tuple[Config, Run]:
    """What to train, and the folder to train it in; a mistake ends here, and so does a training that is complete."""
    parser = argparse.ArgumentParser(f"python -m {__package__}.train", description="Train a model.")
    parser.add_argument("config", type=Path, help="a config file, such as configs/baseline.py")
    parser.add_argument("changes", nargs="*", metavar="key=value", help="such as optimizer.lr=3e-4")
    parser.add_argument("--name", help="of the folder in runs/; the config's name by default")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--fresh", action="store_true", help="do not go on with an unfinished run")
    which.add_argument("--resume", action="store_true", help="go on with it under these settings")
    options = parser.parse_intermixed_args()
    with told_plainly():
        config = load(options.config, options.changes)
        name = options.name or options.config.stem
        if options.resume:
            return config, from_first(resumed, name, config)
        run = from_first(begun, name, describe(config), fresh=options.fresh)
    if run.report_file.exists():
        print(f"{run.path} is complete; --fresh trains it once more")
        raise SystemExit(0)
    return config, run
