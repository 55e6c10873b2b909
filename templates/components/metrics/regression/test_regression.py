import math

import pytest
import torch

from project.metrics.regression import (
    draw_predicted_against_true,
    mae,
    r2,
    rmse,
)

METRICS = pytest.mark.parametrize("metric", [r2, rmse, mae])


def random_numbers(samples=50, columns=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randn(samples, columns, generator=generator) * 3 + 20
    return targets + torch.randn(samples, columns, generator=generator), targets


def of_plain_loop(score, predictions, targets):
    """The mean over the columns of a score of two lists."""
    columns = zip(predictions.T.tolist(), targets.T.tolist(), strict=True)
    scores = [score(predicted, true) for predicted, true in columns]
    return sum(scores) / len(scores)


def squared_error(predicted, true):
    return sum((p - t) ** 2 for p, t in zip(predicted, true, strict=True))


def plain_r2(predicted, true):
    mean = sum(true) / len(true)
    return 1 - squared_error(predicted, true) / sum((t - mean) ** 2 for t in true)


def plain_rmse(predicted, true):
    return math.sqrt(squared_error(predicted, true) / len(true))


def plain_mae(predicted, true):
    return sum(abs(p - t) for p, t in zip(predicted, true, strict=True)) / len(true)


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize(
    ("metric", "plain"), [(r2, plain_r2), (rmse, plain_rmse), (mae, plain_mae)]
)
def test_score_is_that_of_a_plain_loop(metric, plain, columns):
    predictions, targets = random_numbers(columns=columns)
    expected = of_plain_loop(plain, predictions, targets)
    assert metric(predictions, targets) == pytest.approx(expected)


def test_perfect_predictions():
    _, targets = random_numbers()
    assert (r2(targets, targets), rmse(targets, targets), mae(targets, targets)) == (1, 0, 0)


def test_mean_of_the_targets_explains_nothing():
    _, targets = random_numbers()
    means = targets.mean(dim=0).expand_as(targets)
    assert r2(means, targets) == pytest.approx(0, abs=1e-6)


def test_errors_are_in_the_units_of_the_targets_and_r2_has_none():
    predictions, targets = random_numbers()
    for metric, factor in ((rmse, 1000), (mae, 1000), (r2, 1)):
        scaled = metric(predictions * 1000, targets * 1000)
        assert scaled == pytest.approx(factor * metric(predictions, targets), rel=1e-5)


@METRICS
def test_half_precision_is_judged_without_overflow(metric):
    predictions, targets = ((1000 * numbers).half() for numbers in random_numbers())
    expected = metric(predictions.double(), targets.double())
    assert metric(predictions, targets) == pytest.approx(expected)


@METRICS
@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_broken_numbers_are_refused_and_not_scored(metric, broken):
    predictions, targets = random_numbers()
    predictions[3, 0] = predictions[3, 1] = broken
    with pytest.raises(ValueError, match="the predictions of 1 of 50 samples hold NaN or infinity"):
        metric(predictions, targets)
    with pytest.raises(ValueError, match="the targets of 1 of 50"):
        metric(targets, predictions)


@METRICS
@pytest.mark.parametrize(
    "shapes", [((4, 1), (4,)), ((4,), (4,)), ((4, 2), (4, 1)), ((1, 2), (4, 2))]
)
def test_shapes_are_never_broadcast(metric, shapes):
    predictions, targets = (torch.rand(shape) for shape in shapes)
    with pytest.raises(ValueError, match="expected predictions and targets of one shape"):
        metric(predictions, targets)


@METRICS
def test_empty_validation_set_is_refused(metric):
    with pytest.raises(ValueError, match="validation set is empty"):
        metric(torch.zeros(0, 1), torch.zeros(0, 1))


def test_r2_of_equal_targets_is_refused():
    with pytest.raises(ValueError, match="R2 is undefined"):
        r2(torch.rand(4, 1), torch.ones(4, 1))


@pytest.mark.parametrize("labels", [["miles per gallon"], ["width", "height"]])
def test_picture_has_a_panel_for_each_target(labels, tmp_path):
    predictions, targets = random_numbers(columns=len(labels))
    draw_predicted_against_true(predictions, targets, labels, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="targets do not fit"):
        draw_predicted_against_true(predictions, targets, ["a"] * 3, tmp_path / "figure.png")
