"""Files that store a row a line: CSV and JSONL, in UTF-8."""

import csv
import io
import json
from pathlib import Path
from typing import Any

Lines = tuple[dict[str, list[str]], list[int]]  # columns by name, and the line of each row


def load_csv(path: Path) -> Lines:
    """A header, then rows of as many cells, separated by commas, semicolons or tabs."""
    text = read_text(path)
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    try:
        header = next(reader, [])
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: {error}") from error
    if not header:
        raise ValueError(f"{path} is empty; its first line must name the columns")
    if len(set(header)) < len(header):
        raise ValueError(f"{path} names a column twice: {', '.join(header)}")
    for line, cells in rows:
        if len(cells) != len(header):
            raise ValueError(
                f"{path}, line {line} has {len(cells)} cells, but the header has {len(header)}"
            )
    columns = {name: [cells[index] for _, cells in rows] for index, name in enumerate(header)}
    return columns, [line for line, _ in rows]


def load_jsonl(path: Path) -> Lines:
    """An object a line; every one has the keys of the first."""
    columns: dict[str, list[str]] = {}
    lines: list[int] = []
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        place = f"{path}, line {line}"
        try:
            row = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{place} is no JSON: {error.msg}") from error
        if not isinstance(row, dict):
            raise ValueError(f'{place} is no object such as {{"text": "...", "label": "..."}}')
        if not lines:
            columns = {key: [] for key in row}
        for key, cells in columns.items():
            if key not in row:
                raise ValueError(f"{place} has no {key!r}, but the first line has one")
            cells.append(as_text(row[key], place))
        lines.append(line)
    return columns, lines


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {line} is not UTF-8; save the file as UTF-8") from error


def as_text(cell: Any, place: str) -> str:
    """One value of a row; nothing is an empty cell."""
    if isinstance(cell, (list, dict)):
        raise ValueError(f"{place} holds {cell!r}; a cell is one text or one number")
    return "" if cell is None else str(cell)
