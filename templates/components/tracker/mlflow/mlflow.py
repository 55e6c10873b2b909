"""MLflow: all runs in one SQLite database beside the run folders.

To look at them: mlflow ui --backend-store-uri sqlite:///runs/mlflow.db
To use a server: set MLFLOW_TRACKING_URI
"""

import importlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class MLflow:
    """One MLflow run, named after the run folder; a resumed run becomes a second one of that name.

    experiment: under which name runs are gathered
    """

    def __init__(
        self, run_dir: Path, config: dict[str, Any], *, experiment: str = "Default"
    ) -> None:
        try:
            mlflow = importlib.import_module("mlflow")
        except ImportError as error:
            raise ImportError(
                "the mlflow tracker needs the mlflow package: pip install mlflow"
            ) from error
        # a database, since MLflow refuses plain files; a client, since mlflow.start_run is global
        database = f"sqlite:///{run_dir.resolve().parent.as_posix()}/mlflow.db"
        address = os.environ.get("MLFLOW_TRACKING_URI", database)
        self.client = mlflow.MlflowClient(tracking_uri=address)
        self.metric = mlflow.entities.Metric
        found = self.client.get_experiment_by_name(experiment)
        experiment_id = found.experiment_id if found else self.client.create_experiment(experiment)
        self.run_id = self.client.create_run(experiment_id, run_name=run_dir.name).info.run_id
        for name, value in flat(config):
            self.client.log_param(self.run_id, name, value)

    def log(self, record: dict[str, float]) -> None:
        milliseconds, step = int(time.time() * 1000), int(record["step"])
        metrics = [
            self.metric(name, value, milliseconds, step)
            for name, value in record.items()
            if name != "step"
        ]
        self.client.log_batch(self.run_id, metrics=metrics)

    def close(self) -> None:
        self.client.set_terminated(self.run_id)


def flat(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """{"optimizer": {"lr": 0.1}} -> ("optimizer.lr", 0.1): each setting its own column."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
