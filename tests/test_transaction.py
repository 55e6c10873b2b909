"""Changes to a project are all or nothing, at whatever moment a process ends, and can be taken back."""

import errno
import json
import os
import shutil
import signal
import stat
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import living
import pytest

from torchgen_cli import lifecycle, transaction
from torchgen_cli.errors import MachineError, RequestError
from torchgen_cli.files import File, locked
from torchgen_cli.plan import Plan

# What a process does to a disk, as Python announces it.
WRITES = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.chmod"}
NEED_SPACE = {"open", "os.mkdir"}
DONE, REFUSED, INTERRUPTED = 0, 10, 11


@pytest.fixture(scope="module", autouse=True)
def releases(tmp_path_factory):
    with (
        living.installed(tmp_path_factory.mktemp("releases"), living.small_releases()),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(os, "fsync", lambda handle: None)  # no power is cut here
        yield


@pytest.fixture
def folder(tmp_path):
    """A project whose user has edited it, at 0.1.0."""
    folder = tmp_path / "leaf"
    living.make(folder, "0.1.0", components=["loss/focal"])
    train = folder / "leaf" / "train.py"
    train.write_text(train.read_text() + "# mine\n")
    train.chmod(0o600)
    (folder / "own.py").write_text("mine = True\n")
    return folder


def plan_of(command: str, folder: Path) -> Plan:
    project = living.opened(folder)
    if command == "update":
        return lifecycle.update(project, "0.2.0", [], every=True).plan
    if command == "remove":
        return lifecycle.remove(project, "loss", "focal").plan
    return lifecycle.add(project, "task", ["tabular_regression"], {}).plan


def work(command: str, folder: Path) -> Callable[[], object]:
    """What a command does once it is decided what to do."""
    if command == "undo":
        plan_of("update", folder).apply()
        return lambda: transaction.undo(folder)
    return plan_of(command, folder).apply


def in_child(apply: Callable[[], object], fault: Callable[[int, str], None]) -> tuple[int, int]:
    """Apply it in a process of its own, with a fault at every write; how it ended, and the writes.

    fault: is told of each write, numbered from 1
    """
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # torch's threads may be there; the child uses none of them
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader, "rb") as said:
            writes = len(said.read())
        return os.waitpid(child, 0)[1], writes
    count = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event not in WRITES or (event == "open" and not int(arguments[2] or 0) & 3):
            return
        count += 1
        os.write(writer, b".")
        fault(count, event)

    code = DONE
    try:
        sys.addaudithook(hook)
        apply()
    except MachineError:
        code = REFUSED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException:
        code = 99
    os._exit(code)


def sweep(command: str, folder: Path, fault: Callable[[int], Callable[[int, str], None]]):
    """The same command with a fault at the first write, at the second, ...: how each ended.

    Yields the number, the exit status, and the project before, as it was left, and as it would be.
    """
    apply = work(command, folder)
    before = living.tree(folder)
    home, kept = folder / transaction.FOLDER, folder.parent / "kept"
    if home.exists():
        shutil.copytree(home, kept)

    def reset() -> None:
        living.restore(folder, before)
        if kept.exists():
            shutil.copytree(kept, home)

    status, writes = in_child(apply, lambda number, event: None)
    assert status == DONE
    after = living.tree(folder)
    assert after != before
    assert writes > 20
    for number in range(1, writes + 1):
        reset()
        status, _ = in_child(apply, fault(number))
        yield number, status, before, after


def files(tree: living.Tree) -> living.Tree:
    """Without the folders."""
    return {path: file for path, file in tree.items() if file}


def nothing_is_left_half_done(folder: Path) -> bool:
    home = folder / transaction.FOLDER
    return not home.exists() or {path.name for path in home.iterdir()} <= {".gitignore", "done"}


@pytest.mark.parametrize("command", ["add", "update", "remove", "undo"])
def test_a_kill_at_any_write_leaves_the_old_project_or_the_new_one(command, folder):
    def killed_at(number):
        def fault(count, event):
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

        return fault

    ends = set()
    for number, status, before, after in sweep(command, folder, killed_at):
        assert os.WTERMSIG(status) == signal.SIGKILL, number
        finished = living.open_project(folder)[1]
        found = living.tree(folder)
        assert found in (before, after), number
        assert (finished is None) or found == after
        assert nothing_is_left_half_done(folder)
        if found == after and command != "undo":
            transaction.undo(folder)
            assert living.tree(folder) == before
        ends.add(found == after)
    assert ends == {False, True}


