"""Runs the step again at which a run stopped, and shows where its numbers stopped being finite.

    python -m digits.replay runs/baseline/blackbox

prints the first layer that was not finite, the training samples that are so alone, and the operation that autograd's anomaly mode
names, after the lines of code that it stands in. On a CPU every number is again the same to the last bit.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .blackbox import Again
from .config import Config
from .device import pick_device, place_model
from .errors import told_plainly
from .optim import freeze, train_mode
from .precision import Precision
from .settings import rebuild_part
from .storage import read
from .train import optimize
from .weights import build_model


def rebuild(box: dict[str, Any], device: torch.device) -> tuple[nn.Module, nn.Module, Config]:
    """The model and the loss as they were before the step, and the config of the run."""
    described = box["config"]
    parts = {name: rebuild_part(described[name]) for name in ("task", "model", "loss")}
    config = Config(**described | parts | {"freeze": tuple(described["freeze"])})
    model = build_model(config.model, box["sizes"])
    model.load_state_dict(box["model"])
    freeze(model, config.freeze)
    place_model(model, device)
    train_mode(model)
    loss_fn = config.loss().to(device)
    loss_fn.load_state_dict(box["loss"])
    return model, loss_fn, config


def replay(folder: Path, device: torch.device) -> list[str]:
    """What is found when the step of a black box is run again, in words."""
    box = read(folder / "step.pt")
    model, loss_fn, config = rebuild(box, device)
    precision = Precision(box["precision"], device)
    again = Again(box, model, loss_fn, precision, config, optimize)
    number, loss, norm = box["last"][-1]
    lines = [f"step {number}: the loss was {loss:.6g} and the gradient's norm {norm:.6g}"]
    lines += again.investigate()
    try:
        with torch.autograd.set_detect_anomaly(True):
            again.run()
    except RuntimeError as error:
        lines.append(f"anomaly mode: {error}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.replay", description="Run the step of a black box again."
    )
    parser.add_argument("folder", type=Path, help="such as runs/baseline/blackbox")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    with told_plainly():
        lines = replay(options.folder, pick_device(options.device))
    print(*lines, sep="\n")


if __name__ == "__main__":
    main()
