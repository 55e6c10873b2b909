"""Runs generated projects where there is a GPU, in the folder that prepare.py wrote.

    python smoke.py                                   # all of them
    python smoke.py --only NAME --seconds-a-project 300

Needs Python and torch, numpy and pytest; what else the projects need lies beside this file. For every project its tests on the GPU
(tests/test_cuda.py), and a training of two epochs by the command, from the data to the report. Prints a row and writes results.md as
each project ends, and ends with 1 where anything failed or took too long. Without a GPU the tests are skipped, and the table says so.
"""

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
AT_ONCE = max(1, (os.cpu_count() or 1) // 2)  # a small project leaves a GPU idle most of the time
SECONDS = 900  # that a project may take: the first tests on a GPU compile
HEAD = "| project | tests | training of two epochs | s |\n|---|---|---|---|\n"


@dataclass(frozen=True)
class Outcome:
    """What came of one project."""

    project: str
    tests: str
    training: str
    seconds: float
    failed: str  # the output of what failed; empty where nothing did

    @property
    def row(self) -> str:
        return f"| {self.project} | {self.tests} | {self.training} | {self.seconds:.0f} |"


def main() -> None:
    known = sorted(file.parent.name for file in HERE.glob("*/pyproject.toml"))
    parser = argparse.ArgumentParser(description="Run generated projects where there is a GPU.")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these projects; all by default")
    parser.add_argument(
        "--seconds-a-project",
        type=float,
        default=SECONDS,
        metavar="N",
        help="one that takes longer has failed",
    )
    arguments = parser.parse_args()
    chosen = arguments.only or known
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"there is no project {unknown[0]}; there is: {', '.join(known)}")
    print(f"{circumstances()}\n\n{HEAD}", end="", flush=True)
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = [pool.submit(tried, HERE / name, arguments.seconds_a_project) for name in chosen]
        try:
            for future in as_completed(begun):
                outcomes.append(future.result())
                print(outcomes[-1].row, flush=True)
                write(outcomes)
        finally:  # after Ctrl-C no other project is begun
            pool.shutdown(cancel_futures=True)
    for outcome in outcomes:
        if outcome.failed:
            print(f"--- {outcome.project}\n{outcome.failed}")
    sys.exit(any(outcome.failed for outcome in outcomes))


def write(outcomes: list[Outcome]) -> None:
    """results.md, of the projects that have ended so far."""
    rows = sorted(outcome.row for outcome in outcomes)
    text = f"{circumstances()}\n\n{HEAD}" + "\n".join(rows) + "\n"
    (HERE / "results.md").write_text(text, encoding="utf-8")


def circumstances() -> str:
    """The date, the GPU and the versions, in a line."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    cuda = f", CUDA {torch.version.cuda}" if torch.version.cuda else ""
    versions = f"torch {torch.__version__}{cuda}, Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}: {gpu}, {versions}."


def tried(folder: Path, seconds: float) -> Outcome:
    """One project: its tests on the GPU, then a short training, in so many seconds."""
    start = time.perf_counter()
    end = start + seconds
    command = ["pytest", "-q", "-p", "no:cacheprovider", "-rs", "tests/test_cuda.py"]
    tests, told = run(folder, command, seconds)
    counts = (told.strip().splitlines() or ["no output"])[-1].strip("= ")
    package = next(file.parent.name for file in folder.glob("*/train.py"))
    command = [f"{package}.train", "configs/baseline.py", "epochs=2", "--fresh"]
    training, printed = run(folder, command, end - time.perf_counter())
    failed = (told if tests else "") + (printed if training else "")
    return Outcome(
        folder.name,
        re.sub(r" in [\d.]+s.*", "", counts),
        "failed" if training else figure_of(folder),
        time.perf_counter() - start,
        failed,
    )


def run(folder: Path, module: list[str], seconds: float) -> tuple[int, str]:
    """`python -m` in a folder: the exit code and what was printed; 1 where so many seconds were not enough."""
    paths = os.pathsep.join(filter(None, [str(HERE / "packages"), os.environ.get("PYTHONPATH")]))
    if seconds <= 0:
        return 1, "no time was left\n"
    with tempfile.TemporaryFile(
        "w+", errors="replace"
    ) as output:  # a pipe ends when all that hold it have
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        late = ""
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with the processes that it has started
            process.wait()
            code, late = 1, f"\nnot done after {seconds:.0f} s\n"
        output.seek(0)
        return code, output.read() + late


def figure_of(folder: Path) -> str:
    """The first figure of the newest run's report but the loss, which says little of another one."""
    report = max(folder.glob("runs/*/report.json"), key=lambda file: file.stat().st_mtime)
    best = json.loads(report.read_text())["best"]
    name = next(name for name in best if name != "loss")
    return f"{name} {best[name]:.3f}"


if __name__ == "__main__":
    main()
