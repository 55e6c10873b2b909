"""Files and functions stay short enough to be read in one go: what grows has to be taken apart."""

import ast
from pathlib import Path

import pytest
from everything import everything

ROOT = Path(__file__).parents[1]
OF_THE_GENERATOR = 250  # lines of a file
OF_A_PROJECT = 150
OF_ITS_TESTS = 250
OF_A_FUNCTION = 40  # without what it says of itself
LOOP = ("train.py", "train", 80)  # reads top to bottom

GENERATOR = [
    path
    for folder in ("src", "scripts", "docs", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
]


def too_long(name: str, text: str, lines: int) -> list[str]:
    found = [f"{name}: {count} lines"] if (count := len(text.splitlines())) > lines else []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef):
            continue
        first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
        limit = LOOP[2] if (Path(name).name, node.name) == LOOP[:2] else OF_A_FUNCTION
        if (count := node.end_lineno - first.lineno + 1) > limit:
            found.append(f"{name}: {node.name}: {count} lines")
    return found


def test_what_is_too_long_is_found():
    lines = "    step()\n" * 41
    assert too_long("loop.py", f'def train():\n    """Says so."""\n{lines}', 40) == [
        "loop.py: 43 lines",
        "loop.py: train: 41 lines",
    ]
    assert too_long("train.py", f"def train():\n{lines}", 42) == []


@pytest.mark.parametrize("path", GENERATOR, ids=lambda path: path.stem)
def test_a_file_of_the_generator_is_short(path):
    name = path.relative_to(ROOT).as_posix()
    assert too_long(name, path.read_text(), OF_THE_GENERATOR) == []


def test_every_file_of_a_project_is_short():
    files = {path: text for path, text in everything().items() if path.endswith(".py")}
    found = []
    for path, text in files.items():
        found += too_long(path, text, OF_ITS_TESTS if path.startswith("tests/") else OF_A_PROJECT)
    assert found == []
