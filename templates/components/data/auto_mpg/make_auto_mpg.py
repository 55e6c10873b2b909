"""Makes auto_mpg.csv: the fuel consumption of 398 cars of 1970 to 1982, in miles per gallon.

No package ships all of it, so two are joined: vega_datasets has the six cars whose horsepower is
unknown, but dates the cars of 1981 to 1982; bokeh-sampledata has the right years, but leaves
those six out. Needs both. Run it in this folder:

    pip install vega_datasets==0.9.0 bokeh-sampledata==2026.1
    python make_auto_mpg.py
"""

import csv
import json
import random
from importlib.resources import files
from itertools import islice
from pathlib import Path

SEED = 0
SHARES = {"test": 0.25, "val": 0.15}  # the rest trains
# the column here: its name in vega_datasets, its name in bokeh-sampledata
NUMBERS = {
    "mpg": ("Miles_per_Gallon", "mpg"),
    "cylinders": ("Cylinders", "cyl"),
    "displacement": ("Displacement", "displ"),
    "horsepower": ("Horsepower", "hp"),
    "weight": ("Weight_in_lbs", "weight"),
    "acceleration": ("Acceleration", "accel"),
}


def cars():
    """Yields the cars whose consumption is known; the source orders them by model year."""
    every_car = json.loads((files("vega_datasets") / "_data" / "cars.json").read_text("utf-8"))
    with (files("bokeh_sampledata") / "_data" / "auto-mpg.csv").open(encoding="utf-8") as file:
        complete_cars = csv.DictReader(file)
        model_year = None  # a car without a twin is of the same year as the car before it
        for car in every_car:
            if car["Miles_per_Gallon"] is None:
                continue
            numbers = [car[name] for name, _ in NUMBERS.values()]
            if None not in numbers:
                twin = next(complete_cars)
                if numbers != [float(twin[name]) for _, name in NUMBERS.values()]:
                    raise ValueError(
                        f"the packages differ at {car['Name']}: use the versions above"
                    )
                model_year = twin["yr"]
            cells = ["" if number is None else f"{number:g}" for number in numbers]
            yield [*cells, model_year, car["Origin"].lower()]


def random_split(count):
    """Returns the split of each of `count` rows."""
    generator = random.Random(SEED)
    # random() is the one method whose sequence Python promises to keep between versions
    order = iter(sorted(range(count), key=lambda _: generator.random()))
    splits = ["train"] * count
    for split, share in SHARES.items():
        for index in islice(order, round(share * count)):
            splits[index] = split
    return splits


def rows():
    """Yields the header, then a row a car."""
    yield ["split", *NUMBERS, "model_year", "origin"]
    table = list(cars())
    for split, row in zip(random_split(len(table)), table, strict=True):
        yield [split, *row]


if __name__ == "__main__":
    with Path(__file__).with_name("auto_mpg.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows())
