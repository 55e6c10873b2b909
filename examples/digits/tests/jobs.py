"""Jobs of several processes, begun before the first test: they have one core while the tests have another."""

import os
import signal
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ("-m", "tests.two_processes")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
SECONDS = 300  # that a job may take

Done = subprocess.CompletedProcess[str]


class Jobs:
    """What test_distributed.py and test_shards.py look at, one job after the other, each on the CPU.

    one: what one process computes, and two: what two do; both in `folder`
    died: two processes one of which dies, started again by torchrun; in `folder / "died"`
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.thread = ThreadPoolExecutor(1)
        self.running: subprocess.Popen[str] | None = None
        self.one = self.begin(*SCRIPT, folder)
        self.two = self.begin(*TORCHRUN, *SCRIPT, folder)
        self.died = self.begin(*TORCHRUN, "--max-restarts=1", *SCRIPT, folder / "died", 1)

    def begin(self, *arguments: object) -> Future[Done]:
        return self.thread.submit(self.run, [sys.executable, *map(str, arguments)])

    def run(self, command: list[str]) -> Done:
        self.running = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that `stop` reaches all of its processes
        )
        try:
            output, errors = self.running.communicate(timeout=SECONDS)
        finally:
            self.kill()  # one that hangs must not take the time of the next
        return subprocess.CompletedProcess(command, self.running.returncode, output, errors)

    def stop(self) -> None:
        """Nobody waits for what is left."""
        self.thread.shutdown(wait=False, cancel_futures=True)
        self.kill()

    def kill(self) -> None:
        if self.running is not None:
            with suppress(ProcessLookupError):  # it is done
                os.killpg(self.running.pid, signal.SIGKILL)


def done(job: Future[Done]) -> Done:
    """What a job has said, when it is over and all went well."""
    process = job.result()
    assert process.returncode == 0, process.stderr
    return process
