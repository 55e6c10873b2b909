"""A covering set of projects: every valid pair of choices that meet in code is in at least one of them."""

from collections.abc import Iterator
from functools import cache
from itertools import combinations, product

from torchgen_cli.catalogue import Catalogue

KINDS = ("task", "model", "loss", "optimizer", "scheduler", "precision")
Choice = tuple[str, ...]  # a name for each of KINDS


def valid_combinations(catalogue: Catalogue) -> Iterator[Choice]:
    """Every combination of the catalogue whose parts fit its task."""
    for task in catalogue.all("task"):
        fitting = [catalogue.fitting(kind, task) for kind in KINDS[1:]]
        yield from product([task.name], *fitting)


def covering_set(choices: list[Choice]) -> list[Choice]:
    """Greedy: the combination that covers most of what is not covered yet, until all pairs are."""
    remaining = {pair for choice in choices for pair in pairs(choice)}
    chosen: list[Choice] = []
    while remaining:
        # with ties the first wins, so the set is the same on every machine
        best = max(choices, key=lambda choice: len(remaining & pairs(choice)))
        chosen.append(best)
        remaining -= pairs(best)
    return chosen


@cache
def pairs(choice: Choice) -> frozenset[tuple[tuple[str, str], ...]]:
    """The pairs of (kind, name) in a combination that meet in its code.

    A loss meets its task and its model; optimizer, schedule and precision see no more of it than a gradient.
    """
    after_the_loss = {"optimizer", "scheduler", "precision"}
    every = combinations(zip(KINDS, choice, strict=True), 2)
    apart = [{"loss", kind} for kind in after_the_loss]
    return frozenset(pair for pair in every if {kind for kind, _ in pair} not in apart)
