"""Weights & Biases: runs kept offline, sent to wandb.ai when you say so.

To send them later: wandb sync runs/*/wandb/offline-run-*
To send them at once: set WANDB_MODE=online
"""

import importlib
import os
from pathlib import Path
from typing import Any


class WeightsAndBiases:
    """One W&B run, named after the run folder; a resumed run becomes a second one of that name.

    project: where the run is filed; without one, wandb takes the name of the git repository
    """

    def __init__(
        self, run_dir: Path, config: dict[str, Any], *, project: str | None = None
    ) -> None:
        try:
            wandb = importlib.import_module("wandb")
        except ImportError as error:
            raise ImportError(
                "the wandb tracker needs the wandb package: pip install wandb"
            ) from error
        self.run = wandb.init(
            project=project,
            name=run_dir.name,
            dir=str(run_dir),
            config=config,
            # a run neither needs a network nor tells anybody of itself, unless it is asked to
            mode=os.environ.get("WANDB_MODE", "offline"),
        )

    def log(self, record: dict[str, float]) -> None:
        values = {name: value for name, value in record.items() if name != "step"}
        self.run.log(values, step=int(record["step"]))

    def close(self) -> None:
        self.run.finish()
