"""What it takes to run the same again: command, versions, commit, and what the commit does not hold."""

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from .changes import changes
from .storage import replace_text

HERE = (
    ".",
    ":(exclude)runs",
)  # the project alone, also where it is a folder of a larger repository
LARGEST = 2**20  # bytes of a new file in the diff: a larger one is data, or an accident
ROOM = 10 * LARGEST  # for all of them


def record_provenance(folder: Path, seed: int) -> None:
    """Writes run.json, and uncommitted.diff where the commit is not the whole truth."""
    facts = provenance(seed)
    if facts["git_commit"]:
        diff, left_out = uncommitted()
        more = [f"and {len(left_out) - 20} more"] if len(left_out) > 20 else []
        facts["new_files_not_in_diff"] = left_out[:20] + more  # too large
        if diff:
            (folder / "uncommitted.diff").write_bytes(diff)
    (folder / "run.json").write_text(json.dumps(facts, indent=2) + "\n")


def record_changes(
    folder: Path, config: dict[str, Any], step: int, changed: Iterable[str] = ()
) -> None:
    """Where settings, or what else is told, are others than so far: in config.json what holds now, in run.json since when."""
    file, facts_file = folder / "config.json", folder / "run.json"
    new = json.loads(json.dumps(config))
    if not file.exists():
        return
    if not (different := [*changes(json.loads(file.read_text()), new), *changed]):
        return
    facts = json.loads(facts_file.read_text())
    facts.setdefault("changed", []).append({"after_step": step, "settings": different})
    replace_text(facts_file, json.dumps(facts, indent=2) + "\n")
    replace_text(file, json.dumps(new, indent=2) + "\n")


def provenance(seed: int) -> dict[str, Any]:
    """The facts of this process, in plain types."""
    return {
        "command": shlex.join(["python", "-m", f"{__package__}.train", *sys.argv[1:]]),
        "seed": seed,
        "git_commit": git("rev-parse", "HEAD").decode().strip() or None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine(),
    }


def uncommitted() -> tuple[bytes, list[str]]:
    """What `git apply` adds to the commit to get this folder, and the new files that are too large to be in it.

    git tells of a new file once it is in the index, so a copy of the index gets them, and a folder of its own whatever git stores for
    them: nothing of the repository changes.
    """
    index, objects = (git("rev-parse", "--git-path", name) for name in ("index", "objects"))
    new = git("ls-files", "-z", "--others", "--exclude-standard", "--", *HERE)
    kept, left_out = sort_out([os.fsdecode(name) for name in new.split(b"\0") if name])
    with TemporaryDirectory() as folder:
        environment = {
            "GIT_INDEX_FILE": f"{folder}/index",
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.path.abspath(os.fsdecode(objects).strip()),
        }
        if (file := Path(os.fsdecode(index).strip())).is_file():
            shutil.copy(file, folder + "/index")
        add = ("--literal-pathspecs", "add", "--intent-to-add", "--pathspec-file-nul")
        names = b"\0".join(map(os.fsencode, kept))
        if kept:
            git(*add, "--pathspec-from-file=-", given=names, variables=environment)
        # whatever the user's settings are, as `git apply` reads it
        plain = ("--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative")
        prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
        return git("diff", *plain, *prefixes, "HEAD", "--", *HERE, variables=environment), left_out


def sort_out(names: list[str]) -> tuple[list[str], list[str]]:
    """The new files that the diff holds, small ones first, and those that it has no room for."""
    kept: list[str] = []
    left_out: list[str] = []
    room = ROOM
    for size, name in sorted((os.lstat(name).st_size, name) for name in names):
        fits = size <= min(LARGEST, room) and not name.endswith("/")  # a repository in this one
        (kept if fits else left_out).append(name)
        room -= size if fits else 0
    return kept, left_out


def git(*arguments: str, given: bytes = b"", variables: dict[str, str] | None = None) -> bytes:
    """What git says of this folder, byte for byte; nothing where there is no git, no repository or no commit."""
    try:
        result = subprocess.run(
            ["git", *arguments],
            input=given,
            capture_output=True,
            timeout=10,
            env=os.environ | (variables or {}),
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return result.stdout if result.returncode == 0 else b""
