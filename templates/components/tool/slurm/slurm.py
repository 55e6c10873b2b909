"""Writes a job for Slurm: it is queued again when its time is over, and goes on.

    python -m <package>.tools.slurm configs/baseline.py --nodes 2 --gpus 8 --time 24:00:00 > job.sh
    sbatch job.sh

Slurm sends SIGTERM some time before the end. The job hands it on, every process stops after the same step, the first one saves, and
the job is queued again: the same command goes on from there. One that fails by itself is not.
"""

import argparse
import shlex
import sys
from pathlib import Path

from ..config import load
from ..errors import told_plainly

PACKAGE = __package__.rpartition(".")[0]
SCRIPT = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --nodes={nodes} --ntasks-per-node=1 --cpus-per-task={cpus}{gpus}
#SBATCH --time={time} --signal=B:TERM@{grace} --requeue --open-mode=append

asked=
trap 'asked=yes; kill -TERM "$training"' TERM
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun {command} &
training=$!
wait "$training"; code=$?
if [ "$asked" ]; then
    wait "$training"; code=$?  # the first wait ended with the signal
    [ "$code" = 0 ] || scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
"""


def script(
    config: Path,
    changes: list[str],
    *,
    nodes: int = 1,
    gpus: int = 1,
    cpus: int = 8,
    time: str = "24:00:00",
    grace: int = 120,
) -> str:
    """The text of a job.

    gpus: on every node, each with a process of its own; 0: one process a node, on its CPU
    cpus: on every node
    grace: how many seconds before the end of its time the job is asked to stop
    """
    torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={nodes}"]
    torchrun += [f"--nproc-per-node={max(gpus, 1)}", "--rdzv-backend=c10d"]
    training = ["-m", f"{PACKAGE}.train", config.as_posix(), *changes]
    meeting = '--rdzv-id="$SLURM_JOB_ID" --rdzv-endpoint="$first:29500"'
    return SCRIPT.format(
        name=shlex.quote(config.stem),
        nodes=nodes,
        cpus=cpus,
        gpus=f" --gpus-per-node={gpus}" if gpus else "",
        time=time,
        grace=grace,
        command=f"{shlex.join(torchrun)} {meeting} {shlex.join(training)}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.slurm", description="Print a job for Slurm."
    )
    parser.add_argument("config", type=Path, help="a config file, such as configs/baseline.py")
    parser.add_argument("changes", nargs="*", metavar="key=value", help="such as optimizer.lr=3e-4")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--gpus", type=int, default=1, help="on every node; 0: its CPU")
    parser.add_argument("--cpus", type=int, default=8, help="on every node")
    parser.add_argument("--time", default="24:00:00", help="after which it is queued again")
    parser.add_argument("--grace", type=int, default=120, help="seconds to save in")
    options = vars(parser.parse_intermixed_args())
    with told_plainly():
        load(options["config"], options["changes"])  # a mistake is told here, not hours later
    print(script(**options), end="")


if __name__ == "__main__":
    main()