@pytest.mark.parametrize(
    ("command", "lasting"),
    [
        *[(command, False) for command in ("add", "update", "remove", "undo")],
        *[(command, True) for command in ("add", "update")],
    ],
)
def test_a_full_disk_at_any_write_leaves_the_old_project(command, lasting, folder):
    def full_at(number):
        def fault(count, event):
            # on a disk that stays full, files can still be renamed and deleted
            if count == number or (lasting and count > number and event in NEED_SPACE):
                raise OSError(errno.ENOSPC, "No space left on device", "a file")

        return fault

    refused = 0
    for number, status, before, after in sweep(command, folder, full_at):
        code = os.waitstatus_to_exitcode(status)
        assert code in (DONE, REFUSED), number
        refused += code == REFUSED
        # what only fails in cleaning up is no failure; an empty folder may stay
        assert files(living.tree(folder)) == files(before if code == REFUSED else after), number
        living.open_project(folder)
        assert files(living.tree(folder)) == files(before if code == REFUSED else after), number
        assert nothing_is_left_half_done(folder)
        if command == "undo" and code == REFUSED:
            transaction.undo(folder)
            assert files(living.tree(folder)) == files(after)
    assert refused > 10


@pytest.mark.parametrize("command", ["add", "update"])
def test_ctrl_c_at_any_write_leaves_the_old_project(command, folder):
    def interrupted_at(number):
        def fault(count, event):
            if count == number:
                raise KeyboardInterrupt

        return fault

    for number, _, before, after in sweep(command, folder, interrupted_at):
        found = living.tree(folder)
        assert found in (before, after), number
        living.open_project(folder)
        assert living.tree(folder) == found, number
        assert nothing_is_left_half_done(folder)


def test_a_kill_while_a_failed_change_is_taken_back_ends_in_one_of_the_two(folder):
    def failed_then_killed_at(number):
        def fault(count, event):
            nonlocal failed
            if event == "os.rename" and failed is None:
                renames.append(count)
                if len(renames) == 4:  # the stage, then two files
                    failed = count
                    raise OSError(errno.EIO, "Input/output error", "a file")
            elif failed is not None and count == failed + number:
                os.kill(os.getpid(), signal.SIGKILL)

        failed, renames = None, []
        return fault

    killed = again = 0
    for _, status, before, after in sweep("update", folder, failed_then_killed_at):
        if os.WIFSIGNALED(status):
            killed += 1
        else:
            assert os.waitstatus_to_exitcode(status) == REFUSED
        # before the roll-back is begun the change is still one to finish
        finished = living.open_project(folder)[1]
        assert living.tree(folder) == (after if finished else before)
        again += finished is None
        assert nothing_is_left_half_done(folder)
    assert killed > 5
    assert again > 5


CHANGE = {"new.txt": File(b"new\n"), "own.py": File(b"other = True\n"), "leaf/config.py": None}


def seen(folder: Path) -> dict[str, bytes | None]:
    return {
        path: (folder / path).read_bytes() if (folder / path).exists() else None for path in CHANGE
    }


def test_a_file_that_changed_since_the_plan_stops_it(folder):
    known = seen(folder)
    (folder / "own.py").write_text("newer = True\n")
    before = living.tree(folder)
    with pytest.raises(RequestError, match=r"own\.py was changed just now, by somebody else"):
        transaction.commit(folder, "a change", CHANGE, known)
    assert living.tree(folder) == before
    assert not (folder / ".torchgen").exists()


def test_what_somebody_wrote_after_a_kill_is_theirs(folder):
    def fault(count, event):
        if event == "os.mkdir" and (folder / ".torchgen" / "transaction").exists():
            os.kill(os.getpid(), signal.SIGKILL)

    in_child(lambda: transaction.commit(folder, "a change", CHANGE, seen(folder)), fault)
    (folder / "own.py").write_text("written since\n")
    assert living.open_project(folder)[1] == "a change"
    assert (folder / "own.py").read_text() == "written since\n"
    assert (folder / "own.py.new").read_text() == "other = True\n"
    assert (folder / "new.txt").read_text() == "new\n"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o444])
def test_modes_survive_a_change_and_come_back_with_undo(folder, mode):
    (folder / "own.py").chmod(mode)
    before = living.tree(folder)
    transaction.commit(folder, "a change", CHANGE, seen(folder))
    assert stat.S_IMODE((folder / "own.py").stat().st_mode) == mode
    # nobody reads in the journal what they could not read in the project
    kept = (folder / ".torchgen").rglob("before/*")
    assert mode in {stat.S_IMODE(place.stat().st_mode) for place in kept}
    transaction.undo(folder)
    assert living.tree(folder) == before


def test_executable_files_are_so_for_whoever_can_read_them(folder):
    (folder / "own.py").chmod(0o640)
    files = {"own.py": File(b"#!/bin/sh\n", executable=True)}
    transaction.commit(folder, "a change", files, seen(folder))
    assert stat.S_IMODE((folder / "own.py").stat().st_mode) == 0o750


