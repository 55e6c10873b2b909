"""The smoke test for a GPU is written and run; what it says holds, with or without a GPU."""

import subprocess
import sys

import pytest
import torch
from benchmarks.cuda import prepare


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cuda") / "there"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["prepare", str(folder), "--projects", "2"])
        prepare.main()
    return folder


def smoke(folder):
    done = subprocess.run([sys.executable, "smoke.py"], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_a_row_for_each_project_and_what_fails_is_shown(folder):
    projects = sorted(file.parent.name for file in folder.glob("*/pyproject.toml"))
    assert len(projects) == 2
    (folder / projects[1] / "sample" / "data_checks.py").write_text("raise ValueError('broken')\n")
    code, told = smoke(folder)
    assert code == 1
    assert "ValueError: broken" in told
    whole, broken = (folder / "results.md").read_text().splitlines()[-2:]
    assert whole.startswith(f"| {projects[0]} | ")
    assert ("passed" if torch.cuda.is_available() else "skipped") in whole
    assert "accuracy 0." in whole
    assert broken.startswith(f"| {projects[1]} | ")
    assert "| failed |" in broken


def test_a_folder_that_is_there_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["prepare", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        prepare.main()
    assert "exists already" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
