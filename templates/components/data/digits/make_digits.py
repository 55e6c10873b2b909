"""Makes digits.csv: 1,797 handwritten digits of 8 x 8 pixels, in the original order.

Needs scikit-learn, which ships the data. Run it in this folder:

    pip install scikit-learn==1.9.1
    python make_digits.py
"""

import csv
from pathlib import Path

from sklearn.datasets import load_digits

# rows of a writer stand together: those of the later splits are new handwriting
SPLITS = ["train"] * 1047 + ["val"] * 250 + ["test"] * 500


def rows():
    """Yields the header, then a row an image: split, label, 64 pixels (0 to 16) line by line."""
    yield ["split", "label", *(f"pixel{index}" for index in range(64))]
    digits = load_digits()
    for split, label, pixels in zip(SPLITS, digits.target, digits.data, strict=True):
        yield [split, label, *pixels.astype(int)]


if __name__ == "__main__":
    with Path(__file__).with_name("digits.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows())
