import itertools
import math
from fractions import Fraction

import pytest
import torch

from project.metrics.retrieval import (
    chance,
    draw_embeddings,
    map_at_r,
    ranked_hits,
    recall_at_1,
)


def random_embeddings(samples=60, classes=5, features=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(samples, features, generator=generator)
    targets = torch.randint(classes, (samples,), generator=generator)
    return embeddings + targets[:, None], targets


def cosine(row, other):
    product = sum(a * b for a, b in zip(row, other, strict=True))
    return product / math.hypot(*row) / math.hypot(*other)


def plain_answers(embeddings, targets):
    """For each sample that asks: whether each of the others is right, best first."""
    rows, classes = embeddings.double().tolist(), targets.tolist()
    for i, row in enumerate(rows):
        if classes.count(classes[i]) > 1:
            others = [j for j in range(len(rows)) if j != i]
            others.sort(key=lambda j: cosine(row, rows[j]), reverse=True)
            yield [classes[j] == classes[i] for j in others]


def plain_map_at_r(right):
    """One ranking -> its average precision at R, exactly."""
    relevant = sum(right)
    found = [
        Fraction(sum(right[:rank]), rank) for rank in range(1, relevant + 1) if right[rank - 1]
    ]
    return sum(found, Fraction(0)) / relevant


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_a_plain_loop(seed):
    embeddings, targets = random_embeddings(seed=seed)
    answers = list(plain_answers(embeddings, targets))
    precision = [plain_map_at_r(right) for right in answers]
    assert map_at_r(embeddings, targets) == pytest.approx(float(sum(precision) / len(precision)))
    first = [right[0] for right in answers]
    assert recall_at_1(embeddings, targets) == pytest.approx(sum(first) / len(first))


def test_chunks_change_nothing():
    embeddings, targets = random_embeddings()
    whole = list(ranked_hits(embeddings, targets, depth=7))
    chunks = list(ranked_hits(embeddings, targets, depth=7, chunk_size=8))
    assert (len(whole), len(chunks)) == (1, 8)
    for parts, expected in zip(zip(*chunks, strict=True), whole[0], strict=True):
        assert torch.equal(torch.cat(parts), expected)


def test_length_of_an_embedding_does_not_matter():
    embeddings, targets = random_embeddings()
    lengths = torch.rand(len(embeddings), 1) + 0.1
    assert map_at_r(embeddings * lengths, targets) == map_at_r(embeddings, targets)


def test_classes_that_keep_together_score_one():
    targets = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    embeddings = torch.eye(3)[targets]
    assert map_at_r(embeddings, targets) == recall_at_1(embeddings, targets) == 1.0


@pytest.mark.parametrize("embedding", [torch.ones(3), torch.zeros(3)])
def test_embedding_everything_alike_scores_zero(embedding):
    targets = torch.arange(20).remainder(2).sort().values
    embeddings = embedding.expand(20, 3)
    assert map_at_r(embeddings, targets) == recall_at_1(embeddings, targets) == 0.0


def test_only_samples_without_a_fellow_do_not_ask():
    embeddings = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    targets = torch.tensor([0, 0, 7])
    assert map_at_r(embeddings, targets) == recall_at_1(embeddings, targets) == 1.0


@pytest.mark.parametrize(
    "targets", [[0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 1, 1, 2, 2]]
)
def test_chance_is_the_mean_over_all_rankings(targets):
    asked = [label for label in targets if targets.count(label) > 1]
    scores = []
    for label in asked:
        others = [other == label for other in targets]
        others.remove(True)
        rankings = list(itertools.permutations(others))
        scores.append(sum(plain_map_at_r(right) for right in rankings) / len(rankings))
    assert chance(torch.tensor(targets)) == pytest.approx(float(sum(scores) / len(scores)))


@pytest.mark.parametrize("score", [map_at_r, recall_at_1])
@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_broken_embeddings_are_refused_and_not_scored(score, broken):
    embeddings, targets = random_embeddings()
    embeddings[4] = broken
    with pytest.raises(ValueError, match="embeddings of 1 of 60 samples hold NaN or infinity"):
        score(embeddings, targets)


@pytest.mark.parametrize("score", [map_at_r, recall_at_1])
def test_shapes_that_do_not_fit_are_refused(score):
    with pytest.raises(ValueError, match=r"expected embeddings \(N, D\) and targets \(N,\)"):
        score(torch.ones(4), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"got \(5, 2\) and \(4,\)"):
        score(torch.ones(5, 2), torch.zeros(4, dtype=torch.int64))


@pytest.mark.parametrize("targets", [[], [3], [0, 1, 2]])
def test_nothing_to_find_is_refused(targets):
    labels = torch.tensor(targets, dtype=torch.int64)
    embeddings = torch.ones(len(targets), 2)
    for score in (map_at_r, recall_at_1):
        with pytest.raises(ValueError, match="no class has two samples"):
            score(embeddings, labels)
    with pytest.raises(ValueError, match="no class has two samples"):
        chance(labels)


@pytest.mark.parametrize(("classes", "features"), [(3, 1), (10, 8), (15, 8), (40, 8)])
def test_picture_is_drawn_for_few_and_for_many_classes(classes, features, tmp_path):
    embeddings, targets = random_embeddings(classes=classes, features=features)
    labels = [f"class {label}" for label in range(classes)]
    draw_embeddings(embeddings, targets, labels, tmp_path / "embeddings.png")
    assert (tmp_path / "embeddings.png").read_bytes().startswith(b"\x89PNG")
