"""git: a repository for a new project, and three-way merges in temporary folders.

The repository is a courtesy: whatever goes wrong there, the project stands. Nothing else of torchgen
runs git in a user's folder.
"""

import os
import shutil
import subprocess
from pathlib import Path

from torchgen_cli.errors import CancelledError
from torchgen_cli.plan import Plan

# Nothing that git is set up to run is run: no hook, no file-system monitor, no program that signs.
QUIET = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "user.useConfigOnly=true",
]
SECONDS = 60


class GitError(Exception):
    """git said no; the message is the last line of what it said."""


def first_commit(plan: Plan, message: str) -> str:
    """Commit what the plan created; returns what was done, or why nothing was."""
    target = plan.target.absolute()
    if not is_installed():
        return "git is not installed, so there is no repository"
    if any((folder / ".git").exists() for folder in (target, *target.parents)):
        return "the folder is part of a git repository already: commit it there"
    try:
        _git(target, "init", "--quiet", "--initial-branch=main")
        # by name: what else is in the folder is not ours to commit; by force: all of this is meant
        # to be committed, whatever the user's global .gitignore says
        _git(
            target,
            "add",
            "--force",
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
            paths=plan.created,
        )
    except GitError as error:
        return f"git could not make a repository: {error}"
    except KeyboardInterrupt:
        shutil.rmtree(target / ".git", ignore_errors=True)
        message = f"Interrupted: {plan.target} is complete, and without a git repository."
        raise CancelledError(message) from None
    try:
        _git(target, "var", "GIT_COMMITTER_IDENT")
    except GitError:
        return "no commit yet: git does not know your name (git config user.name and user.email)"
    try:
        _git(target, "commit", "--quiet", "--message", message)
    except GitError as error:
        return f"git could not commit: {error}"
    return "git repository with a first commit"


def is_installed() -> bool:
    return shutil.which("git") is not None


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """git in a temporary folder: as if nobody had ever configured it, and in no repository."""
    away = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    away["GIT_CEILING_DIRECTORIES"] = str(folder.absolute().parent)
    return _run(folder, arguments, _environment(()) | away)


def _git(folder: Path, *arguments: str, paths: list[str] | None = None) -> None:
    environment = _environment(("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG"))
    try:
        done = _run(folder, arguments, environment, "\0".join(paths or ()).encode())
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(str(error)) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise GitError(said[-1] if said else f"git {arguments[0]} failed")


def _environment(kept: tuple[str, ...]) -> dict[str, str]:
    """Without GIT_DIR and its like, which a hook or an alias sets for a repository of its own."""
    mine = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(kept)}
    return mine | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}


def _run(
    folder: Path, arguments: tuple[str, ...], environment: dict[str, str], given: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    options = [part for setting in QUIET for part in ("-c", setting)]
    return subprocess.run(
        ["git", *options, *arguments],
        cwd=folder,
        env=environment,
        input=given,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
