"""A plan is carried out whole or not at all, whatever interrupts it."""

import os
import subprocess
import sys

import pytest

from torchgen_cli import plan
from torchgen_cli.plan import File, FileAction, creation

FILES = {
    "README.md": File(b"# leaf\n"),
    "leaf/train.py": File(b"print()\n"),
    "leaf/losses/focal.py": File(b"gamma = 2\n"),
    "run.sh": File(b"#!/bin/sh\n", executable=True),
}
WRITES = ("builtins.open", "os.replace", "os.rename", "os.mkdir", "os.rmdir")


class Interrupt:
    """Raises at the k-th call that changes a disk, before the call or just after it."""

    def __init__(self, monkeypatch, at, error, late):
        self.calls, self.at, self.error, self.late = 0, at, error, late
        for name in WRITES:
            monkeypatch.setattr(
                name, self.wrap(getattr(sys.modules[name.split(".")[0]], name.split(".")[1]))
            )

    def wrap(self, function):
        def called(*arguments, **keywords):
            self.calls += 1
            now = self.calls == self.at
            if now and not self.late:
                raise self.error
            result = function(*arguments, **keywords)
            if now:
                raise self.error
            return result

        return called


def count_of_writes(target, monkeypatch):
    with monkeypatch.context() as patched:
        counted = Interrupt(patched, at=0, error=None, late=False)
        creation(target, FILES).apply()
    return counted.calls


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("there", [None, {}, {"notes.txt": b"mine", "leaf/old.py": b"mine, too"}])
def test_interrupted_at_any_write_it_leaves_the_target_as_it_was(
    tmp_path, monkeypatch, tree, there, error, late
):
    def prepared(number):
        target = tmp_path / str(number) / "deep" / "leaf"
        for path, content in (there or {}).items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(content)
        if there is not None:
            target.mkdir(parents=True, exist_ok=True)
        (tmp_path / str(number)).mkdir(exist_ok=True)
        return target

    writes = count_of_writes(prepared(0), monkeypatch)
    assert writes >= len(FILES) + 2
    for number in range(1, writes + 1):
        target = prepared(number)
        before = tree(tmp_path / str(number))
        made = creation(target, FILES)
        with monkeypatch.context() as patched:
            Interrupt(patched, at=number, error=error, late=late)
            done = False
            try:
                made.apply()
                done = True
            except (KeyboardInterrupt, plan.MachineError):
                pass
        after = tree(tmp_path / str(number))
        complete = all((target / path).is_file() for path in FILES)
        assert after == before or (complete and (done or late)), f"write {number} of {writes}"
        assert not [path for path in after if "/." in f"/{path}"], "a temporary folder is left"


def test_what_appears_after_the_plan_was_made_is_not_overwritten(tmp_path, tree):
    (tmp_path / "leaf").mkdir()
    made = creation(tmp_path / "leaf", FILES)
    (tmp_path / "leaf" / "run.sh").write_text("mine")
    with pytest.raises(plan.MachineError, match="something else wrote it just now"):
        made.apply()
    assert tree(tmp_path / "leaf") == {"run.sh": b"mine"}


def test_two_files_of_one_name_are_never_one_file(tmp_path):
    """As `Model.py` and `model.py` are on some file systems."""
    twice = FileAction("model.py", "create", File(b"")), FileAction("model.py", "create", File(b""))
    with pytest.raises(plan.MachineError, match="file exists"):
        plan.Plan(tmp_path / "leaf", twice).apply()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_in_a_sentence(tmp_path, monkeypatch):
    made = creation(tmp_path / "leaf", FILES)
    Interrupt(monkeypatch, at=4, error=OSError(28, "No space left on device"), late=False)
    with pytest.raises(plan.MachineError, match=r"no space left on device\. Nothing was changed\."):
        made.apply()


def test_terminated_it_leaves_nothing(tmp_path, templates, environment):
    """SIGTERM after the first file, in a process of its own."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from torchgen_cli import catalogue, cli, lifecycle, plan\n"
        f"catalogue.templates_folder = lambda: Path({str(templates)!r})\n"
        "write = plan._write\n"
        "def deadly(place, file):\n"
        "    write(place, file)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "plan._write = deadly\n"
        "sys.exit(cli.main(['new', 'leaf', '-y']))\n"
    )
    work = tmp_path / "elsewhere"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=work, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 143
    assert list(work.iterdir()) == []
    assert done.stderr == b""


def test_modes_are_ordinary(tmp_path):
    before = os.umask(0o022)
    try:
        creation(tmp_path / "leaf", FILES).apply()
    finally:
        os.umask(before)
    assert (tmp_path / "leaf" / "README.md").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "leaf" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "leaf").stat().st_mode & 0o777 == 0o755
