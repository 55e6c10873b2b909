"""The promises of every task: what it reads, what it learns from which rows, and what it keeps.

Each is tried on the data that it ships with, and on changed copies of them. A new folder is tested
without an edit here.
"""

import ast
import csv
import importlib
import inspect
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml

COMPONENTS = Path(__file__).parents[2] / "templates" / "components"
FACTS = {
    path.parent.name: yaml.safe_load(path.read_text())
    for path in sorted((COMPONENTS / "task").glob("*/component.yml"))
}
FOLDERS = {"readers": "reader", "metrics": "metrics"}
SIZES = {
    "image": {"in_channels", "in_features", "out_features"},
    "table": {"in_features", "out_features"},
    "text": {"vocabulary_size", "max_length", "out_features"},
}
DIMENSIONS = {"image": 4, "table": 2, "text": 2}
LOADED = {}

pytestmark = pytest.mark.usefixtures("project_root")


@pytest.fixture(params=FACTS)
def name(request):
    return request.param


@pytest.fixture
def project_root(tmp_path, monkeypatch):
    """An empty folder with the shipped data in data/, to stand in."""
    (tmp_path / "data").mkdir()
    for file in COMPONENTS.glob("data/*/*.csv"):
        (tmp_path / "data" / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)


def entry(name):
    """The class of a task and the settings of its entry."""
    call = ast.parse(f"partial({FACTS[name]['entry']})", mode="eval").body
    module = importlib.import_module(f"project.tasks.{name}")
    settings = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    return getattr(module, ast.unparse(call.args[0])), settings


def make(name, **settings):
    task, shown = entry(name)
    return task(**{**shown, **settings})


def loaded(name):
    """The task on its own data, with its sets; read once."""
    if name not in LOADED:
        task = make(name)
        LOADED[name] = (task, *task.load())
    return LOADED[name]


def everything(dataset):
    return dataset.__getitems__(torch.arange(len(dataset)))


def rows_of(name):
    with Path(entry(name)[1]["source"]).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def label_of(name):
    return entry(name)[1].get("target", "label")


def write(rows, path="changed.csv"):
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def perfect(name, targets):
    """Outputs that say exactly what the targets say."""
    if FACTS[name]["outputs"] == "numbers":
        return targets.clone()
    return 10 * F.one_hot(targets).float()


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def test_constructor_reads_nothing_and_its_settings_are_keywords(name):
    task, shown = entry(name)
    source, *settings = inspect.signature(task).parameters.values()
    assert (source.name, source.default) == ("source", shown["source"])
    assert all(setting.kind is setting.KEYWORD_ONLY for setting in settings)
    assert all(setting.default is not setting.empty for setting in settings)
    assert all(
        value == inspect.signature(task).parameters[key].default for key, value in shown.items()
    )
    task("nowhere.csv")


def test_needs_are_exactly_what_is_imported(name):
    waiting, seen = [f"task/{name}"], set()
    while waiting:
        component = waiting.pop()
        code = (COMPONENTS / component / f"{Path(component).name}.py").read_text()
        kinds = re.findall(r"^from \.\.(\w+)\.(\w+) import", code, re.M)
        siblings = re.findall(r"^from \.(\w+) import", code, re.M)
        found = {f"{FOLDERS[folder]}/{part}" for folder, part in kinds}
        found |= {f"{Path(component).parent}/{part}" for part in siblings}
        waiting += found - seen
        seen |= found
    data = f"data/{Path(entry(name)[1]['source']).stem}"
    assert sorted(FACTS[name]["needs"]) == sorted({*seen, data})


@pytest.mark.parametrize("held_out", ["val", "test"])
def test_known_figure_is_that_of_the_data_card(name, held_out):
    task = make(name)
    task.load(held_out)
    (known,) = (value for key, value in task.references().items() if key != "chance")
    card = yaml.safe_load(
        (COMPONENTS / "data" / Path(task.source).stem / "component.yml").read_text()
    )
    figures = [line[held_out] for line in card["baselines"] if line["metric"] == task.metric]
    assert known in figures
    assert any(task.references()["chance"] == pytest.approx(figure, abs=1e-3) for figure in figures)


