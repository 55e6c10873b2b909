"""What add, remove, set, update, diff, status and undo say: a line a file, then what to do next."""

import shlex
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.syntax import Syntax

from torchgen_cli import report
from torchgen_cli.answers import Part
from torchgen_cli.inspection import Status
from torchgen_cli.journal import Record
from torchgen_cli.lifecycle import Changed
from torchgen_cli.project import Project

STYLES = {
    "create": "green",
    "update": "green",
    "merge": "cyan",
    "conflict": "bold red",
    "beside": "bold red",
    "delete": "yellow",
    "skip": "yellow",
    "keep": "dim",
}
NOTHING = "There is nothing to do: the project is so already."


def print_changed(changed: Changed, project: Project, dry_run: bool) -> None:
    """The plan, made or not, and what follows from it."""
    console = report.stdout() if dry_run else report.stderr()
    for action in changed.plan.actions:
        where = ", ".join(f"line {line}" for line in action.lines)
        note = "; ".join(filter(None, [action.note, where]))
        styled = (f"{action.kind:9}", STYLES[action.kind])
        report.line(console, styled, action.path, (f"  {note}" if note else "", "dim"))
        for line in action.unapplied.splitlines():
            report.line(console, (f"    {line}", "dim"))
    console = report.stderr()
    news = [("behaviour", sentence) for sentence in changed.behaviour]
    for part, numerics in changed.newer:
        kept = f"{part} stays as it is; `torchgen update {part}` brings a newer one."
        news.append(("newer", f"{kept} {numerics}".rstrip()))
    if news:
        console.print()
        report.rows(console, news, ("bold", ""), wrap=True)
    if not changed.plan.written:
        report.line(console, NOTHING)
        return
    if dry_run:
        report.line(console, "Nothing was written: this was a dry run.")
        return
    if conflicts := changed.plan.conflicts:
        report.line(console, ("Conflicts: ", "bold red"), _to_resolve(conflicts))
    if steps := next_steps(changed, project):
        console.print()
        report.line(console, "Next:")
        for step in steps:
            report.line(console, "  ", (step, "cyan"))


def _to_resolve(conflicts: Sequence[Any]) -> str:
    marked = sum(action.kind == "conflict" for action in conflicts)
    beside = len(conflicts) - marked
    parts = [f"files with markers to resolve: {marked}"] if marked else []
    parts += [f"files beside yours, to be merged by hand: {beside}"] if beside else []
    return "; ".join(parts) + ". `torchgen undo` takes it all back."


def next_steps(changed: Changed, project: Project) -> list[str]:
    """What to type; what changes files of the user is said here, and never done."""
    package = project.given["package"]
    missing = [line for line in changed.requires if _named(line) not in _stated(project.folder)]
    steps = [shlex.join(["uv", "add", *missing]) + "   # or: pip install, and pyproject.toml"]
    steps = steps if missing else []
    if changed.requires and not missing:
        steps.append("python -m pip install -e .")
    if not changed.plan.conflicts:
        steps += [f"python -m {package}.train configs/{config}.py" for config in changed.configs]
        steps += [f"python -m {package}.{command}" for command in changed.commands]
    return steps


def _stated(folder: Path) -> set[str]:
    """The names of the requirements in the project's pyproject.toml."""
    try:
        read = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        lines = read["project"]["dependencies"]
        return {_named(line) for line in lines}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _named(requirement: str) -> str:
    """`wandb>=0.20` -> `wandb`"""
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "._-")), None)
    return requirement[:end].lower().replace("_", "-").replace(".", "-")


def changed_json(changed: Changed, project: Project, written: bool) -> dict[str, Any]:
    return {
        "ok": True,
        "command": changed.plan.command,
        "project": str(project.folder),
        "written": written and bool(changed.plan.written),
        "files": [
            {
                "path": action.path,
                "action": action.kind,
                "note": action.note,
                "lines": list(action.lines),
            }
            for action in changed.plan.actions
        ],
        "conflicts": [action.path for action in changed.plan.conflicts],
        "behaviour": list(changed.behaviour),
        "newer": dict(changed.newer),
        "next": next_steps(changed, project),
    }


def print_diffs(diffs: Sequence[tuple[str, str]]) -> None:
    """As `git apply` takes it in a pipe; coloured on a terminal."""
    console = report.stdout()
    for _, text in diffs:
        if console.is_terminal:
            console.print(Syntax(text, "diff", background_color="default"))
        else:
            sys.stdout.write(text)


def print_status(status: Status, project: Project) -> None:
    console = report.stdout()
    newer = "" if status.newest == status.version else f", {status.newest} is available"
    rows = [("version", f"{status.version}{newer}")]
    rows += [("baseline", ", ".join(f"{kind} {name}" for kind, name in status.baseline))]
    added = [_described(part) for part in status.added]
    rows += [("added", ", ".join(added))] if added else []
    rows += [("edited", ", ".join(status.edited) or "nothing")]
    rows += [("deleted", ", ".join(status.deleted))] if status.deleted else []
    rows += [("newer", f"{part}: {note}" if note else part) for part, note in status.newer]
    rows += [
        ("conflict", f"{path}, {', '.join(f'line {line}' for line in lines)}")
        for path, lines in status.marked
    ]
    report.line(console, (project.given["project"], "bold"), f" in {project.folder}")
    report.rows(console, rows, ("dim", ""), wrap=True)
    _print_advice(console, status)


def _described(part: Part) -> str:
    """A component, and the config that runs it."""
    config = f" (configs/{part.config}.py)" if part.config else ""
    return f"{part.kind} {part.name}{config}"


def _print_advice(console: Console, status: Status) -> None:
    advice = ["torchgen update --dry-run"] if status.newest != status.version else []
    advice = ["resolve the conflicts, then run the tests"] if status.marked else advice
    for step in advice:
        report.line(report.stderr(), "Next: ", (step, "cyan"))


def status_json(status: Status, project: Project) -> dict[str, Any]:
    return {
        "ok": True,
        "project": str(project.folder),
        "clean": status.is_clean,
        "version": status.version,
        "newest": status.newest,
        "baseline": dict(status.baseline),
        "added": [
            {
                "component": part.component,
                "config": part.config,
                "settings": dict(part.settings),
            }
            for part in status.added
        ],
        "edited": list(status.edited),
        "deleted": list(status.deleted),
        "newer": dict(status.newer),
        "conflicts": {path: list(lines) for path, lines in status.marked},
    }


def print_undone(record: Record, project: Project, dry_run: bool) -> None:
    console = report.stdout() if dry_run else report.stderr()
    for change in record.changes:
        kind = "delete" if change.before is None else "create" if change.after is None else "update"
        report.line(console, (f"{kind:9}", STYLES[kind]), change.path)
    said = "would be undone" if dry_run else "is undone"
    report.line(report.stderr(), f"`{record.command}` {said} in {project.folder}.")


def undone_json(record: Record, project: Project, dry_run: bool) -> dict[str, Any]:
    paths = [change.path for change in record.changes]
    shown = {"undone": record.command, "files": paths, "written": not dry_run}
    return {"ok": True, "project": str(project.folder), **shown}


def print_finished(command: str) -> None:
    """An interrupted command was finished before this one began."""
    report.line(report.stderr(), ("Finished first: ", "bold"), command, ", which was interrupted.")
