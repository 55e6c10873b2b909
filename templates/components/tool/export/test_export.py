"""What is exported computes the same as the model, for other sizes than those that it was made with."""

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from project.data import TensorSet
from project.tools import export


class Words(nn.Module):
    """Token ids (B, T) -> outputs (B, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.dropout = nn.Dropout()
        self.head = nn.Linear(4, 3)

    def forward(self, ids):
        return self.head(self.dropout(self.embedding(ids)).mean(dim=1))


class Counting(nn.Module):
    """Fixes the number of samples: `len` is a number of Python's."""

    def forward(self, inputs):
        return inputs + torch.zeros(len(inputs), 1)


CASES = {
    "numbers": (nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)), (5,)),
    "images": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2)), (1, 8, 8)),
}


@pytest.mark.parametrize("case", CASES)
def test_file_computes_the_same_for_any_number_of_samples(tmp_path, case):
    model, shape = CASES[case]
    export.save(model, torch.randn(3, *shape), tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    for count in (1, 2, 3, 17):
        inputs = torch.randn(count, *shape)
        torch.testing.assert_close(loaded(inputs), model(inputs))
    assert [file.name for file in tmp_path.iterdir()] == ["model.pt2"]


def test_texts_may_have_any_length(tmp_path):
    model = Words()
    export.save(model, torch.randint(10, (3, 7)), tmp_path / "model.pt2")
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    for shape in ((1, 2), (5, 11)):
        ids = torch.randint(10, shape)
        torch.testing.assert_close(loaded(ids), model(ids))


def test_model_that_fixes_a_size_is_told_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"torch\.export cannot follow Counting: "):
        export.save(Counting(), torch.randn(3, 5), tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_file_that_computes_something_else_is_told_and_not_kept(tmp_path, monkeypatch):
    other = export.exported(nn.Linear(5, 2), torch.randn(3, 5))
    monkeypatch.setattr(export, "exported", lambda model, inputs: other)
    with pytest.raises(ValueError, match="exported, Linear computes something else"):
        export.save(nn.Linear(5, 2), torch.randn(3, 5), tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_command_exports_the_model_of_a_run(tmp_path, monkeypatch, capsys):
    model, shape = CASES["images"]
    images = torch.randn(6, *shape)
    task = SimpleNamespace(load=lambda: (None, TensorSet(images, torch.zeros(6))))
    monkeypatch.setattr(export, "load_for_inference", lambda file: (model, task, None))
    run = SimpleNamespace(model_file=tmp_path / "model.pt")
    monkeypatch.setattr(export.Run, "existing", lambda folder: run)
    monkeypatch.setattr(sys, "argv", ["export", str(tmp_path)])
    export.main()
    assert (
        capsys.readouterr().out == f"{tmp_path / 'model.pt2'}: inputs (B, 1, 8, 8) torch.float32\n"
    )
    loaded = torch.export.load(tmp_path / "model.pt2").module()
    torch.testing.assert_close(loaded(images), model(images))
