"""What the tests share: every config of the project as a small run on the CPU, in one thread, from one seed."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path

import pytest
import torch
from torch import Tensor

from digits import data_checks
from digits import train as training
from digits.config import Config, load, parts_in
from digits.data import Dataset, TensorSet
from digits.run import Run
from digits.settings import settings_of

from .jobs import Jobs, done

ROOT = Path(__file__).resolve().parents[1]
LOADED: dict[str, tuple] = {}  # what has been read, by task and settings

torch.set_num_threads(1)  # threads that wait for a busy core cost many times the work


def pytest_configure(config: pytest.Config) -> None:
    """Two warnings that are about the machine and the tests, not about the project."""
    config.addinivalue_line("filterwarnings", "ignore:This DataLoader will create:UserWarning")
    config.addinivalue_line("filterwarnings", "ignore:.*use of fork:DeprecationWarning")


def of_several_processes(item: pytest.Item) -> bool:
    return item.path.name in {"test_distributed.py", "test_shards.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of several processes come last, when their jobs are done."""
    items.sort(key=of_several_processes)


@pytest.fixture(scope="session", autouse=True)
def jobs(request, tmp_path_factory) -> Iterator[Jobs | None]:
    """The jobs of these tests, where one of them is asked for and the machine can do it."""
    wanted = any(map(of_several_processes, request.session.items))
    if not (wanted and torch.distributed.is_available() and os.name == "posix"):
        yield None
        return
    begun = Jobs(tmp_path_factory.mktemp("processes"))
    yield begun
    begun.stop()


@pytest.fixture
def computed(jobs) -> Path:
    """What one process and two processes computed."""
    if jobs is None:
        pytest.skip("needs torch.distributed")
    done(jobs.one)
    done(jobs.two)
    return jobs.folder


@pytest.fixture(autouse=True)
def same_start(monkeypatch):
    """Each test begins at the project's root with the same chance; its files need not survive a power cut."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(os, "fsync", lambda file: None)
    torch.manual_seed(0)


@pytest.fixture(params=sorted((ROOT / "configs").glob("[!_]*.py")), ids=lambda path: path.stem)
def config_file(request) -> Path:
    """Each file of configs/ in turn."""
    return request.param


@pytest.fixture
def config(config_file, few_rows) -> Config:
    """The parts of each config as a run of 6 steps in fp32 on a few rows."""
    written = load(config_file)
    few_rows(written)
    return small(written)


def small(config: Config) -> Config:
    """A short run of a config's parts, whatever else it says."""
    parts = {name: smaller(getattr(config, name)) for name in parts_in(config)}
    return Config(
        **parts, precision="fp32", device="cpu", workers=0, epochs=2, batch_size=16, log_steps=1
    )


def smaller(part: Callable) -> Callable:
    """With smaller tables and fewer blocks: they are computed alike, and sooner."""
    sizes = {"max_vocabulary": 500, "buckets": 500, "blocks": 1}
    return partial(part, **{name: sizes[name] for name in settings_of(part).keys() & sizes})


def class_of(part: Callable) -> type:
    """The class behind a part of a config: itself, or what its `partial` calls."""
    return getattr(part, "func", part)


@pytest.fixture
def few_rows(monkeypatch):
    """Lets a config's task load a few rows of its real data; its class stays, since saved models name it."""

    def keep(config: Config, *rows: int) -> None:
        task = class_of(config.task)
        monkeypatch.setattr(task, "load", load_few(task, *rows))
        # in a few rows a class may be missing, which a run would warn of
        monkeypatch.setattr(data_checks, "unbalanced", lambda *_: [])

    return keep


def load_few(task: type, train: int = 45, val: int = 24) -> Callable:
    """A `load` for a task's class: three batches of 16, the last one short; read once for all tests."""
    real_load = getattr(task.load, "__wrapped__", task.load)

    @wraps(real_load)
    def load(self, *held_out: str) -> tuple[Dataset, Dataset]:
        key = f"{task} {held_out} {sorted(vars(self).items())}"
        if key not in LOADED:
            LOADED[key] = (*real_load(self, *held_out), dict(vars(self)))
        train_set, val_set, learned = LOADED[key]
        vars(self).update(learned)
        return pick(train_set, train), pick(val_set, val)

    return load


def pick(dataset: Dataset, count: int) -> TensorSet:
    """Some samples, in an order of their own: rows of a file may repeat their classes in step."""
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    samples = dataset.__getitems__(order[:count].tolist())
    return (type(dataset) if isinstance(dataset, TensorSet) else TensorSet)(*samples)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Trains a config in a folder and returns the run; the same name goes on. Nothing is drawn."""

    def run_it(config: Config, name: str = "run") -> Run:
        run = Run(tmp_path / name)
        run.path.mkdir(exist_ok=True)
        monkeypatch.setattr(training, "report", lambda *_: {})
        training.train(config, run)
        return run

    return run_it


@pytest.fixture
def interrupted(monkeypatch):
    """Around a training: Ctrl-C in the step after `step`, where batches are augmented."""

    @contextmanager
    def stop(config: Config, step: int):
        task = class_of(config.task)
        augment, left = task.augment, iter(range(step))

        def augment_or_stop(self, inputs: Tensor, generator: torch.Generator) -> Tensor:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return augment(self, inputs, generator)

        with monkeypatch.context() as patch:
            patch.setattr(task, "augment", augment_or_stop)
            with pytest.raises(KeyboardInterrupt):
                yield

    return stop


@pytest.fixture
def differences():
    """The paths at which two nested values differ, to the last bit of every tensor."""

    def compare(one, other, path: str = "") -> list[str]:
        if isinstance(one, Tensor) and isinstance(other, Tensor):
            return [] if one.dtype == other.dtype and torch.equal(one, other) else [path]
        if all(isinstance(value, (dict, list, tuple)) for value in (one, other)):
            one, other = (v if isinstance(v, dict) else dict(enumerate(v)) for v in (one, other))
            both = [(one[key], other[key], f"{path}/{key}") for key in one.keys() & other.keys()]
            of_one_alone = [f"{path}/{key}" for key in one.keys() ^ other.keys()]
            return of_one_alone + [found for pair in both for found in compare(*pair)]
        return [] if one == other else [path]

    return compare
