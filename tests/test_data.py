"""The embedded data sets: each file is what its card says, and each stated baseline is reached.

A data set is a folder templates/components/data/NAME with NAME.csv, NAME.md (the card),
component.yml and make_NAME.py, the script that made the file.
"""

import csv
import hashlib
import math
import runpy
from collections import Counter
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

DATA = Path(__file__).parent.parent / "templates" / "components" / "data"
NAMES = sorted(file.parent.name for file in DATA.glob("*/component.yml"))

needs_scikit_learn = pytest.mark.skipif(
    find_spec("sklearn") is None,
    reason="scikit-learn recomputes the baselines: pip install scikit-learn",
)

PIXELS = ",".join(f"pixel{index}" for index in range(64))
HEADERS = {
    "digits": f"split,label,{PIXELS}",
    "wordnet": "split,label,text",
    "penguins": "split,sex,species,island,"
    "bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g",
    "auto_mpg": "split,mpg,cylinders,displacement,horsepower,weight,acceleration,model_year,origin",
}
SPLITS = ("train", "val", "test")
HELD_OUT = ("val", "test")
CATEGORIES = {"penguins": {"species", "island"}, "auto_mpg": {"origin"}}
EMPTY_CELLS = {"auto_mpg": {"horsepower": 6}}


def component(name):
    return yaml.safe_load((DATA / name / "component.yml").read_text(encoding="utf-8"))


def card(name):
    return (DATA / name / f"{name}.md").read_text(encoding="utf-8")


@cache
def table(name):
    with (DATA / name / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rows(name, split):
    return [row for row in table(name) if row["split"] == split]


def columns(name):
    return list(table(name)[0])


def table_line(name, first_cell):
    """Returns the cells of the one line of the card's tables that begins with this cell."""
    start = f"| {first_cell} |"
    [line] = [line for line in card(name).splitlines() if line.startswith(start)]
    return [cell.strip() for cell in line.removeprefix(start).split("|")[:-1]]


@pytest.mark.parametrize("name", NAMES)
def test_the_checksum_is_the_stated_one(name):
    checksum = hashlib.sha256((DATA / name / f"{name}.csv").read_bytes()).hexdigest()
    assert component(name)["sha256"] == checksum
    assert f"`{checksum}`" in card(name)


@pytest.mark.parametrize("name", NAMES)
def test_header_and_size_are_the_stated_ones(name):
    assert (DATA / name / f"{name}.csv").read_text(encoding="utf-8").split("\n")[0] == HEADERS[name]
    assert len(table(name)) == component(name)["rows"]
    assert f"{len(table(name))} rows" in card(name)
    for split in SPLITS:
        assert f"`{split}` ({len(rows(name, split))} rows)" in card(name)
    assert sum(len(rows(name, split)) for split in SPLITS) == len(table(name))


@pytest.mark.parametrize(
    ("name", "column"),
    [("digits", "label"), ("wordnet", "label"), ("penguins", "sex"), ("auto_mpg", "origin")],
)
def test_classes_are_as_frequent_as_the_card_says(name, column):
    classes = table_line(name, column)
    for split in SPLITS:
        stated = dict(zip(classes, map(int, table_line(name, split)), strict=True))
        assert Counter(row[column] for row in rows(name, split)) == stated


@pytest.mark.parametrize("name", NAMES)
def test_only_the_cells_the_card_names_are_empty(name):
    empty = Counter(
        column for row in table(name) for column, cell in row.items() if cell.strip() == ""
    )
    assert empty == EMPTY_CELLS.get(name, {})


@pytest.mark.parametrize("name", NAMES)
def test_no_row_is_in_two_splits(name):
    contents = [
        {tuple(row[column].lower() for column in columns(name)[1:]) for row in rows(name, split)}
        for split in SPLITS
    ]
    assert "in two splits" in card(name)
    assert len(set.union(*contents)) == sum(map(len, contents))


@pytest.mark.parametrize("name", ["digits", "wordnet"])
def test_no_input_occurs_twice(name):
    """Not even under two labels: the same text with two answers would bound every model."""
    inputs = Counter(tuple(row[c].lower() for c in columns(name)[2:]) for row in table(name))
    assert [key for key, count in inputs.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_files_are_plain_text_that_a_template_may_include(name):
    for file in (DATA / name).iterdir():
        if file.is_file():
            content = file.read_bytes().decode("utf-8")
            assert content.endswith("\n"), file.name
            assert "\r" not in content, file.name
            assert [mark for mark in ("[=", "[%", "[#") if mark in content] == [], file.name


@pytest.mark.parametrize("name", NAMES)
def test_the_card_names_source_licence_split_and_every_baseline(name):
    facts, text = component(name), card(name)
    link = facts["source"].split()[-1]
    assert link.startswith("https://")
    assert link in text
    assert facts["licence"] in text
    assert "\n## Split\n" in text
    for stated in facts["baselines"]:
        cells = table_line(name, stated["name"])
        assert {str(stated[split]) for split in HELD_OUT} <= {*cells}, stated


@pytest.mark.parametrize("name", NAMES)
def test_the_script_says_how_it_is_run(name):
    assert f"python make_{name}.py" in (DATA / name / f"make_{name}.py").read_text(encoding="utf-8")


@needs_scikit_learn
def test_the_script_of_digits_makes_the_shipped_file():
    made = runpy.run_path(str(DATA / "digits" / "make_digits.py"))["rows"]()
    shipped = [columns("digits"), *(list(row.values()) for row in table("digits"))]
    assert [[str(cell) for cell in row] for row in made] == shipped


def most_frequent_share(name, target, held_out):
    """Returns the accuracy of always answering the commonest class of the set."""
    [(_, count)] = Counter(row[target] for row in rows(name, held_out)).most_common(1)
    return count / len(rows(name, held_out))


def retrieval(vectors, labels):
    """Returns MAP@R and recall@1 when every vector queries all others by cosine similarity."""
    import numpy

    directions = vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)
    similarity = directions @ directions.T  # (N, N)
    precisions, firsts = [], []
    for query, row in enumerate(similarity):
        others = [index for index in numpy.argsort(-row, kind="stable") if index != query]
        relevant = labels[others] == labels[query]  # (N - 1,)
        top = relevant[: relevant.sum()]
        precisions.append((numpy.cumsum(top) / numpy.arange(1, len(top) + 1) * top).mean())
        firsts.append(relevant[0])
    return numpy.mean(precisions), numpy.mean(firsts)


def chance_of_retrieval(labels):
    """Returns the expected MAP@R and recall@1 of a random order, exactly.

    Place k is relevant with probability R / n; if it is, each of the k - 1 places before it is
    with probability (R - 1) / (n - 1).
    """
    n = len(labels) - 1
    precisions, firsts = [], []
    for relevant in (count - 1 for count in Counter(labels).values() for _ in range(count)):
        places = [(1 + (k - 1) * (relevant - 1) / (n - 1)) / k for k in range(1, relevant + 1)]
        precisions.append(sum(places) / n)
        firsts.append(relevant / n)
    return sum(precisions) / len(precisions), sum(firsts) / len(firsts)


def digits_baselines(held_out):
    import numpy
    from sklearn.svm import SVC

    def arrays(split):
        numbers = numpy.array(
            [list(row.values())[1:] for row in rows("digits", split)], dtype=float
        )
        return numbers[:, 1:], numbers[:, 0].astype(int)  # (N, 64), (N,)

    pixels, labels = arrays(held_out)
    raw = retrieval(pixels, labels)
    chance = chance_of_retrieval(labels.tolist())
    classifier = SVC(gamma=0.001).fit(*arrays("train"))
    return {
        ("support vector machine, gamma 0.001", "accuracy"): classifier.score(pixels, labels),
        ("the most frequent class", "accuracy"): most_frequent_share("digits", "label", held_out),
        ("raw pixels, cosine similarity", "map_at_r"): raw[0],
        ("chance", "map_at_r"): chance[0],
        ("raw pixels, cosine similarity", "recall_at_1"): raw[1],
        ("chance", "recall_at_1"): chance[1],
    }


def wordnet_baselines(held_out):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def texts_and_labels(split):
        return zip(*((row["text"], row["label"]) for row in rows("wordnet", split)), strict=True)

    # the default solver takes twelve times as long to reach the same optimum
    regression = LogisticRegression(C=100, solver="newton-cg")
    classifier = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), regression)
    accuracy = classifier.fit(*texts_and_labels("train")).score(*texts_and_labels(held_out))
    return {
        ("TF-IDF of words and word pairs, logistic regression", "accuracy"): accuracy,
        ("chance", "accuracy"): most_frequent_share("wordnet", "label", held_out),
    }


