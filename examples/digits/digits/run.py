"""The folder of a run: what was run, with what, and what came of it.

config.json       the whole config, defaults included
run.json          command, versions, seed, git commit
uncommitted.diff  what the commit does not hold, for `git apply`
metrics.jsonl     a record a line, written as the run goes; metrics.csv: the same as a table, at the end
last.pt, best.pt  checkpoints to go on from; last.1.pt is the one before, should the last one be damaged
shards/           what belongs to them where the model is in shards
model.pt          the best weights, with all that evaluate and predict need
report.json       the final figures; the run is complete
"""

import csv
import itertools
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .distributed import is_first
from .errors import ReadingError, told_plainly
from .provenance import record_changes
from .storage import replace_text

ROOT = Path("runs")


class Run:
    """One folder of `runs/`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last_file, self.best_file = path / "last.pt", path / "best.pt"
        self.checkpoints = self.last_file, self.best_file  # to go on from, in this order
        self.model_file, self.report_file = path / "model.pt", path / "report.json"
        self.metrics_file = path / "metrics.jsonl"
        self.trackers: list[Any] = []
        self.data_changes: list[str] | None = None  # --resume: those are noted here, not refused

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
    def numbered(cls, name: str) -> "Iterator[Run]":
        """The runs that have, or would have, this name: NAME, NAME-2, NAME-3 and so on, without end."""
        yield cls(ROOT / name)
        for number in itertools.count(2):
            yield cls(ROOT / f"{name}-{number}")

    @contextmanager
    def told_plainly(self) -> Iterator[None]:
        """Around a training: how one that stops early is told, by a sentence and the exit code."""
        try:
            with told_plainly((ReadingError,)):
                yield
        except (FloatingPointError, OSError, MemoryError) as error:  # numbers, disk, memory
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(1) from error
        except KeyboardInterrupt as stop:
            onward = "starts anew: nothing was saved yet"
            if self.last_file.exists():
                onward = f"goes on from {self.last_file}"
            print(f"\nstopped; the same command {onward}", file=sys.stderr)
            raise SystemExit(130) from stop
        finally:
            if is_first():
                self.discard_if_unused()

    def discard_if_unused(self) -> None:
        """Takes back a folder in which nothing was trained, so that the corrected command gets its name."""
        written = {"config.json", "run.json", "uncommitted.diff", "metrics.jsonl"}
        if {file.name for file in self.path.iterdir()} <= written and not self.records():
            shutil.rmtree(self.path)

    def start(
        self, step: int, config: dict[str, Any], trackers: Iterable[Callable[..., Any]]
    ) -> None:
        """From here on: the steps after this one are yet to be done, with these settings; trackers log every record."""
        if not is_first():
            return
        for left_over in self.path.glob("*.tmp"):  # by a save that was killed
            left_over.unlink()
        kept = [record for record in self.records() if record["step"] <= step]
        replace_text(self.metrics_file, "".join(json.dumps(record) + "\n" for record in kept))
        record_changes(self.path, config, step, self.data_changes or ())
        self.report_file.unlink(missing_ok=True)  # where a complete run is prolonged
        self.trackers = [tracker(self.path, config) for tracker in trackers]

    def log(self, record: dict[str, Any]) -> None:
        """Adds a record; a crash loses at most this one and harms none before it."""
        if not is_first():
            return
        # unbuffered: a record is one write, and needs no buffers of its own
        with self.metrics_file.open("ab", buffering=0) as file:
            file.write(json.dumps(record).encode() + b"\n")
        for tracker in self.trackers:
            tracker.log(record)

    def settings(self) -> dict[str, Any]:
        """The config that it was begun with, or last went on with."""
        file = self.path / "config.json"
        try:
            return json.loads(file.read_text())  # type: ignore[no-any-return]
        except ValueError as error:
            raise ValueError(f"{file} holds no config: {error}") from error

    def records(self) -> list[dict[str, Any]]:
        """All records so far, oldest first."""
        if not self.metrics_file.exists():
            return []
        lines = self.metrics_file.read_text().splitlines()
        try:
            return [json.loads(line) for line in lines if line.endswith("}")]
        except ValueError as error:
            told = f"{self.metrics_file} holds a line that is no record: {error}"
            raise ValueError(told) from error

    def finish(self, report: dict[str, Any]) -> None:
        """Writes the table and the report, which marks the run as complete."""
        records = self.records()
        columns = dict.fromkeys(key for record in records for key in record)
        with (self.path / "metrics.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)
        replace_text(self.report_file, json.dumps(report, indent=2) + "\n")