def test_known_figure_is_not_shown_beside_other_data(name):
    task = make(name, source=write(rows_of(name)))
    task.load()
    assert task.references().keys() == {"chance"}


def test_batches_have_the_types_and_shapes_of_the_protocol(name):
    task, *sets = loaded(name)
    facts = FACTS[name]
    assert task.sizes.keys() == SIZES[facts["inputs"]]
    for dataset in sets:
        inputs, targets = dataset.__getitems__([3, 0, 3])
        assert inputs.dtype == (torch.int64 if facts["inputs"] == "text" else torch.float32)
        assert inputs.ndim == DIMENSIONS[facts["inputs"]]
        numbers = facts["outputs"] == "numbers"
        assert targets.dtype == (torch.float32 if numbers else torch.int64)
        assert targets.shape == ((3, task.sizes["out_features"]) if numbers else (3,))
        assert len(inputs) == 3
        if facts["inputs"] == "text":
            assert inputs.max() < task.sizes["vocabulary_size"]
            assert inputs.shape[1] <= task.sizes["max_length"]
        else:
            assert inputs[0].numel() == task.sizes["in_features"]
            assert inputs.isfinite().all()
        if facts["inputs"] == "image":
            assert inputs.shape[1] == task.sizes["in_channels"]


def test_split_column_decides(name):
    _, train_set, val_set = loaded(name)
    splits = [row["split"] for row in rows_of(name)]
    assert (len(train_set), len(val_set)) == (splits.count("train"), splits.count("val"))
    same_train, test_set = make(name).load("test")
    assert len(test_set) == splits.count("test")
    assert same(everything(same_train), everything(train_set))


def test_source_without_test_rows_is_told(name):
    rows = [row for row in rows_of(name) if row["split"] != "test"]
    with pytest.raises(ValueError, match=r"changed.csv, line 2 .* there is no test set. Write"):
        make(name, source=write(rows)).load("test")


def test_without_split_column_seed_and_fraction_decide(name):
    rows = [{key: row[key] for key in row if key != "split"} for row in rows_of(name)]
    source = write(rows)

    def load(**settings):
        task = make(name, source=source, **settings)
        return [everything(part) for part in (*task.load(), task.load("test")[1])]

    train, val, test = load(split_seed=1, val_fraction=0.3)
    assert len(train[1]) + len(val[1]) + len(test[1]) == len(rows)
    assert len(test[1]) == pytest.approx(0.15 * len(rows), abs=5)
    assert len(val[1]) == pytest.approx(0.3 * len(rows), abs=2)
    assert same([train, val, test], load(split_seed=1, val_fraction=0.3))
    assert not torch.equal(val[1], load(split_seed=2, val_fraction=0.3)[1][1])


@pytest.mark.parametrize("held_out", ["val", "test"])
def test_rows_held_out_change_nothing_that_is_learned(name, held_out):
    task = make(name)
    _, as_it_was = task.load(held_out)
    rows = rows_of(name)
    for row in rows:
        for key in row.keys() - {"split", label_of(name)} if row["split"] == held_out else ():
            number = re.fullmatch(r"[\d.]+", row[key])
            other = str(float(row[key]) * 1000) if number else f"{row[key]} unheard"
            row[key] = row[key] and other  # a gap stays a gap
    changed = make(name, source=write(rows))
    _, dataset = changed.load(held_out)
    assert same(changed.state_dict(), task.state_dict())
    assert not same(everything(dataset), everything(as_it_was))


def test_indexing_repeats_and_gives_copies(name):
    _, train_set, _ = loaded(name)
    rows = torch.tensor([5, 1, 5])
    first = train_set.__getitems__(rows)
    again = train_set.__getitems__(rows.tolist())
    assert same(first, again)
    assert torch.equal(first[0][0], first[0][2])
    first[0].zero_()
    first[1].zero_()
    assert same(again, train_set.__getitems__(rows))


