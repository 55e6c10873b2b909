"""From what was typed to complete answers.

A flag wins over a data file, a data file over a preset; what is left is asked.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torchgen_cli import presets
from torchgen_cli.answers import FILE, Answers, complete, problems_of, read
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.errors import CancelledError, RequestError
from torchgen_cli.plan import check_target
from torchgen_cli.project_report import print_answers
from torchgen_cli.prompts import FIRST_NAME, Ask, ask_missing


def gathered(
    path: str | None,
    flags: Mapping[str, str | None],
    preset: str | None,
    data_file: Path | None,
    catalogue: Catalogue,
) -> dict[str, Any]:
    """Every answer that was given, checked. A data file's `project` wins over the folder's name."""
    given: dict[str, Any] = {} if path is None else {"project": name_of(path)}
    given |= presets.answers(catalogue.templates, preset) if preset else {}
    given |= read(data_file) if data_file else {}
    given |= {key: value for key, value in flags.items() if value is not None}
    if problems := problems_of(given, catalogue):
        raise RequestError.together(problems)
    return given


def folder_of(path: str) -> Path:
    """Where a path leads: `x/../leaf` is `leaf`, whether there is an `x` or not."""
    return Path(os.path.normpath(os.path.expanduser(path)))


def name_of(path: str) -> str:
    """`work/leaf-classifier` -> `leaf-classifier`, and the name of this very folder for `.`"""
    return Path(os.path.abspath(folder_of(path))).name if path.strip() else ""


def settled(
    given: Mapping[str, Any],
    path: str | None,
    catalogue: Catalogue,
    ask: Ask | None,
    defaults: bool,
    confirm: bool = True,
) -> tuple[Path, Answers]:
    """The folder and the answers.

    ask: None where nobody is there to answer
    defaults: whether an answer may be left out even then
    confirm: whether what was asked is shown and agreed to at the end
    """
    folder = None if path is None else folder_of(path)
    if folder is not None:
        check_target(folder)  # before anybody answers eight questions in vain
    if ask is None:
        _require(given, defaults)
    elif folder is not None and os.path.lexists(folder / FILE):
        message = f"{folder} holds a project already, and what is there is never overwritten."
        raise RequestError(message, f"torchgen new {folder}-2")
    asked = ask_missing(given, catalogue, ask) if ask else given
    answers = complete(asked, catalogue)
    target = folder or Path(answers.project)
    check_target(target)
    if ask and confirm and asked != given:
        print_answers(answers, catalogue)
        if not ask.confirm(f"Create {target}?"):
            raise CancelledError("Nothing was written.")
    return target, answers


def _require(given: Mapping[str, Any], defaults: bool) -> None:
    """What has to be given where nobody can be asked."""
    if "project" not in given:
        raise RequestError("The project has no name.", f"torchgen new {FIRST_NAME}")
    if "task" not in given and not defaults:
        message = "Nothing says what the project shall learn, and nobody can be asked here."
        raise RequestError(message, "--task NAME (torchgen list task)", "-y for the default")
