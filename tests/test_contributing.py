"""The guide's example is a real component: put where the guide says, it keeps its promises."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
STEP = re.compile(r"^`(templates/components/\S+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_example_of_the_guide_works(tmp_path):
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("templates", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name)
    files = STEP.findall((ROOT / "CONTRIBUTING.md").read_text())
    folder = tmp_path / Path(files[0][0]).parent
    folder.mkdir()
    for path, text in files:
        (tmp_path / path).write_text(text)
    assert {path.name for path in folder.iterdir()} == {
        f"{folder.name}.py",
        f"test_{folder.name}.py",
        "component.yml",
    }
    for command in (
        ["ruff", "check", folder],
        ["ruff", "format", "--check", folder],
        ["pytest", "-q", folder],
        ["pytest", "-q", "tests/contracts", "-k", folder.name],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