def test_sets_own_their_memory(name):
    for dataset in loaded(name)[1:]:
        for tensor in (dataset.inputs, dataset.targets):
            assert tensor.untyped_storage().nbytes() == tensor.nbytes


def test_saved_state_is_enough_to_predict_exactly_as_in_training(name):
    task, _, val_set = loaded(name)
    torch.save(task.state_dict(), "state.pt")
    fresh = make(name)
    fresh.load_state_dict(torch.load("state.pt", weights_only=True))
    hidden = {"split", label_of(name)}
    raw = [
        {key: row[key] for key in row if key not in hidden}
        for row in rows_of(name)
        if row["split"] == "val"
    ]
    half = len(raw) // 2
    inputs = fresh.read([write(raw[:half], "first.csv"), Path(write(raw[half:], "second.csv"))])
    expected, _ = everything(val_set)
    assert torch.equal(inputs, expected)
    assert (fresh.sizes, fresh.references()) == (task.sizes, task.references())
    assert same(fresh.state_dict(), task.state_dict())
    outputs = torch.randn(6, task.sizes["out_features"])
    assert fresh.describe(outputs) == task.describe(outputs)


def test_every_output_is_described_in_a_line(name):
    task, *_ = loaded(name)
    for count in (1, 7):
        answers = task.describe(torch.randn(count, task.sizes["out_features"]))
        assert len(answers) == count
        assert all(answer.strip() and "\n" not in answer for answer in answers)


def test_perfect_outputs_have_the_best_figure_and_chance_is_far_from_it(name):
    task, _, val_set = loaded(name)
    _, targets = everything(val_set)
    figures = task.metrics(perfect(name, targets), targets)
    assert figures[task.metric] == pytest.approx(1)
    assert all(type(figure) is float for figure in figures.values())
    assert task.higher_is_better
    assert task.references()["chance"] < 0.6


def test_figure_is_a_picture(name, tmp_path):
    task, _, val_set = loaded(name)
    _, targets = everything(val_set)
    task.figure(perfect(name, targets), targets, tmp_path / "outputs.png")
    assert (tmp_path / "outputs.png").read_bytes().startswith(b"\x89PNG")


def test_augmentation_draws_from_its_generator_alone(name):
    task, train_set, _ = loaded(name)
    inputs, _ = train_set.__getitems__(torch.arange(16))
    before, chance = inputs.clone(), torch.get_rng_state()
    one, other = (task.augment(inputs, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, other)
    assert (one.shape, one.dtype) == (inputs.shape, inputs.dtype)
    assert torch.equal(inputs, before)
    assert torch.equal(torch.get_rng_state(), chance)


def test_missing_and_empty_sources_are_told(name):
    with pytest.raises(FileNotFoundError, match=r"there is no nowhere.csv in /"):
        make(name, source="nowhere.csv").load()
    Path("empty.csv").touch()
    with pytest.raises(ValueError, match=r"empty.csv is empty; its first line must name"):
        make(name, source="empty.csv").load()


def test_missing_target_is_told_with_its_line(name):
    rows = rows_of(name)
    rows[7][label_of(name)] = ""
    with pytest.raises(ValueError, match=r"changed.csv, line 9.* fill it in or leave the row out"):
        make(name, source=write(rows)).load()


@pytest.mark.parametrize("held_out", ["val", "test"])
@pytest.mark.parametrize("name", [n for n, facts in FACTS.items() if facts["outputs"] != "numbers"])
def test_class_that_is_only_held_out_is_told_with_its_line(name, held_out):
    rows = rows_of(name)
    line = next(line for line, row in enumerate(rows, start=2) if row["split"] == held_out)
    rows[line - 2][label_of(name)] = "unheard"
    with pytest.raises(ValueError, match=rf"changed.csv, line {line} is 'unheard', which no train"):
        make(name, source=write(rows)).load()
