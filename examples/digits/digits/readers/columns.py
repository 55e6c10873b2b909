"""Files that store whole columns: NumPy and Parquet."""

import importlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np


def load_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Arrays (N, ...) by name. Nothing in the file is executed: it may come from anywhere."""
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is no .npz file; write one with numpy.savez({path.name!r}, ...)")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{path} must hold arrays of one length, but has {lengths}")
    if not any(lengths.values()):
        raise ValueError(f"{path} holds no rows")
    return arrays


def load_parquet(path: Path) -> dict[str, list[Any]]:
    """Columns of N cells by name; needs pyarrow."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ImportError(f"{path} needs pyarrow to be read: pip install pyarrow") from error
    try:
        columns: dict[str, list[Any]] = parquet.read_table(path).to_pydict()
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these types, too
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from error
    if not any(columns.values()):
        raise ValueError(f"{path} holds no rows")
    return columns
