import importlib

import numpy as np
import pytest
import torch

from project.readers import rows as rows_module
from project.readers.rows import find, read_rows

COLUMNS = {"text": ["bee", "ant", "fly"], "mass": ["0.1", "2.5", "-3.0"]}


def write_csv(path):
    path.write_text("text,mass\nbee,0.1\nant,2.5\nfly,-3.0\n")
    return "line", (2, 3, 4)


def write_jsonl(path):
    lines = ('{"text": "bee", "mass": 0.1}', '{"text": "ant", "mass": 2.5}')
    path.write_text("\n".join((*lines, '{"text": "fly", "mass": "-3.0"}')))
    return "line", (1, 2, 3)


def write_npz(path):
    np.savez(path, text=np.array(COLUMNS["text"]), mass=np.array([0.1, 2.5, -3.0]))
    return "row", (0, 1, 2)


def write_parquet(path):
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"text": COLUMNS["text"], "mass": [0.1, 2.5, -3.0]})
    importlib.import_module("pyarrow.parquet").write_table(table, path)
    return "row", (0, 1, 2)


@pytest.mark.parametrize("write", [write_csv, write_jsonl, write_npz, write_parquet])
def test_every_kind_of_file_gives_the_same_rows_and_their_places(tmp_path, write):
    path = tmp_path / f"a.{write.__name__.removeprefix('write_')}"
    word, numbers = write(path)
    rows = read_rows(path)
    assert rows.columns == COLUMNS
    assert rows.places == [f"{path}, {word} {number}" for number in numbers]
    assert len(rows) == 3


def test_taken_rows_keep_their_places(tmp_path):
    write_csv(tmp_path / "a.csv")
    rows = read_rows(tmp_path / "a.csv")
    taken = rows.take(torch.tensor([2, 0]))
    assert taken.columns == {"text": ["fly", "bee"], "mass": ["-3.0", "0.1"]}
    assert taken.places == [rows.places[2], rows.places[0]]


def test_array_of_rows_and_columns_is_many_columns(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([[1, 2], [3, 4]]), y=np.array([5, 6]))
    columns = read_rows(tmp_path / "a.npz").columns
    assert columns == {"x0": ["1", "3"], "x1": ["2", "4"], "y": ["5", "6"]}


def test_source_is_looked_for_here_and_then_in_the_project(tmp_path, monkeypatch):
    here, project = tmp_path / "here", tmp_path / "project"
    for folder in (here, project):
        folder.mkdir()
        (folder / "both.csv").write_text(f"a\n{folder.name}\n")
    (project / "one.csv").write_text("a\n1\n")
    monkeypatch.chdir(here)
    monkeypatch.setattr(rows_module, "ROOT", project)
    assert read_rows("both.csv").column("a") == ["here"]
    assert find("one.csv") == project / "one.csv"
    with pytest.raises(FileNotFoundError, match=f"there is no none.csv in {here} or in {project}"):
        find("none.csv")
    monkeypatch.chdir(project)
    with pytest.raises(FileNotFoundError, match=f"there is no none.csv in {project}$"):  # once
        find("none.csv")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "text,label\n", "a.csv holds no rows"),
        ("a.jsonl", "", "a.jsonl holds no rows"),
        ("a.xlsx", "", r"a.xlsx is no file of rows; their names end in .csv, .jsonl, .parquet"),
        ("folder.csv/a", "", "folder.csv is no file of rows"),
    ],
)
def test_file_without_rows_is_told(tmp_path, name, content, sentence):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=sentence):
        read_rows(tmp_path / name.split("/")[0])


def test_missing_column_is_told_with_those_that_are_there(tmp_path):
    write_csv(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"a.csv has no column 'label'; its columns are: text, ma"):
        read_rows(tmp_path / "a.csv").column("label")


def test_array_of_images_is_no_table(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 3, 3)))
    with pytest.raises(ValueError, match=r"images \(2, 3, 3\) is no table; \(N,\) or \(N, F\)"):
        read_rows(tmp_path / "a.npz")
