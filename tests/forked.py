"""pytest in a process of its own that need not import torch first: it is forked from one that has.

Thousands of tests of generated projects run in hundreds of processes, and half of their time would be the imports.
"""

import multiprocessing
import os
import sys

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["matplotlib.pyplot", "numpy", "pytest", "torch", "torch._dynamo", "torch.distributed", "tqdm"]
)


def run_pytest(folder, *arguments):
    """The exit code and the output of `python -m pytest` in a folder."""
    log = folder.with_name(f"{folder.name}.log")
    arguments = ["-q", "--no-header", "-p", "no:cacheprovider", *map(str, arguments)]
    process = FORKS.Process(target=become_pytest, args=(folder, arguments, log))
    process.start()
    process.join()
    return process.exitcode, log.read_text(errors="replace")


def become_pytest(folder, arguments, log):
    import pytest

    with log.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    multiprocessing.set_start_method(None, force=True)  # forkserver is our way, not theirs
    os.chdir(folder)
    # our plugins are not theirs
    os.environ.update({"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
    sys.path.insert(0, str(folder))
    sys.exit(pytest.main(arguments))
