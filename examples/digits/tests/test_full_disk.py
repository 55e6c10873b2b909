"""Files that cannot be written, as on a full disk: told and tried again, and nothing is ahead of what is missing."""

from dataclasses import replace

import pytest

from digits import train as training
from digits import writing
from digits.storage import earlier, read


def break_saving(monkeypatch, which: list[bool], file: str = "last.pt") -> None:
    """Lets a file of a run fail as on a full disk, which torch tells of by a RuntimeError."""
    real_save, fails = writing.save, iter(which)

    def save(payload, path, *, keep=1):
        if path.name == file and next(fails, False):
            raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")
        real_save(payload, path, keep=keep)

    monkeypatch.setattr(writing, "save", save)


def test_a_full_disk_is_told_and_training_goes_on(config, trained, monkeypatch, capsys):
    config = replace(config, evaluate_steps=1)
    break_saving(monkeypatch, [False, True, True, False, True])
    run = trained(config)
    told = f"{run.last_file} cannot be written, so the old one stays and training goes on: [enforce"
    captured = capsys.readouterr().err
    assert captured.count(told) == 3
    assert captured.count("MiB of the disk are free)") == 3
    files = [run.last_file, *earlier(run.last_file)]
    assert [read(file)["progress"]["step"] for file in files] == [6, 4]


def test_what_the_best_evaluation_left_is_written_later(config, trained, monkeypatch, differences):
    """No checkpoint is ahead of it: a run that is killed meanwhile, or goes on, has the same model in the end."""
    config = replace(config, evaluate_steps=1)
    task = type(config.task())
    better = [1.0, 3.0, 2.0, 2.0, 2.0, 2.0]
    figures = [f if task.higher_is_better else -f for f in better]
    left = iter(figures)
    monkeypatch.setattr(task, "metrics", lambda *what: {task.metric: next(left)})
    monkeypatch.setattr(training, "report", lambda run, *what: None)
    whole = trained(config, "whole")
    steps = []
    # at the second evaluation, where each file that comes after it tries again, and at the third
    for file, failures in (("model.pt", 4), ("best.pt", 3)):
        left = iter(figures)
        with monkeypatch.context() as patch:
            break_saving(patch, [False] + [True] * failures, file)
            real_save = writing.save

            def save_and_note(payload, path, *, keep=1, real_save=real_save):
                real_save(payload, path, keep=keep)
                steps.append((path.name, read(path).get("progress", {}).get("step")))

            patch.setattr(writing, "save", save_and_note)
            run = trained(config, file)
        for name in ("last_file", "best_file", "model_file"):
            one, other = read(getattr(whole, name)), read(getattr(run, name))
            assert differences(one, other) == [], f"{name} without {file}"
        lasts = [step for name, step in steps if name == "last.pt"]
        assert lasts == [1, 4, 5, 6]  # none while the file of step 2 is owed
        steps.clear()


def test_a_run_is_not_complete_without_its_files(config, trained, monkeypatch, tmp_path):
    break_saving(monkeypatch, [True] * 3, "model.pt")
    with pytest.raises(OSError, match=r"model\.pt, .*last\.pt cannot be written: \[enforce fail"):
        trained(replace(config, evaluate_steps=6), "run")
    assert not (tmp_path / "run" / "report.json").exists()


def test_saves_that_fail_three_times_in_a_row_end_the_run(config, trained, monkeypatch):
    break_saving(monkeypatch, [False] + [True] * 3)
    with pytest.raises(OSError, match=r"last\.pt cannot be written, 3 times in a row: .*enforce"):
        trained(replace(config, evaluate_steps=1))
