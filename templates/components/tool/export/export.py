"""Exports a trained model: one file that computes its outputs without this project.

    python -m <package>.tools.export runs/baseline

writes runs/baseline/model.pt2. `torch.export.load("model.pt2").module()` computes outputs from inputs as the
task prepares them, for any number of samples.
"""

import argparse
import os
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from ..errors import told_plainly
from ..run import Run
from ..weights import load_for_inference


def exported(model: nn.Module, inputs: Tensor) -> ExportedProgram:
    """What a model in evaluation mode computes, for any number of samples; of token ids (B, T), for any length, too.

    inputs: two samples or more; a size of one would be taken for a constant

    Raises:
        ValueError: torch.export cannot follow the model, or the model fixes such a size
    """
    free = dict.fromkeys(range(1 if inputs.is_floating_point() else inputs.ndim), Dim.DYNAMIC)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The tensor attributes")  # an error tells as much
            return torch.export.export(model.eval(), (inputs,), dynamic_shapes=(free,))
    except Exception as error:  # of a dozen types, from deep inside of torch
        reason = str(error).strip().splitlines()[0]
        name = type(model).__name__
        raise ValueError(f"torch.export cannot follow {name}: {reason}") from error


def save(model: nn.Module, inputs: Tensor, path: Path) -> None:
    """Writes the file when it has been read again and computed the same as the model, for one sample and for all.

    Raises:
        ValueError: as `exported`, or the file computes something else
    """
    temporary = path.with_name("exported.pt2")
    try:
        torch.export.save(exported(model, inputs), temporary)
        loaded = torch.export.load(temporary).module()
        with torch.no_grad():
            for samples in (inputs[:1], inputs):
                if not torch.allclose(loaded(samples), model(samples), rtol=1e-4, atol=1e-5):
                    raise ValueError(f"exported, {type(model).__name__} computes something else")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.export", description="Export a trained model."
    )
    parser.add_argument("run", type=Path, help="the folder of a run, such as runs/baseline")
    options = parser.parse_args()
    with told_plainly():
        file = Run.existing(options.run).model_file
        model, task, _ = load_for_inference(file)
        _, val_set = task.load()
        inputs, _ = val_set.__getitems__(range(min(64, len(val_set))))
        save(model, inputs, file.with_suffix(".pt2"))
    shape = ", ".join(["B", *map(str, inputs.shape[1:])]) if inputs.is_floating_point() else "B, T"
    print(f"{file.with_suffix('.pt2')}: inputs ({shape}) {inputs.dtype}")


if __name__ == "__main__":
    main()
