"""A repository for a new project, with its first commit.

A courtesy: whatever goes wrong here, the project stands.
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
    if shutil.which("git") is None:
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


def _git(folder: Path, *arguments: str, paths: list[str] | None = None) -> None:
    # GIT_DIR and its like, set where a hook or an alias calls us, would point at another repository
    kept = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_CONFIG")
    environment = {
        k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(kept)
    }
    options = [part for setting in QUIET for part in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", *options, *arguments],
            cwd=folder,
            env={**environment, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"},
            input="\0".join(paths or ()).encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(str(error)) from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise GitError(said[-1] if said else f"git {arguments[0]} failed")
