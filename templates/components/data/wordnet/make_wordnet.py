"""Makes wordnet.csv: 12,000 definitions of nouns, each with the field of meaning it belongs to.

Needs no package of Python's, but data.noun of WordNet 3.0, from Debian's wordnet-base 1:3.0-37:

    apt-get download wordnet-base && dpkg -x wordnet-base_*.deb unpacked
    python make_wordnet.py unpacked/usr/share/wordnet/data.noun
"""

import csv
import random
import re
import sys
from collections import defaultdict
from itertools import islice
from pathlib import Path

SEED = 0
PER_FIELD = {"train": 1125, "val": 125, "test": 250}  # rows
FIELDS = {  # WordNet's number of the field: the label here
    5: "animal",
    6: "artifact",
    8: "body",
    13: "food",
    15: "location",
    18: "person",
    20: "plant",
    27: "substance",
}
EXAMPLE = re.compile(r';\s*".*')  # after the definition come usage examples, each in quotes


def definition_of(gloss):
    """Returns the definition alone, or None where it cites somebody or says next to nothing."""
    definition = " ".join(EXAMPLE.sub("", gloss).split()).rstrip(";:, ")
    usable = definition.isascii() and '"' not in definition and len(definition.split()) >= 3
    return definition if usable else None


def definitions(path):
    """Returns the definitions of each field in WordNet's order, without those of two fields."""
    fields_of = defaultdict(set)
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):  # the licence, at the top of the file
            continue
        synset, gloss = line.split(" | ", maxsplit=1)
        field = int(synset.split()[1])
        if definition := definition_of(gloss):
            fields_of[definition.lower()].add(field)
            found.setdefault(definition.lower(), definition)
    by_field = defaultdict(list)
    for key, fields in fields_of.items():
        if len(fields) == 1:
            by_field[fields.pop()].append(found[key])
    return by_field


def rows(path):
    """Yields the header, then the rows of each split in turn, shuffled."""
    yield ["split", "label", "text"]
    generator = random.Random(SEED)

    def shuffled(items):
        # random() is the one method whose sequence Python promises to keep between versions
        return sorted(items, key=lambda _: generator.random())

    by_field = definitions(path)
    split_rows = {split: [] for split in PER_FIELD}
    for field, label in FIELDS.items():
        texts = iter(shuffled(by_field[field]))
        for split, count in PER_FIELD.items():
            split_rows[split] += [[split, label, text] for text in islice(texts, count)]
    for of_split in split_rows.values():
        yield from shuffled(of_split)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Say where data.noun is: python make_wordnet.py PATH")
    with Path(__file__).with_name("wordnet.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows(Path(sys.argv[1])))
