"""The smoke test for a GPU is written and run; what it says holds, with or without a GPU."""

import shutil
import subprocess
import sys
import time

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


def smoke(folder, *arguments):
    command = [sys.executable, "smoke.py", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
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


@pytest.fixture
def made_up(tmp_path):
    """smoke.py beside two projects that do nothing: one quickly, one for a minute, by a process of its own."""
    shutil.copy(prepare.__file__.replace("prepare", "smoke"), tmp_path)
    sleep = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    report = "from pathlib import Path\nPath('runs/a').mkdir(parents=True)\n"
    report += (
        'Path(\'runs/a/report.json\').write_text(\'{"best": {"loss": 1, "accuracy": 0.5}}\')\n'
    )
    for name, code in {"quick": report, "slow": sleep}.items():
        package = tmp_path / name / "sample"
        package.mkdir(parents=True)
        (tmp_path / name / "tests").mkdir()
        (tmp_path / name / "tests" / "test_cuda.py").write_text("def test(): pass\n")
        (tmp_path / name / "pyproject.toml").touch()
        (package / "train.py").write_text(code)
    return tmp_path


def test_what_takes_too_long_has_failed_and_the_others_are_written_down(made_up):
    began = time.monotonic()
    code, told = smoke(made_up, "--seconds-a-project", "8")
    assert time.monotonic() - began < 40
    assert code == 1
    assert "not done after" in told
    quick, slow = (made_up / "results.md").read_text().splitlines()[-2:]
    assert quick.startswith("| quick | 1 passed | accuracy 0.500 |")
    assert slow.startswith("| slow | 1 passed | failed |")


def test_results_are_written_as_they_come(made_up):
    command = [sys.executable, "smoke.py", "--seconds-a-project", "50", "--only", "quick", "slow"]
    output = made_up / "printed"
    with output.open("w") as file:
        process = subprocess.Popen(command, cwd=made_up, stdout=file, start_new_session=True)
    try:
        results = made_up / "results.md"
        end = time.monotonic() + 30
        while not results.exists() and time.monotonic() < end:
            time.sleep(0.1)
        assert process.poll() is None  # the slow one is still at it
        assert "| quick | 1 passed" in results.read_text()
        assert "| quick | 1 passed" in output.read_text()
    finally:
        process.kill()
        process.wait()


def test_projects_can_be_chosen_and_help_runs_nothing(made_up):
    code, told = smoke(made_up, "--help")
    assert (code, (made_up / "results.md").exists()) == (0, False)
    assert "--only" in told
    code, told = smoke(made_up, "--only", "other")
    assert code == 2
    assert "there is no project other; there is: quick, slow" in told
    code, told = smoke(made_up, "--only", "quick")
    assert code == 0
    assert "slow" not in (made_up / "results.md").read_text()


def test_a_folder_that_is_there_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["prepare", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        prepare.main()
    assert "exists already" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
