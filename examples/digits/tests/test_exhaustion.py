"""Out of memory: one sentence that says what to change, and only what helps."""

from dataclasses import replace

import pytest
import torch

from digits import command
from digits import train as training
from digits.config import load
from digits.data import fetch
from digits.exhaustion import explained
from digits.run import Run

GPU = "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 16 GiB"


def told(config, error: Exception) -> str:
    """What a user reads of an error in a training with this config."""

    def fail() -> None:
        with explained(config):
            raise error

    with pytest.raises(type(error) if str(error) == "other" else MemoryError) as raised:
        fail()
    return str(raised.value)


def too_much_on_this_machine() -> Exception:
    """As a CPU's allocator raises it: a plain RuntimeError."""
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**62, dtype=torch.int8)
    return raised.value


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError(GPU), too_much_on_this_machine(), MemoryError()],
    ids=["gpu", "cpu", "python"],
)
def test_the_same_gradient_with_less_memory_is_offered(config, error):
    config = replace(config, batch_size=16)
    if getattr(config.loss(), "compares_samples", False):
        assert "try batch_size=8" in told(config, error)
        return
    assert told(config, error).endswith("try micro_batches=2, which gives the same gradient")
    assert "try micro_batches=8," in told(replace(config, micro_batches=4), error)
    assert "try micro_batches=16," in told(replace(config, micro_batches=9), error)
    assert "make the model or its inputs sm" in told(replace(config, micro_batches=16), error)


def test_what_was_asked_for_is_said(config):
    assert "when 20.00 GiB were asked for" in told(config, torch.OutOfMemoryError(GPU))
    assert "when 4611686018427387904 bytes were" in told(config, too_much_on_this_machine())


def test_other_errors_are_left_as_they_are(config):
    assert told(config, RuntimeError("other")) == "other"


def test_in_evaluation_parts_of_a_batch_would_not_help(config):
    def evaluate() -> None:
        raise torch.OutOfMemoryError(GPU)

    def fail() -> None:
        with explained(config):
            evaluate()

    with pytest.raises(MemoryError, match=r"a smaller `at_once` in evaluate\.py gives"):
        fail()


class TooLarge:
    """Samples that memory does not hold."""

    def __getitems__(self, indices):
        return torch.empty(2**62, dtype=torch.int8)


@pytest.mark.parametrize("workers", [0, 1])
def test_where_a_batch_cannot_be_read_parts_of_it_would_not_help(config, workers):
    def fail() -> None:
        with explained(replace(config, batch_size=16)):
            list(fetch(TooLarge(), [torch.arange(2)], workers))

    with pytest.raises(MemoryError, match="a batch is read whole, so batch_size=8 helps") as told:
        fail()
    assert ("workers=0" in str(told.value)) == bool(workers)


def test_the_command_ends_with_one_sentence_and_exit_code_1(
    config_file, monkeypatch, tmp_path, capsys
):
    def train(*_) -> None:
        raise torch.OutOfMemoryError(GPU)

    config = load(config_file)
    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(command, "load", lambda *_: config)
    monkeypatch.setattr(command, "begun", lambda *_, **__: Run(tmp_path))
    monkeypatch.setattr("sys.argv", ["train", str(config_file)])
    with pytest.raises(SystemExit) as stop:
        training.main()
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: out of memory, when 20.00 GiB were asked for: try ")
    assert error.count("\n") == 1
