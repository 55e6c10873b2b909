"""Which folder a command trains in: that of the run with its name and its settings, or a new one."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from .changes import bound, changes
from .provenance import record_provenance
from .run import Run


def begun(name: str, config: dict[str, Any], *, fresh: bool = False) -> Run:
    """The unfinished run of this name and config, to go on with, or else the complete one; a new folder where there is none.

    fresh: a new folder, whatever there is
    """
    text = json.dumps(config, indent=2) + "\n"
    unfinished: Run | None = None
    complete: Run | None = None
    for run in Run.numbered(name):
        file = run.path / "config.json"
        same = file.is_file() and file.read_text() == text
        if same and not fresh and not run.report_file.exists():
            return run
        if not run.path.exists():
            break
        complete = run if same else complete
        if file.is_file() and run.last_file.exists() and not run.report_file.exists():
            unfinished = run
    if complete and not fresh:
        return complete
    if unfinished and not fresh:
        with suppress(ValueError):  # its config cannot be read: there is nothing to compare
            different = changes(unfinished.settings(), json.loads(text))
            how = "its own settings go" if bound(different) else "--resume goes"
            print(f"{unfinished.path} is unfinished; {how} on with it")
            print(f"{run.path} is begun, since these differ: {'; '.join(different)}")
    make(run.path)
    file.write_text(text)
    record_provenance(run.path, config["seed"])
    return run


def make(folder: Path) -> None:
    """A new folder, or an OSError that says what is in the way."""
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise OSError(f"the folder {folder} cannot be made: {error.strerror}") from error