def fitted_table(name, target, estimator, kind, held_out):
    """Returns the fitted pipeline, and features and targets (as `kind`) of the rows held out."""
    import numpy
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    features = [column for column in columns(name) if column not in ("split", target)]
    categories = [index for index, column in enumerate(features) if column in CATEGORIES[name]]
    numbers = [index for index in range(len(features)) if index not in categories]

    def arrays(split):
        cells = [
            [row[c] if c in CATEGORIES[name] else float(row[c] or math.nan) for c in features]
            for row in rows(name, split)
        ]
        return numpy.array(cells, dtype=object), numpy.array(
            [kind(r[target]) for r in rows(name, split)]
        )

    scaled = make_pipeline(SimpleImputer(), StandardScaler())
    preprocessing = make_column_transformer((scaled, numbers), (OneHotEncoder(), categories))
    return make_pipeline(preprocessing, estimator).fit(*arrays("train")), *arrays(held_out)


def penguins_baselines(held_out):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    classifier, features, sexes = fitted_table(
        "penguins", "sex", LogisticRegression(), str, held_out
    )
    scores = classifier.decision_function(features)  # (N,)
    return {
        ("logistic regression", "accuracy"): classifier.score(features, sexes),
        ("the most frequent class", "accuracy"): most_frequent_share("penguins", "sex", held_out),
        ("logistic regression", "roc_auc"): roc_auc_score(sexes == "male", scores),
        ("the most frequent class", "roc_auc"): roc_auc_score(sexes == "male", [0.0] * len(sexes)),
    }


def auto_mpg_baselines(held_out):
    from sklearn.dummy import DummyRegressor
    from sklearn.linear_model import Ridge
    from sklearn.metrics import r2_score, root_mean_squared_error

    measured = {}
    for label, estimator in (("ridge regression", Ridge()), ("the mean", DummyRegressor())):
        model, features, mpg = fitted_table("auto_mpg", "mpg", estimator, float, held_out)
        measured[label, "r2"] = r2_score(mpg, model.predict(features))
        measured[label, "rmse"] = root_mean_squared_error(mpg, model.predict(features))
    return measured


RECOMPUTE = {
    "digits": digits_baselines,
    "wordnet": wordnet_baselines,
    "penguins": penguins_baselines,
    "auto_mpg": auto_mpg_baselines,
}


@needs_scikit_learn
@pytest.mark.parametrize("held_out", HELD_OUT)
@pytest.mark.parametrize("name", NAMES)
def test_every_stated_baseline_is_reached_on_the_shipped_split(name, held_out):
    stated = {(b["name"], b["metric"]): b[held_out] for b in component(name)["baselines"]}
    assert RECOMPUTE[name](held_out) == pytest.approx(stated, abs=0.005)
