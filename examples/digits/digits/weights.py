"""Weights without a run: to predict with, and to start another run from."""

import inspect
import re
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from .config import Config, describe
from .settings import rebuild_part, settings_of
from .sharded_checkpoint import put_back
from .sharding import whole
from .storage import read

# put before names by torch.compile(model) and by DataParallel, in any order
PREFIXES = re.compile(r"^((_orig_mod|module)\.)+")


def build_model(model: Any, sizes: dict[str, int]) -> nn.Module:
    """A model for data of these sizes: its parameters without a default are filled in by name."""
    parameters = inspect.signature(model).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty]
    missing = [name for name in needed if name not in sizes]
    if missing:
        raise ValueError(
            f"the model needs {', '.join(missing)}; the data have {', '.join(sizes)}: "
            "they do not fit each other"
        )
    built: nn.Module = model(**{name: sizes[name] for name in needed})
    return built


def for_inference(config: Config, model: nn.Module, task: Any, loss: nn.Module) -> dict[str, Any]:
    """All that `load_for_inference` rebuilds a model from: weights, settings, preprocessing, labels."""
    described = describe(config)
    return {
        "weights": whole(model.state_dict()),
        "loss": whole(loss.state_dict()),
        "sizes": dict(task.sizes),
        "task": task.state_dict(),
        "config": {name: described[name] for name in ("task", "model", "loss", "batch_size")},
    }


def load_for_inference(path: Path) -> tuple[nn.Module, Any, nn.Module]:
    """The model in evaluation mode, its task and its loss, from the file alone."""
    payload = read(path)
    if "sizes" not in payload:
        raise ValueError(f"{path} is not a model for inference; a run's model.pt is")
    described = payload["config"]
    build = rebuild_part(described["task"])
    if "test_fraction" in settings_of(build).keys() - described["task"].keys():
        build = partial(build, test_fraction=0.0)  # trained before there was one: on every such row
    task = build()
    task.load_state_dict(payload["task"])
    model = build_model(rebuild_part(described["model"]), payload["sizes"])
    model.load_state_dict(payload["weights"])
    loss = rebuild_part(described["loss"])()
    loss.load_state_dict(payload["loss"])
    return model.eval(), task, loss


def start_from(model: nn.Module, path: Path, *, may_differ: tuple[str, ...] = ("head.",)) -> str:
    """Takes over the weights of another run for fine-tuning; what was loaded, in words.

    Every name is accounted for: only parameters that begin with `may_differ` may be missing, left over or of another shape, and
    then they keep their fresh values. Everything else raises.
    """
    payload = read(path)
    payload = {n: payload[n] for n in ("weights", "model", "shards") if n in payload}
    put_back(payload, path.parent, {})
    weights = payload.get("weights", payload.get("model"))
    if not isinstance(weights, dict):
        raise ValueError(f"{path} holds no weights under 'weights' or 'model'")
    weights = {PREFIXES.sub("", name): value for name, value in weights.items()}
    own = model.state_dict()
    fitting = {n: v for n, v in weights.items() if n in own and v.shape == own[n].shape}
    wrong = [n for n in {*own, *weights} - {*fitting} if not n.startswith(may_differ)]
    if wrong:
        raise ValueError(
            f"{path} does not fit the model: {', '.join(sorted(wrong)[:5])} "
            f"({len(wrong)} in all) are missing, left over or of another shape"
        )
    model.load_state_dict(fitting, strict=False)
    return f"loaded {len(fitting)} of {len(own)} tensors from {path}"
