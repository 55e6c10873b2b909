"""Does it learn? Every config beats chance on data it has not seen, and learns a batch by heart."""

from dataclasses import replace

import pytest
import torch

from digits.debug import Bench
from digits.evaluate import evaluate


class LearntError(Exception):
    """Raised by the first evaluation that shows it: nothing is left to be trained for."""


@pytest.fixture
def bench(config) -> Bench:
    return Bench(config)


def test_beats_chance_and_its_own_start_on_unseen_data(config, few_rows, trained, monkeypatch):
    few_rows(config, 2000, 300)
    config = replace(config, batch_size=32, epochs=8, evaluate_steps=20)
    bench, task = Bench(config), config.task()
    _, val_set = task.load()
    _, outputs, targets = evaluate(
        bench.model, bench.loss_fn, val_set, bench.precision, bench.device, 32
    )
    sign = 1 if task.higher_is_better else -1
    start = max(
        sign * figure
        for figure in (task.metrics(outputs, targets)[task.metric], task.references()["chance"])
    )
    clearly_better = start + 0.1 * (1 - start if task.higher_is_better else -start)
    metrics = type(task).metrics

    def metrics_until_learnt(self, outputs, targets) -> dict[str, float]:
        figures = metrics(self, outputs, targets)
        if sign * figures[self.metric] > clearly_better:
            raise LearntError
        return figures

    monkeypatch.setattr(type(task), "metrics", metrics_until_learnt)
    with pytest.raises(LearntError):
        trained(config)


def test_learns_one_batch_by_heart(bench):
    """Cannot be done with inputs mixed up, outputs squashed by a softmax, or layers cut off."""
    batch = next(bench.batches(1))
    silent = float(bench.loss_fn(torch.zeros_like(bench.model(batch[0])), batch[1]))
    task = bench.config.task()
    task.load()
    for _ in range(12):
        for _ in range(25):
            bench.step(batch)
        bench.model.eval()
        with torch.no_grad():
            outputs = bench.model(batch[0])
            loss = float(bench.loss_fn(outputs, batch[1]))
        figure = task.metrics(outputs, batch[1])[task.metric]
        bench.model.train()
        # losses that compare samples have a floor: whoever has three likes cannot be near one alone
        small_loss = loss < 0.2 * silent or getattr(bench.loss_fn, "compares_samples", False)
        if small_loss and (figure > 0.95 or not task.higher_is_better):
            return
    pytest.fail(f"after 300 steps the loss is {loss:.3f} and {task.metric} {figure:.3f}")


def test_starts_without_an_opinion(bench):
    """ln K for cross-entropy: what is lost by answering nothing. More is learned away for nothing."""
    if getattr(bench.loss_fn, "compares_samples", False):
        pytest.skip("embeddings are compared with each other: they have no neutral start")
    inputs, targets = bench.train_set.__getitems__(range(len(bench.train_set)))
    bench.model.eval()
    with torch.no_grad():
        outputs = bench.model(inputs)
        first = float(bench.loss_fn(outputs, targets))
        silent = float(bench.loss_fn(torch.zeros_like(outputs), targets))
    assert first == pytest.approx(silent, rel=0.15)
