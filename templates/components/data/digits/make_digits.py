"""Makes digits.csv: 1,797 handwritten digits of 8 x 8 pixels, in the original order.

Needs scikit-learn, which ships the data. Run it in this folder:

    pip install scikit-learn==1.9.1
    python make_digits.py
"""

import csv
from pathlib import Path

from sklearn.datasets import load_digits

TRAIN_ROWS = 1297  # rows of a writer stand together: the last 500 are new handwriting


def rows():
    """Yields the header, then a row an image: split, label, 64 pixels (0 to 16) line by line."""
    yield ["split", "label", *(f"pixel{index}" for index in range(64))]
    digits = load_digits()
    for index, (label, pixels) in enumerate(zip(digits.target, digits.data, strict=True)):
        yield ["train" if index < TRAIN_ROWS else "val", label, *pixels.astype(int)]


if __name__ == "__main__":
    with Path(__file__).with_name("digits.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows())
