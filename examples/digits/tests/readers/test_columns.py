import importlib

import numpy as np
import pytest

from digits.readers.columns import load_arrays, load_parquet


def test_arrays_come_back_as_they_were_saved(tmp_path):
    saved = {"images": np.arange(24, dtype=np.uint8).reshape(2, 3, 4), "labels": np.array([7, 9])}
    np.savez(tmp_path / "a.npz", **saved)
    loaded = load_arrays(tmp_path / "a.npz")
    assert loaded.keys() == saved.keys()
    for name, array in saved.items():
        assert loaded[name].dtype == array.dtype
        assert np.array_equal(loaded[name], array)


class Code:
    """An object that would run code as soon as it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("code of a data file was executed",))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"a": np.array([Code()], dtype=object)}, "a.npz cannot be read: Object arrays"),
        ({"a": np.zeros(2), "b": np.zeros(3)}, "arrays of one length, but has {'a': 2, 'b': 3}"),
        ({"a": np.zeros(0)}, "a.npz holds no rows"),
        ({}, "a.npz holds no rows"),
    ],
)
def test_arrays_that_are_no_rows_are_refused(tmp_path, arrays, sentence):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=sentence):
        load_arrays(tmp_path / "a.npz")


def test_broken_npz_is_told(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(b"images")
    with pytest.raises(ValueError, match=r"a.npz is no .npz file; write one with numpy.savez"):
        load_arrays(path)
    np.savez(path, a=np.arange(100))
    damaged = bytearray(path.read_bytes())
    damaged[200] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"a.npz cannot be read: "):
        load_arrays(path)


def test_without_pyarrow_its_name_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"a.parquet needs pyarrow to be read: pip install pyar"):
        load_parquet(tmp_path / "a.parquet")


def missing(name):
    raise ImportError(name)


def test_parquet_columns_come_back_as_they_were_saved(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = importlib.import_module("pyarrow.parquet")
    saved = {"mass": [3750.5, None], "island": ["Dream", None], "count": [1, 2]}
    parquet.write_table(pyarrow.table(saved), tmp_path / "a.parquet")
    assert load_parquet(tmp_path / "a.parquet") == saved
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"a.parquet cannot be read as Parquet: "):
        load_parquet(tmp_path / "a.parquet")
    parquet.write_table(pyarrow.table({"mass": []}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"a.parquet holds no rows"):
        load_parquet(tmp_path / "a.parquet")
