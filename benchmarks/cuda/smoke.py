"""Runs generated projects where there is a GPU: `python smoke.py`, in the folder that prepare.py wrote.

Needs Python and torch, numpy and pytest; what else the projects need lies beside this file. For every project its tests on the GPU
(tests/test_cuda.py), and a training of two epochs by the command, from the data to the report. Writes results.md, and ends with 1
where anything failed. Without a GPU the tests are skipped, and the table says so.
"""

import json
import os
import platform
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
AT_ONCE = max(1, (os.cpu_count() or 1) // 2)  # a small project leaves a GPU idle most of the time
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
    folders = sorted(file.parent for file in HERE.glob("*/pyproject.toml"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(tried, folders))
    for outcome in outcomes:
        if outcome.failed:
            print(f"--- {outcome.project}\n{outcome.failed}")
    results = f"{circumstances()}\n\n{HEAD}" + "\n".join(outcome.row for outcome in outcomes) + "\n"
    (HERE / "results.md").write_text(results, encoding="utf-8")
    print(results)
    sys.exit(any(outcome.failed for outcome in outcomes))


def circumstances() -> str:
    """The date, the GPU and the versions, in a line."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    cuda = f", CUDA {torch.version.cuda}" if torch.version.cuda else ""
    versions = f"torch {torch.__version__}{cuda}, Python {platform.python_version()}"
    return f"{datetime.now(UTC):%Y-%m-%d}: {gpu}, {versions}."


def tried(folder: Path) -> Outcome:
    """One project: its tests on the GPU, then a short training."""
    start = time.perf_counter()
    tests, told = run(folder, "pytest", "-q", "-p", "no:cacheprovider", "-rs", "tests/test_cuda.py")
    counts = told.strip().splitlines()[-1].strip("= ")
    package = next(file.parent.name for file in folder.glob("*/train.py"))
    command = [f"{package}.train", "configs/baseline.py", "epochs=2", "--fresh"]
    training, printed = run(folder, *command)
    failed = (told if tests else "") + (printed if training else "")
    return Outcome(
        folder.name,
        re.sub(r" in [\d.]+s.*", "", counts),
        "failed" if training else figure_of(folder),
        time.perf_counter() - start,
        failed,
    )


def run(folder: Path, *module: str) -> tuple[int, str]:
    """`python -m` in a folder: the exit code and what was printed."""
    paths = os.pathsep.join(filter(None, [str(HERE / "packages"), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def figure_of(folder: Path) -> str:
    """The first figure of the newest run's report but the loss, which says little of another one."""
    report = max(folder.glob("runs/*/report.json"), key=lambda file: file.stat().st_mtime)
    best = json.loads(report.read_text())["best"]
    name = next(name for name in best if name != "loss")
    return f"{name} {best[name]:.3f}"


if __name__ == "__main__":
    main()
