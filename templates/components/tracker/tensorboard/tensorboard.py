"""TensorBoard: curves in a browser, from event files in the run folder.

To look at them: tensorboard --logdir runs
"""

import importlib
import json
from pathlib import Path
from typing import Any


class TensorBoard:
    """Writes each value of a record as a curve, and the config as a text."""

    def __init__(self, run_dir: Path, config: dict[str, Any]) -> None:
        try:
            tensorboard = importlib.import_module("torch.utils.tensorboard")
        except ImportError as error:
            raise ImportError(
                "the tensorboard tracker needs the tensorboard package: pip install tensorboard"
            ) from error
        self.writer = tensorboard.SummaryWriter(log_dir=str(run_dir))
        text = json.dumps(config, indent=2, default=str)
        self.writer.add_text("config", f"```json\n{text}\n```")  # a code block: texts are Markdown

    def log(self, record: dict[str, float]) -> None:
        for name, value in record.items():
            if name != "step":
                self.writer.add_scalar(name, value, int(record["step"]))

    def close(self) -> None:
        self.writer.close()
