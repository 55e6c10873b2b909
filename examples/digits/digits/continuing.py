"""Going on with a run under other settings: `--resume`, which says that this is meant.

How a run is computed, watched and saved can change in the middle of it. What its checkpoint holds cannot; a change would be without effect
or make it another run. Its length can change where its schedule has come as far as that of the other length would have.
"""

import json
from itertools import takewhile
from typing import Any

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from .changes import bound, changes
from .config import Config, describe
from .run import Run
from .storage import exists, read_newest


def resumed(name: str, config: Config) -> Run:
    """The newest run of this name that has a checkpoint and can go on so, also where its settings were others.

    Raises:
        FileNotFoundError: there is no such run
        ValueError: it cannot go on so
    """
    folders = takewhile(lambda run: run.path.exists(), Run.numbered(name))
    runs = [run for run in folders if exists(*run.checkpoints)]
    if not runs:
        raise FileNotFoundError(f"no run {name} has a checkpoint to go on from")
    olds = [run.settings() for run in runs]
    new = json.loads(json.dumps(describe(config)))
    fitting = [number for number, old in enumerate(olds) if not bound(changes(old, new))]
    newest = fitting[-1] if fitting else -1
    run, old = runs[newest], olds[newest]
    run.data_changes = []
    different = changes(old, new)
    if not fitting:
        raise ValueError(
            f"{run.path} cannot go on with other settings of this kind: {'; '.join(bound(different))}. "
            f"A run of its own can take over the weights: start_from={run.best_file}"
        )
    if old["epochs"] != config.epochs:
        check_length(run, config, old["epochs"])
    elif run.report_file.exists():
        raise ValueError(f"{run.path} is complete; a larger number of epochs prolongs it")
    if different:
        print(f"{run.path} goes on with {'; '.join(different)}")
    return run


def check_length(run: Run, config: Config, epochs: int) -> None:
    """Raises ValueError where a run of `epochs` cannot become one of `config.epochs` at its last checkpoint."""
    step = read_newest(*run.checkpoints)["progress"]["step"]
    lengths = [round(r["step"] / r["epoch"]) for r in run.records() if r.get("epoch")]
    if not lengths:
        raise ValueError(f"{run.path} has recorded nothing yet: begin it anew, with --fresh")
    if step > config.epochs * lengths[-1]:
        raise ValueError(f"{run.path} has done {step} steps; epochs={config.epochs} is less")
    before, after = (
        schedule(config, step, count * lengths[-1]) for count in (epochs, config.epochs)
    )
    if before != after:
        raise ValueError(
            f"{run.path} cannot become a run of {config.epochs} epochs: after {step} steps the schedule of such a run would "
            "be elsewhere. One that does not depend on the length, or does not yet, can be prolonged"
        )


def schedule(config: Config, step: int, total_steps: int) -> dict[str, Any]:
    """The state of a config's schedule after so many steps of a run of this length."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = config.scheduler(optimizer, total_steps)
    optimizer.step()
    if not isinstance(scheduler, ReduceLROnPlateau):
        for _ in range(step):
            scheduler.step()
    return scheduler.state_dict()
