"""The folder of a run: what was run, with what, and what came of it.

config.json       the whole config, defaults included
run.json          command, versions, seed, git commit
uncommitted.diff  what the commit does not hold
metrics.jsonl     a record a line, written as the run goes; metrics.csv: the same as a table, at the end
last.pt, best.pt  checkpoints to go on from
model.pt          the best weights, with all that evaluate and predict need
report.json       the final figures; the run is complete
"""

import csv
import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path("runs")


class Run:
    """One folder of `runs/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last_file, self.best_file = path / "last.pt", path / "best.pt"
        self.model_file, self.report_file = path / "model.pt", path / "report.json"
        self.metrics_file = path / "metrics.jsonl"
        self.trackers: list[Any] = []

    @classmethod
    def existing(cls, path: Path) -> "Run":
        """A run that has a model to load."""
        run = cls(path)
        if not run.model_file.is_file():
            known = sorted(str(file.parent) for file in ROOT.glob("*/model.pt"))
            hint = f"There is: {', '.join(known)}." if known else "Train one first."
            raise FileNotFoundError(f"{path} is not a run with a model. {hint}")
        return run

    @classmethod
    def begin(cls, name: str, config: dict[str, Any], *, fresh: bool = False) -> "Run":
        """The unfinished run of this name and config, to go on with; otherwise a new folder."""
        text = json.dumps(config, indent=2) + "\n"
        number = 1
        while (path := ROOT / (name if number == 1 else f"{name}-{number}")).exists():
            run = cls(path)
            same = (path / "config.json").is_file() and (path / "config.json").read_text() == text
            if same and not fresh and not run.report_file.exists():
                return run
            number += 1
        path.mkdir(parents=True)
        (path / "config.json").write_text(text)
        (path / "run.json").write_text(json.dumps(provenance(config["seed"]), indent=2) + "\n")
        if diff := git("diff", "HEAD"):
            (path / "uncommitted.diff").write_text(diff + "\n")
        return cls(path)

    def log(self, record: dict[str, Any]) -> None:
        """Adds a record; a crash loses at most this one and harms none before it."""
        with self.metrics_file.open("a") as file:
            file.write(json.dumps(record) + "\n")
        for tracker in self.trackers:
            tracker.log(record)

    def records(self) -> list[dict[str, Any]]:
        """All records so far, oldest first."""
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    def forget_after(self, step: int) -> None:
        """Drops records of steps that are about to be done again."""
        kept = [record for record in self.records() if record["step"] <= step]
        replace_text(self.metrics_file, "".join(json.dumps(record) + "\n" for record in kept))

    def finish(self, report: dict[str, Any]) -> None:
        """Writes the table and the report, which marks the run as complete."""
        records = self.records()
        columns = dict.fromkeys(key for record in records for key in record)
        with (self.path / "metrics.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)
        replace_text(self.report_file, json.dumps(report, indent=2) + "\n")


def provenance(seed: int) -> dict[str, Any]:
    """What it takes to run the same again."""
    return {
        "command": shlex.join(["python", "-m", f"{__package__}.train", *sys.argv[1:]]),
        "seed": seed,
        "git_commit": git("rev-parse", "HEAD") or None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
    }


def git(*arguments: str) -> str:
    """What git says of this folder; nothing where there is no git, no repository or no commit."""
    try:
        result = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def replace_text(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    os.replace(temporary, path)
