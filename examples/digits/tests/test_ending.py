"""A process of several ends as it should, however late the threads are that work for it."""

import os
import subprocess
import sys

import pytest
import torch

ALONE = {
    "RANK": "0",
    "LOCAL_RANK": "0",
    "WORLD_SIZE": "1",
    "GROUP_WORLD_SIZE": "1",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "0",
    "TORCHELASTIC_RUN_ID": "test",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "CUDA_VISIBLE_DEVICES": "",
}
LATE = """
import builtins, os
import torch
from digits.distributed import joined

with joined():
    builtins.kept = torch.distributed.group.WORLD  # as caches of torch keep it, and so its threads
    for task in map(int, os.listdir("/proc/self/task")):
        os.sched_setaffinity(task, {min(os.sched_getaffinity(0))})
        if task != os.getpid():
            os.sched_setscheduler(task, os.SCHED_IDLE, os.sched_param(0))
    for _ in range(50):
        torch.distributed.all_reduce(torch.ones(100_000))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not (torch.distributed.is_available() and hasattr(os, "SCHED_IDLE")),
    reason="needs torch.distributed, and threads that can be slowed down as on Linux",
)
def test_late_threads_do_not_abort_it():
    """They need Python's lock to let go of a tensor, and abort the process where Python is already gone."""
    for _ in range(2):  # without the pause most of them are aborted
        process = subprocess.run(
            [sys.executable, "-c", LATE], env=os.environ | ALONE, capture_output=True, text=True
        )
        assert process.returncode == 0, process.stderr
