"""A process of several ends as it should, however late the threads are that work for it."""

import os
import subprocess
import sys

import pytest
import torch

ONE_OF_ONE = {
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
ENDING = """
import sys
import time
import torch
from digits import distributed

class Clock:
    def sleep(seconds):
        print("waits", seconds)
        time.sleep(seconds)

distributed.time = Clock
with distributed.joined():
    torch.distributed.all_reduce(torch.ones(3))
    {end}
"""


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="needs torch.distributed")
@pytest.mark.parametrize(("end", "code"), [("pass", 0), ("sys.exit(143)", 143)])
def test_it_waits_for_late_threads(end, code):
    """Without the wait a thread of gloo that still held a tensor aborted 23 of 30 processes, when such threads had the lowest priority."""
    process = subprocess.run(
        [sys.executable, "-c", ENDING.format(end=end)],
        env=os.environ | ONE_OF_ONE,
        capture_output=True,
        text=True,
    )
    assert process.returncode == code, process.stderr
    assert process.stdout == "waits 0.5\n"
