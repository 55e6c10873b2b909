import pytest
import torch

from digits.metrics.classification import (
    accuracy,
    confusion_matrix,
    draw_confusion,
    macro_f1,
    majority_share,
)


def random_answers(samples=200, classes=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(samples, classes, generator=generator)
    return logits, torch.randint(classes, (samples,), generator=generator)


def predictions_as_logits(predictions, classes):
    return torch.nn.functional.one_hot(torch.tensor(predictions), classes).float()


def test_counts_are_those_of_a_plain_loop():
    logits, targets = random_answers()
    expected = [[0] * 5 for _ in range(5)]
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        expected[target][row.index(max(row))] += 1
    assert confusion_matrix(logits, targets).tolist() == expected


def test_accuracy_is_the_share_of_right_answers():
    logits, targets = random_answers()
    right = [
        row.index(max(row)) == target
        for row, target in zip(logits.tolist(), targets.tolist(), strict=True)
    ]
    assert accuracy(logits, targets) == pytest.approx(sum(right) / len(right))


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_the_mean_over_classes_of_precision_and_recall_in_harmony(seed):
    logits, targets = random_answers(samples=40, classes=4, seed=seed)
    predictions, true = logits.argmax(dim=1).tolist(), targets.tolist()
    scores = []
    for label in range(4):
        hits = sum(p == t == label for p, t in zip(predictions, true, strict=True))
        precision = hits / max(1, predictions.count(label))
        recall = hits / max(1, true.count(label))
        scores.append(2 * precision * recall / (precision + recall) if hits else 0.0)
    assert macro_f1(logits, targets) == pytest.approx(sum(scores) / 4)


def test_class_that_never_occurs_is_left_out_and_one_that_is_only_predicted_is_not():
    targets = torch.tensor([0, 0, 1, 1])
    assert macro_f1(predictions_as_logits([0, 0, 1, 1], 4), targets) == 1.0
    missed = macro_f1(predictions_as_logits([0, 0, 1, 2], 4), targets)
    assert missed == pytest.approx((1 + 2 / 3 + 0) / 3)


def test_ignoring_the_rare_class_costs_macro_f1_and_hardly_any_accuracy():
    targets = torch.tensor([0] * 99 + [1])
    logits = predictions_as_logits([0] * 100, 2)
    assert accuracy(logits, targets) == pytest.approx(0.99)
    assert macro_f1(logits, targets) < 0.5


def test_majority_share_is_the_accuracy_of_the_most_frequent_class():
    targets = torch.tensor([2, 0, 2, 1, 2])
    assert majority_share(targets) == pytest.approx(0.6)
    assert majority_share(targets) == accuracy(predictions_as_logits([2] * 5, 3), targets)


@pytest.mark.parametrize("metric", [accuracy, macro_f1, confusion_matrix])
@pytest.mark.parametrize("broken", [torch.nan, torch.inf, -torch.inf])
def test_broken_outputs_are_refused_and_not_scored(metric, broken):
    logits, targets = random_answers()
    logits[3, 1] = broken
    with pytest.raises(ValueError, match="outputs for 1 of 200 samples hold NaN or infinity"):
        metric(logits, targets)


@pytest.mark.parametrize("metric", [accuracy, macro_f1, confusion_matrix])
@pytest.mark.parametrize(
    ("logits", "targets", "sentence"),
    [
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), "validation set is empty"),
        (torch.zeros(4), torch.zeros(4, dtype=torch.int64), r"got \(4,\) and \(4,\)"),
        (torch.zeros(4, 3), torch.zeros(4, 3), r"got \(4, 3\) and \(4, 3\)"),
        (torch.zeros(4, 3), torch.zeros(5, dtype=torch.int64), r"got \(4, 3\) and \(5,\)"),
        (torch.zeros(2, 3), torch.tensor([0, 3]), "whole numbers from 0 to 2"),
        (torch.zeros(2, 3), torch.tensor([0, -1]), "whole numbers from 0 to 2"),
        (torch.zeros(2, 3), torch.tensor([0.0, 1.0]), "whole numbers from 0 to 2"),
    ],
)
def test_shapes_and_classes_that_do_not_fit_are_refused(metric, logits, targets, sentence):
    with pytest.raises(ValueError, match=sentence):
        metric(logits, targets)


def test_majority_of_nobody_is_refused():
    with pytest.raises(ValueError, match="targets are empty"):
        majority_share(torch.zeros(0, dtype=torch.int64))


@pytest.mark.parametrize("classes", [2, 30, 120])
def test_picture_is_drawn_for_few_and_for_many_classes(classes, tmp_path):
    logits, targets = random_answers(classes=classes)
    labels = [f"class {label}" for label in range(classes)]
    draw_confusion(confusion_matrix(logits, targets), labels, tmp_path / "confusion.png")
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_picture_needs_a_label_for_every_class(tmp_path):
    with pytest.raises(ValueError, match=r"counts \(3, 3\) do not fit 2 labels"):
        draw_confusion(torch.ones(3, 3), ["a", "b"], tmp_path / "confusion.png")
