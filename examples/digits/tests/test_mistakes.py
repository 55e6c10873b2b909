"""Mistakes in the user's own files: one sentence with the file and the line, and the traceback for who asks."""

import sys

import pytest

from digits import train as training
from digits.config import load
from digits.errors import ReadingError, told_plainly

CONFIG = """from dataclasses import replace
import runpy
import part

baseline = runpy.run_path({file!r})["config"]
config = {mistake}
"""


@pytest.fixture
def written(config_file, tmp_path, monkeypatch):
    """Writes a config with a mistake in its line 6, and a file beside it that it imports."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "configs")
    monkeypatch.delitem(sys.modules, "part", raising=False)
    (tmp_path / "configs").mkdir()

    def write(mistake: str, part: str = "") -> str:
        (tmp_path / "configs" / "part.py").write_text(part)
        text = CONFIG.format(file=str(config_file), mistake=mistake)
        (tmp_path / "configs" / "mine.py").write_text(text)
        return "configs/mine.py"

    yield write
    sys.modules.pop("part", None)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("replace(baseline, epoch=3)", "a config has no field 'epoch'. Did you mean 'epochs'?"),
        ("replace(baseline, epochs=0)", "epochs is a whole number from 1 up, not 0"),
        ("replace(basline)", "NameError: name 'basline' is not defined"),
        ("baseline.epoch", "AttributeError: 'Config' object has no attribute 'epoch'"),
        ("replace(baseline", "'(' was never closed"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_mistake_in_a_config_is_told_with_its_line(written, mistake, message):
    file = written(mistake)
    with pytest.raises(ValueError) as error:  # noqa: PT011  # the message is compared below
        load(file)
    assert str(error.value) == f"{file}, line 6: {message}"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("\nx = y\n", "line 2: NameError: name 'y' is not defined"),
        ("x = )", "line 1: unmatched ')'"),
    ],
)
def test_a_mistake_in_a_file_that_a_config_imports_is_told_there(written, part, message):
    file = written("baseline", part)
    with pytest.raises(ValueError) as error:  # noqa: PT011  # the message is compared below
        load(file)
    assert str(error.value) == f"configs/part.py, {message}"


def test_no_traceback_is_shown(written, monkeypatch, capsys):
    file = written("replace(baseline, epoch=3)")
    monkeypatch.setattr(sys, "argv", ["train", file])
    with pytest.raises(SystemExit) as stop:
        training.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "error: configs/mine.py, line 6: a config has no field 'epoch'. Did you mean 'epochs'?\n"
    )


def test_the_place_in_a_component_of_ones_own_can_be_asked_for(monkeypatch, capsys):
    def component() -> None:
        raise ValueError("too short")

    with pytest.raises(SystemExit), told_plainly():
        component()
    assert capsys.readouterr().err == "error: too short (TRACEBACK=1 shows where)\n"
    monkeypatch.setenv("TRACEBACK", "1")
    with pytest.raises(ValueError, match="too short"), told_plainly():
        component()


def test_where_a_sample_could_not_be_read_can_be_asked_for(capsys):
    """Unless the reader has worded it: a KeyError, for one, has not."""
    for error, hint in ((KeyError("x"), " (TRACEBACK=1 shows where)"), (OSError("cut off"), "")):
        with pytest.raises(SystemExit), told_plainly((ReadingError,)):
            raise ReadingError(error, 7) from error
        assert capsys.readouterr().err == f"error: {ReadingError(error, 7)}{hint}\n"


def test_what_the_project_words_needs_no_traceback(capsys):
    with pytest.raises(SystemExit), told_plainly():
        load("gone.py")
    assert (
        capsys.readouterr().err
        == "error: there is no config file gone.py; see the folder configs/\n"
    )
