"""Predictions for your own files, preprocessed exactly as in training.

    python -m digits.predict runs/baseline FILE ...

needs the run's model.pt alone: no data, no config.
"""

import argparse
from pathlib import Path

import torch

from .device import pick_device, place
from .errors import told_plainly
from .run import Run
from .weights import load_for_inference


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.predict", description="Predict for files of your own."
    )
    parser.add_argument("run", type=Path, help="the folder of a run, such as runs/baseline")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    with told_plainly():
        device = pick_device(options.device)
        model, task, _ = load_for_inference(Run.existing(options.run).model_file)
        inputs = task.read(options.files)
    model.to(device)
    with torch.inference_mode():  # nothing is trained after it
        parts = [model(place(part, device)).float().cpu() for part in inputs.split(256)]
    answers = task.describe(torch.cat(parts))
    one_each = len(answers) == len(options.files)
    names = options.files if one_each else range(1, len(answers) + 1)
    for name, answer in zip(names, answers, strict=True):
        print(f"{name}: {answer}")


if __name__ == "__main__":
    main()
