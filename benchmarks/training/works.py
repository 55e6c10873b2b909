"""The works that every side does: generated projects with their data, each with one config that all sides read."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.project import write_project

PROJECT = "leaf"
CONFIG = '''"""The baseline without what is drawn at random, so that all sides can compute the same losses."""

from configs.baseline import config as baseline
from dataclasses import replace
from functools import partial
from {project}.losses.cross_entropy import CrossEntropy
from stamps import stamp_class

stamp_class(CrossEntropy)
config = replace(
    baseline,
    task=partial(baseline.task, {augment}=0.0),
    model=partial(baseline.model, dropout=0.0),
    epochs={epochs},
    evaluate_steps={evaluate_steps},
    log_steps=10,
)
'''


@dataclass(frozen=True)
class TrainingWork:
    """One training.

    augment: the task's setting for random changes of its inputs
    evaluate_epochs: epochs from an evaluation, with a checkpoint, to the next
    rounds: how often each side trains
    """

    name: str
    title: str
    task: str
    model: str
    augment: str
    samples: int
    epochs: int
    evaluate_epochs: int
    rounds: int
    batch_size: int = 64

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.samples // self.batch_size)

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    @property
    def evaluate_steps(self) -> int:
        return self.evaluate_epochs * self.steps_per_epoch


IMAGES = ("image_classification", "augment", 1047)
TEXTS = ("text_classification", "word_dropout", 9_000)


def training_work(
    name: str,
    title: str,
    model: str,
    data: tuple[str, str, int],
    epochs: int,
    every: int,
    rounds: int,
) -> TrainingWork:
    task, augment, samples = data
    return TrainingWork(name, title, task, model, augment, samples, epochs, every, rounds)


WORKS = (
    training_work("mlp", "MLP on digits", "mlp", IMAGES, 40, 10, 9),
    training_work("cnn", "CNN on digits", "cnn", IMAGES, 8, 4, 5),
    training_work("lstm", "LSTM on definitions", "lstm", TEXTS, 1, 1, 3),
    training_work("transformer", "Transformer on definitions", "transformer", TEXTS, 1, 1, 3),
)


def prepare(folder: Path, work: TrainingWork) -> Path:
    """A project with the config of the benchmark."""
    write_project(folder, project=PROJECT, task=work.task, model=work.model)
    text = CONFIG.format(
        project=PROJECT,
        augment=work.augment,
        epochs=work.epochs,
        evaluate_steps=work.evaluate_steps,
    )
    (folder / "configs" / "measured.py").write_text(text)
    return folder
