"""Makes penguins.csv: the sex of 333 penguins, their species, island and four measurements.

Needs palmerpenguins, which ships the data. Run it in this folder:

    pip install palmerpenguins==0.1.6
    python make_penguins.py
"""

import csv
import random
from collections import Counter
from importlib.resources import files
from itertools import islice
from pathlib import Path

SEED = 0
SHARES = {"test": 0.25, "val": 0.15}  # the rest trains
FEATURES = (
    "species",
    "island",
    "bill_length_mm",
    "bill_depth_mm",
    "flipper_length_mm",
    "body_mass_g",
)


def penguins():
    """Returns the rows whose sex is known, as dictionaries in the order of the source."""
    with (files("palmerpenguins") / "data" / "penguins.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["sex"] in ("female", "male")]


def stratified_split(labels):
    """Returns the split of each label: every class gives the same share of its rows to each."""
    generator = random.Random(SEED)
    # random() is the one method whose sequence Python promises to keep between versions
    order = sorted(range(len(labels)), key=lambda _: generator.random())
    splits = ["train"] * len(labels)
    for label, count in Counter(labels).items():
        members = iter([index for index in order if labels[index] == label])
        for split, share in SHARES.items():
            for index in islice(members, round(share * count)):
                splits[index] = split
    return splits


def rows():
    """Yields the header, then a row a penguin."""
    yield ["split", "sex", *FEATURES]
    table = penguins()
    for split, row in zip(stratified_split([row["sex"] for row in table]), table, strict=True):
        yield [split, row["sex"], *(row[name] for name in FEATURES)]


if __name__ == "__main__":
    with Path(__file__).with_name("penguins.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows())
