"""The commands in a project: `add`, `remove`, `set`, `update`, `diff`, `status` and `undo`.

Nothing slow is imported up here, so that --help and completion answer at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from torchgen_cli import options
from torchgen_cli.errors import RequestError

if TYPE_CHECKING:
    from torchgen_cli.lifecycle import Changed
    from torchgen_cli.project import Project

HERE = Path()
CONFLICTS = 3  # the exit code when files were left for somebody to resolve


def add(
    ctx: typer.Context,
    kind: options.Kind,
    names: options.Names,
    config: options.As = None,
    project: options.Project = HERE,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Add components to a project, each with a config that runs it.

    Files are created, and none of yours is touched.

    \b
    Examples:
      torchgen add loss focal
      torchgen add loss focal --gamma 3.0 --as hard_focal
      torchgen add model resnet mlp
    """
    from torchgen_cli import lifecycle
    from torchgen_cli.settings import split

    flags = [flag for parameter in ctx.command.params for flag in parameter.opts]
    chosen, given = split(names, flags)
    if not chosen or (len(chosen) > 1 and (given or config)):
        message = "Settings and --as are for one component."
        raise RequestError(message if chosen else "No component is named.", f"torchgen list {kind}")
    opened = opened_project(project)
    carry_out(opened, lifecycle.add(opened, kind, chosen, given, config), dry_run, quiet, as_json)


def remove(
    kind: options.Kind,
    name: options.Name,
    force: options.Force = False,
    project: options.Project = HERE,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Remove a component that was added. What you edited stays.

    \b
    Examples:
      torchgen remove loss focal --dry-run
      torchgen remove loss focal
    """
    from torchgen_cli import lifecycle

    opened = opened_project(project)
    carry_out(opened, lifecycle.remove(opened, kind, name, force), dry_run, quiet, as_json)


def choose(
    kind: options.Kind,
    name: options.Name,
    project: options.Project = HERE,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Make a component the baseline's choice, by merging configs/baseline.py.

    \b
    Examples:
      torchgen set optimizer muon
      torchgen diff --set optimizer=muon
    """
    from torchgen_cli import lifecycle

    opened = opened_project(project)
    carry_out(opened, lifecycle.choose(opened, kind, name), dry_run, quiet, as_json)


def update(
    components: options.Brought = None,
    to: options.To = None,
    every: options.Every = False,
    project: options.Project = HERE,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Bring a project to newer templates; your edits are kept.

    The engine is merged three ways. Components stay as they are, unless they are named.

    \b
    Examples:
      torchgen update --dry-run
      torchgen update
      torchgen update loss/focal
    """
    from torchgen_cli import lifecycle

    opened = opened_project(project)
    changed = lifecycle.update(opened, to, components or [], every)
    carry_out(opened, changed, dry_run, quiet, as_json)


def diff(
    choice: options.Set = None,
    to: options.To = None,
    project: options.Project = HERE,
    as_json: options.AsJson = False,
) -> None:
    """Show how a project differs from what torchgen wrote, or what a command would change.

    \b
    Examples:
      torchgen diff
      torchgen diff --set optimizer=muon
      torchgen diff --to 0.2.0 | less
    """
    from torchgen_cli import change_report, inspection, lifecycle, report

    if choice and to:
        raise RequestError("Give --set or --to, not both.", f"torchgen diff --to {to}")
    opened = opened_project(project)
    if choice:
        kind, equals, name = choice.partition("=")
        if not equals:
            raise RequestError(f"{choice!r} is not KIND=NAME.", "torchgen diff --set loss=focal")
        diffs = inspection.changes(lifecycle.choose(opened, kind, name).plan)
    elif to:
        diffs = inspection.changes(lifecycle.update(opened, to, []).plan)
    else:
        diffs = inspection.own_changes(opened)
    if as_json:
        found = [{"path": path, "diff": text} for path, text in diffs]
        report.print_json({"ok": True, "project": str(opened.folder), "files": found})
    else:
        change_report.print_diffs(diffs)


def status(project: options.Project = HERE, as_json: options.AsJson = False) -> int:
    """Show a project's version, its components, and what was edited.

    Exit code 0: nothing to do. 1: a newer version, or conflicts to resolve.

    \b
    Examples:
      torchgen status
      torchgen status --json
    """
    from torchgen_cli import change_report, inspection, report

    opened = opened_project(project)
    found = inspection.status(opened)
    if as_json:
        report.print_json(change_report.status_json(found, opened))
    else:
        change_report.print_status(found, opened)
    return 0 if found.is_clean else 1


def undo(
    project: options.Project = HERE,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Take the last add, remove, set or update back.

    \b
    Examples:
      torchgen undo --dry-run
      torchgen undo
    """
    from torchgen_cli import change_report, report, transaction

    opened = opened_project(project)
    record = transaction.undo(opened.folder, dry_run)
    if as_json:
        report.print_json(change_report.undone_json(record, opened, dry_run))
    elif not quiet:
        change_report.print_undone(record, opened, dry_run)


def opened_project(start: Path) -> "Project":
    from torchgen_cli import change_report
    from torchgen_cli.project import open_project

    project, finished = open_project(start)
    if finished:
        change_report.print_finished(finished)
    return project


def carry_out(
    project: "Project", changed: "Changed", dry_run: bool, quiet: bool, as_json: bool
) -> None:
    """Do it, unless it is a dry run; say what was done."""
    from torchgen_cli import change_report, report

    if not dry_run:
        changed.plan.apply()
    if as_json:
        report.print_json(change_report.changed_json(changed, project, not dry_run))
    elif not quiet:
        change_report.print_changed(changed, project, dry_run)
    if changed.plan.conflicts:
        raise typer.Exit(CONFLICTS)
