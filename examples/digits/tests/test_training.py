"""A whole run of every config, as it is written: it ends, and leaves everything that it promises."""

import csv
import json
from dataclasses import replace

import pytest
import torch

from digits import run as run_module
from digits.beginning import begun
from digits.config import describe, load
from digits.device import pick_device
from digits.precision import resolve
from digits.run import Run
from digits.storage import read
from digits.train import train

FILES = {
    "config.json",
    "run.json",
    "metrics.jsonl",
    "metrics.csv",
    "last.pt",
    "best.pt",
    "model.pt",
    "report.json",
    "curves.png",
    "outputs.png",
}


@pytest.fixture
def run(config_file, few_rows, tmp_path, monkeypatch, capsys) -> Run:
    """A finished run in the config's own precision, where this machine can do it."""
    written = load(config_file)
    few_rows(written)
    try:
        resolve(written.precision, pick_device("cpu"))
    except ValueError as error:
        pytest.skip(str(error))
    config = replace(
        written, device="cpu", epochs=2, batch_size=16, micro_batches=1, workers=0, log_steps=1
    )
    config = replace(config, trackers=(), start_from=None, evaluate_steps=None, compile=False)
    monkeypatch.setattr(run_module, "ROOT", tmp_path)
    run = begun("smoke", describe(config))
    run.figures = train(config, run)
    run.printed = capsys.readouterr().out
    return run


def test_a_run_leaves_every_file_and_they_can_be_read(run):
    assert {file.name for file in run.path.iterdir()} >= FILES
    assert not list(run.path.glob("*.tmp"))
    for file in run.path.glob("*.png"):
        assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    for file in run.path.glob("*.pt"):
        torch.load(file, weights_only=True)  # plain types and tensors alone: raises for any other

    report = json.loads(run.report_file.read_text())
    assert report["best"] == run.figures
    for name, value in report["references"].items():
        assert f"{name}" in run.printed
        assert f"{value:.4f}" in run.printed

    records = run.records()
    assert [r["step"] for r in records if "train_loss" in r] == [1, 2, 3, 4, 5, 6]
    assert [r["step"] for r in records if "val_loss" in r] == [3, 6]
    with (run.path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [record["step"] for record in records]

    best, last = read(run.best_file), read(run.last_file)
    assert last["progress"]["step"] == 6
    assert best["progress"]["best"] == last["progress"]["best"]
    assert json.loads((run.path / "run.json").read_text())["torch"] == torch.__version__
