"""Checkpoints of runs in shards: each process writes its own, and whoever goes on reads them, by as many processes as there are then."""

import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from torch.utils._pytree import tree_leaves, tree_map

from digits.run import Run
from digits.shard_files import FOLDER, Index, discard_unused
from digits.sharded_checkpoint import put_back
from digits.storage import numbered, read, read_newest
from digits.weights import load_for_inference, start_from

from .short_runs import CONFIGS

pytestmark = pytest.mark.slow


@pytest.fixture(params=[file.stem for file in CONFIGS])
def runs(computed, request) -> Path:
    """The folder of the runs that two processes made of a config."""
    return computed / "2 processes" / request.param


@pytest.fixture
def told(runs) -> dict:
    """What the first of two processes has to say of the runs of this config."""
    steps = torch.load(runs.parent / "steps.pt", weights_only=True)
    name = f" of {runs.name}"
    return {key.removesuffix(name): value for key, value in steps.items() if key.endswith(name)}


@pytest.fixture
def copied_run(runs, tmp_path) -> Run:
    """A run in shards, to be harmed."""
    shutil.copytree(runs / "fsdp", tmp_path / "run")
    return Run(tmp_path / "run")


def whole(path: Path) -> dict:
    """A checkpoint as one process has it in its memory; which folder its shards were in does not matter."""
    payload = read(path)
    put_back(payload, path.parent, {})
    return {name: value for name, value in payload.items() if name != "shards"}


def folder_of(path: Path) -> Path:
    return path.parent / FOLDER / read(path)["shards"]["folder"]


@pytest.mark.parametrize("how", ["fsdp", "hsdp"])
def test_shards_hold_what_one_file_would(runs, how):
    expected, found = (whole(runs / name / "last.pt") for name in ("whole", how))
    assert expected.keys() == found.keys()
    for part in expected.keys() & {"model", "average"}:
        torch.testing.assert_close(found[part], expected[part], rtol=1e-2, atol=1e-2)
    states = (payload["optimizer"]["state"] for payload in (expected, found))
    one, two = (tree_map(lambda v: getattr(v, "shape", None), state) for state in states)
    assert one == two
    models = [read(runs / name / "model.pt")["weights"] for name in ("whole", how)]
    torch.testing.assert_close(models[1], models[0], rtol=1e-2, atol=1e-2)


def test_each_process_writes_its_own(runs):
    path = runs / "fsdp" / "last.pt"
    assert {"__0_0.distcp", "__1_0.distcp"} < {file.name for file in folder_of(path).iterdir()}
    payload = read(path)
    assert all(value.is_meta for value in payload["model"].values() if value.is_floating_point())
    in_file = [v for v in tree_leaves(payload) if isinstance(v, torch.Tensor) and not v.is_meta]
    assert max(tensor.numel() for tensor in in_file if tensor.is_floating_point()) == 1  # counters


def test_each_process_reads_its_own(told):
    assert told["read as a whole"] == []


def test_a_stopped_run_goes_on_where_it_was(runs, differences):
    """In the middle of an epoch, and to the last bit."""
    one, two = runs / "fsdp", runs / "fsdp parts"
    assert differences(whole(one / "last.pt"), whole(two / "last.pt")) == []
    records = [[r | {"samples_per_second": 0} for r in Run(run).records()] for run in (one, two)]
    assert records[0] == records[1]


def test_folders_that_no_checkpoint_names_are_removed(runs, copied_run):
    run = Run(runs / "fsdp")
    kept = (run.last_file, numbered(run.last_file, 1), run.best_file)
    assert set((run.path / FOLDER).iterdir()) == {folder_of(path) for path in kept}
    copied_run.best_file.write_bytes(b"")
    numbered(copied_run.last_file, 1).unlink()
    before = set((copied_run.path / FOLDER).iterdir())
    discard_unused(copied_run.path)  # what best.pt named cannot be told
    assert set((copied_run.path / FOLDER).iterdir()) == before
    copied_run.best_file.unlink()
    discard_unused(copied_run.path)
    assert list((copied_run.path / FOLDER).iterdir()) == [folder_of(copied_run.last_file)]


@pytest.mark.parametrize("name", ["__1_0.distcp", ".metadata"])
@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_a_damaged_shard_is_told_and_the_checkpoint_before_taken(copied_run, name, harm, capsys):
    file = folder_of(copied_run.last_file) / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    if harm == "changed":
        file.write_bytes(content)
    with pytest.raises(ValueError, match=f"last.pt cannot be read.*{name} is damaged or gone"):
        read(copied_run.last_file)
    assert read_newest(copied_run.last_file)["progress"]["step"] == 4
    assert f"Going on from {numbered(copied_run.last_file, 1)}" in capsys.readouterr().err


def test_a_full_disk_of_one_process_is_told_by_all(runs, told):
    assert len(told["full disk"]) == 2
    for error in told["full disk"]:
        assert "cannot be written, 3 times in a row: [Errno 28] No space left" in error
    assert not (runs / "full" / "last.pt").exists()
    assert list((runs / "full" / FOLDER).iterdir()) == []


def test_another_run_starts_from_the_weights(runs):
    model, *_ = load_for_inference(runs / "fsdp" / "model.pt")
    expected = whole(runs / "fsdp" / "best.pt")["model"]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(2.0)
    start_from(model, runs / "fsdp" / "best.pt")
    assert all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


def test_nothing_in_a_folder_of_shards_is_executed(tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    file = tmp_path / ".metadata"
    file.write_bytes(pickle.dumps({"size": torch.Size([3]), "type": torch.float32, "path": file}))
    with file.open("rb") as opened:
        assert Index(opened).load()["path"] == file
    file.write_bytes(pickle.dumps([Harmful()]))
    with file.open("rb") as opened, pytest.raises(pickle.UnpicklingError, match="no place"):
        Index(opened).load()
    assert not (tmp_path / "harm").exists()
