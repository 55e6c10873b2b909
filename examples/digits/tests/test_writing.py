"""What is saved while training goes on: it is a copy of what was there, no step waits for the disk, and the end of a run does."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from threading import Event

import pytest
import torch
from torch import nn

from digits import train as training
from digits import writing
from digits.storage import numbered, read
from digits.writing import Writer, copied


@pytest.fixture
def saving(monkeypatch) -> Callable:
    """Calls something before each file is written, with its name and how many of it are kept."""

    def after(call: Callable) -> None:
        save = writing.save

        def call_and_save(payload, path, *, keep=1) -> None:
            call(path.name, keep)
            save(payload, path, keep=keep)

        monkeypatch.setattr(writing, "save", call_and_save)

    return after


def test_what_is_written_is_what_it_was(saving, tmp_path):
    changed = Event()
    saving(lambda *_: changed.wait(20))
    writer, weight = Writer(), torch.zeros(3)
    writer.save({"weight": weight, "more": [{"tensors": (weight[:2],)}]}, tmp_path / "a.pt")
    weight += 1
    changed.set()
    writer.wait()
    payload = read(tmp_path / "a.pt")
    assert payload["weight"].tolist() == [0, 0, 0]
    assert payload["more"][0]["tensors"][0].tolist() == [0, 0]


def test_no_step_waits_for_the_disk(config, trained, differences, saving, monkeypatch):
    """The checkpoint of step 3 is held back until step 5 begins, and is that of step 3 all the same."""
    config = replace(config, evaluate_steps=3)
    expected = read(numbered(trained(config, "expected").last_file, 1))
    later = Event()
    saving(lambda *_: later.wait(20) or pytest.fail("waited for"))
    task = type(config.task())
    augment, steps = task.augment, iter(range(4))

    def augment_and_look(self, inputs, generator):
        if next(steps, None) is None:
            later.set()
        return augment(self, inputs, generator)

    monkeypatch.setattr(task, "augment", augment_and_look)
    found = read(numbered(trained(config, "held back").last_file, 1))
    assert differences(expected, found) == []


def test_a_run_that_is_stopped_has_written_all(config, trained, interrupted, saving, tmp_path):
    saving(lambda *_: time.sleep(0.1))
    with interrupted(replace(config, evaluate_steps=2), 2):
        trained(replace(config, evaluate_steps=2), "run")
    assert read(tmp_path / "run" / "last.pt")["progress"]["step"] == 2


def test_a_file_to_go_on_from_is_written_last(config, trained, saving):
    """Were the process killed between two files, a last.pt that says so would be without its best.pt."""
    written = []
    saving(lambda *file: written.append(file))
    trained(replace(config, evaluate_steps=6))
    assert written == [("model.pt", 1), ("best.pt", 1), ("last.pt", 2)]


def test_what_two_files_hold_is_serialised_once(tmp_path, monkeypatch):
    """That takes several times as long as to copy what came of it, while training goes on."""
    serialised = []
    serialise = torch.save
    monkeypatch.setattr(torch, "save", lambda *what: serialised.append(what) or serialise(*what))
    writer, (best, last) = Writer(), (tmp_path / "best.pt", tmp_path / "last.pt")
    writer.save({"weight": torch.ones(3)}, best, last, keep=2)
    writer.wait()
    assert len(serialised) == 1
    assert read(last)["weight"].tolist() == [1, 1, 1]
    assert last.read_bytes() == best.read_bytes()


def test_an_evaluation_waits_for_what_the_one_before_has_saved(
    config, trained, saving, monkeypatch
):
    """Where the disk is slower than the training, copies would fill the memory."""
    seen = []
    saving(lambda name, _: time.sleep(0.1) or seen.append(name))
    evaluate = training.figures_of

    def note_and_evaluate(*arguments) -> dict[str, float]:
        seen.append("evaluation")
        return evaluate(*arguments)

    monkeypatch.setattr(training, "figures_of", note_and_evaluate)
    trained(replace(config, evaluate_steps=2))
    after = [name for name, then in pairwise(seen) if then == "evaluation"]
    assert after == ["last.pt", "last.pt"]


def test_records_are_on_the_disk_before_their_checkpoint(saving, tmp_path, monkeypatch):
    """Otherwise a run that goes on after a power failure would lack them."""
    done = []
    monkeypatch.setattr(writing, "to_disk", lambda file: done.append(file.name))
    saving(lambda *file: done.append(file))
    (tmp_path / "metrics.jsonl").touch()
    writer = Writer()
    writer.save({}, tmp_path / "best.pt", tmp_path / "last.pt", keep=2)
    writer.wait()
    assert done == [("best.pt", 1), "metrics.jsonl", ("last.pt", 2)]


def test_what_went_wrong_otherwise_is_raised(saving, tmp_path):
    saving(lambda *_: [][1])
    writer = Writer()
    writer.save({}, tmp_path / "a.pt")
    with pytest.raises(IndexError):
        writer.wait()


def test_copies_share_their_memory_as_the_tensors_did():
    """The table of a model that also uses it as its head is one in the file, as well."""
    model = nn.ModuleDict({"table": nn.Linear(3, 3), "head": nn.Linear(3, 3)})
    model["head"].weight = model["table"].weight
    state = model.state_dict()
    new = copied(state, {})
    assert new["table.weight"] is new["head.weight"]
    assert new["table.weight"] is not state["table.weight"]
    assert new["table.bias"] is not new["head.bias"]
    assert type(new) is type(state)
    assert new._metadata == state._metadata