def test_undo_goes_back_change_by_change_and_only_where_nothing_was_touched_since(folder):
    states = [living.tree(folder)]
    for number in range(3):
        files = {"own.py": File(f"step = {number}\n".encode()), f"{number}/a/b.txt": File(b"b\n")}
        known: dict[str, bytes | None] = dict.fromkeys(files)
        known["own.py"] = (folder / "own.py").read_bytes()
        transaction.commit(folder, f"change {number}", files, known)
        states.append(living.tree(folder))
    (folder / "own.py").write_text("mine\n")
    with pytest.raises(RequestError, match="`change 2` cannot be undone: changed since then: own"):
        transaction.undo(folder)
    (folder / "own.py").write_text("step = 2\n")
    for number in (2, 1, 0):
        assert transaction.undo(folder, dry_run=True).command == f"change {number}"
        assert living.tree(folder) == states[number + 1]
        assert transaction.undo(folder).command == f"change {number}"
        assert living.tree(folder) == states[number]
    with pytest.raises(RequestError, match="There is nothing to undo"):
        transaction.undo(folder)


def test_the_newest_changes_are_kept_for_undo(folder):
    for number in range(transaction.LEFT + 3):
        files = {"own.py": File(f"step = {number}\n".encode())}
        known = {"own.py": (folder / "own.py").read_bytes()}
        transaction.commit(folder, f"change {number}", files, known)
    undone = []
    while len(undone) < transaction.LEFT:
        undone.append(transaction.undo(folder).command)
    newest = range(transaction.LEFT + 2, 2, -1)
    assert undone == [f"change {number}" for number in newest]
    with pytest.raises(RequestError, match="nothing to undo"):
        transaction.undo(folder)


@pytest.mark.parametrize(
    "path",
    [
        "../out.txt",
        "/tmp/torchgen-out.txt",
        "leaf/../../out.txt",
        ".git/hooks/pre-commit",
        "linked/out",
    ],
)
@pytest.mark.parametrize("where", ["transaction", "rollback", "done/0001"])
def test_a_journal_that_a_stranger_wrote_reaches_no_place_outside(folder, path, where):
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / "linked").symlink_to(outside)
    home = folder / ".torchgen" / where
    for side in ("before", "after"):
        (home / side).mkdir(parents=True)
        (home / side / "0").write_text("bad\n")
    change = {"path": path, "before": None, "after": None, "mode_before": None}
    if where == "done/0001":
        change |= {"before": "0" * 64}
    else:
        change |= {"after": "0" * 64}
    record = {"command": "torchgen add", "changes": [change], "undoes": None}
    (home / "record.json").write_text(json.dumps(record))
    read = transaction.undo if where == "done/0001" else living.open_project
    with pytest.raises(MachineError, match="is no place inside the project"):
        read(folder)
    assert not list(outside.iterdir())
    assert not (folder.parent / "out.txt").exists()
    assert not (folder / ".git").exists()


def test_a_stranger_cannot_have_another_folder_undone(folder):
    home = folder / ".torchgen" / "transaction"
    home.mkdir(parents=True)
    record = {"command": "torchgen add", "changes": [], "undoes": "../../leaf"}
    (home / "record.json").write_text(json.dumps(record))
    with pytest.raises(MachineError, match=r"there is no change '\.\./\.\./leaf'"):
        living.open_project(folder)
    assert (folder / "leaf" / "train.py").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"changes": [{"path": 1}]}', '{"changes": 3}'])
def test_a_damaged_journal_is_named_and_can_be_deleted(folder, text):
    home = folder / ".torchgen" / "transaction"
    home.mkdir(parents=True)
    (home / "record.json").write_text(text)
    with pytest.raises(MachineError, match=r"transaction cannot be read: .*Delete it to go on"):
        living.open_project(folder)
    (home / "record.json").unlink()
    home.rmdir()
    living.open_project(folder)


def test_nothing_goes_through_links(folder):
    outside = folder.parent / "outside"
    outside.mkdir()
    (folder / ".torchgen").symlink_to(outside)
    with pytest.raises(RequestError, match="is a symbolic link"):
        transaction.commit(folder, "a change", CHANGE, seen(folder))
    (folder / ".torchgen").unlink()
    plan_of("add", folder).apply()
    (folder / "configs").rename(outside / "configs")
    (folder / "configs").symlink_to(outside / "configs")
    before = living.tree(outside)
    with pytest.raises(MachineError, match="is no place inside the project"):
        transaction.undo(folder)
    assert living.tree(outside) == before


@pytest.mark.skipif(os.name != "posix", reason="needs locks of folders")
def test_two_commands_at_once_do_not_meet(folder):
    """The second one is refused, and takes nothing of the first one for a leftover."""
    plan_of("add", folder).apply()
    stage = folder / ".torchgen" / "stage-of-the-first"
    stage.mkdir()
    before = living.tree(folder)
    refused = pytest.raises(MachineError, match="Another torchgen command is changing")
    with locked(folder):
        with refused:
            transaction.commit(folder, "a change", CHANGE, seen(folder))
        with refused:
            living.open_project(folder)
        assert stage.is_dir()
        assert living.tree(folder) == before
    transaction.commit(folder, "a change", CHANGE, seen(folder))
    living.open_project(folder)
    assert not stage.exists()


def test_git_never_sees_the_journal(folder):
    plan_of("add", folder).apply()
    assert (folder / ".torchgen" / ".gitignore").read_text() == "*\n"
