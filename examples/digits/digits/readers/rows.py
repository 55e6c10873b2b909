"""Rows of a file, as columns of text.

CSV, JSONL, Parquet and NumPy files all end up here. A cell stays text until the task knows what it
means, and every row knows its place in the file: for messages.
"""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from .columns import load_arrays, load_parquet
from .lines import as_text, load_csv, load_jsonl

ROOT = Path(__file__).resolve().parents[2]  # the folder that holds the package, and data/
SUFFIXES = (".csv", ".jsonl", ".parquet", ".npz")


@dataclass(frozen=True)
class Rows:
    """Row i is `columns[name][i]` for every name; `places[i]` says where it stands."""

    path: Path
    columns: dict[str, list[str]]
    places: list[str]

    def __len__(self) -> int:
        return len(self.places)

    def column(self, name: str) -> list[str]:
        """The cells of a column that has to be there."""
        if name not in self.columns:
            known = ", ".join(self.columns)
            raise ValueError(f"{self.path} has no column {name!r}; its columns are: {known}")
        return self.columns[name]

    def take(self, rows: Tensor) -> "Rows":
        """Some of the rows."""
        chosen = rows.tolist()
        columns = {name: [cells[row] for row in chosen] for name, cells in self.columns.items()}
        return Rows(self.path, columns, [self.places[row] for row in chosen])


def find(source: str | Path) -> Path:
    """A file or folder, looked for in the current folder and then in the project's."""
    folders = dict.fromkeys((Path.cwd(), ROOT))
    path = Path(source).expanduser()
    for place in (path, ROOT / path):
        if place.exists():
            return place
    raise FileNotFoundError(f"there is no {source} in {' or in '.join(map(str, folders))}")


def read_rows(source: str | Path) -> Rows:
    """The rows of a .csv, .jsonl, .parquet or .npz file."""
    path = find(source)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES or path.is_dir():
        raise ValueError(f"{path} is no file of rows; their names end in {', '.join(SUFFIXES)}")
    if suffix in (".csv", ".jsonl"):
        columns, lines = load_csv(path) if suffix == ".csv" else load_jsonl(path)
        rows = Rows(path, columns, [f"{path}, line {line}" for line in lines])
    else:
        rows = read_parquet(path) if suffix == ".parquet" else read_npz(path)
    if not rows.places:
        raise ValueError(f"{path} holds no rows")
    return rows


def read_parquet(path: Path) -> Rows:
    """The columns of a Parquet file; a cell holds one text, one number or nothing."""
    columns = load_parquet(path)
    places = numbered(path, len(next(iter(columns.values()))))
    as_texts = {
        name: [as_text(cell, place) for cell, place in zip(cells, places, strict=True)]
        for name, cells in columns.items()
    }
    return Rows(path, as_texts, places)


def read_npz(path: Path) -> Rows:
    """An array (N,) is a column; an array (N, F) is the columns name0, name1, ..."""
    columns: dict[str, list[str]] = {}
    for name, array in load_arrays(path).items():
        if array.ndim > 2:
            raise ValueError(f"{path}: {name} {array.shape} is no table; (N,) or (N, F) would be")
        parts = {name: array}
        if array.ndim == 2:
            parts = {f"{name}{index}": column for index, column in enumerate(array.T)}
        columns |= {key: part.astype(str).tolist() for key, part in parts.items()}
    return Rows(path, columns, numbered(path, len(next(iter(columns.values())))))


def numbered(path: Path, count: int) -> list[str]:
    """The places of rows that have no lines; the first is row 0, as NumPy counts."""
    return [f"{path}, row {row}" for row in range(count)]
