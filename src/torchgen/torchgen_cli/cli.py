"""The command line: it parses, calls and prints.

Nothing slow is imported up here, so that --help, --version and completion answer at once.
"""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from torchgen_cli import __version__, options
from torchgen_cli.errors import CancelledError, MachineError, RequestError

if TYPE_CHECKING:
    from torchgen_cli.lifecycle import Changed
    from torchgen_cli.project import Project

HERE = Path()
CONFLICTS = 3  # the exit code when files were left for somebody to resolve

app = typer.Typer(
    pretty_exceptions_enable=False,
    # boxes are for people; a pipe or a file gets plain lines
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

INTERRUPTED = CancelledError.exit_code  # also what Typer makes of Ctrl-C


def print_version(wanted: bool) -> None:
    if wanted:
        print(f"torchgen {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def torchgen(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            metavar="",
            callback=print_version,
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Scaffolds complete, readable, plain-PyTorch projects that train at once.

    \b
    Examples:
      torchgen new leaf-classifier       asks; Enter takes the sensible answer
      torchgen new leaf-classifier -y    asks nothing
      torchgen list loss                 what there is, and what it fits
      torchgen show loss focal --code    one component: settings, source, code
      torchgen add loss focal            in a project: its code, test and config
      torchgen status                    in a project: versions, choices, edits
    """
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@app.command()
def new(
    path: options.Folder = None,
    task: options.Task = None,
    preset: options.Preset = None,
    model: options.Model = None,
    loss: options.Loss = None,
    optimizer: options.Optimizer = None,
    scheduler: options.Scheduler = None,
    precision: options.Precision = None,
    tracker: options.Tracker = None,
    package: options.Package = None,
    data_file: options.DataFile = None,
    git: options.Git = True,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> None:
    """Make a project that trains at once.

    What no flag answers is asked; the first choice is always a sensible one.

    \b
    Examples:
      torchgen new leaf-classifier
      torchgen new leaf-classifier --task image_classification --model resnet -y
      torchgen new prices --preset regression --loss huber -y
      torchgen new leaf-classifier -y --dry-run
    """
    from torchgen_cli import project_report, report
    from torchgen_cli.catalogue import Catalogue
    from torchgen_cli.git import first_commit
    from torchgen_cli.lifecycle import new as new_project
    from torchgen_cli.session import gathered, settled
    from torchgen_cli.terminal import Terminal, is_terminal

    flags = {
        "task": task,
        "model": model,
        "loss": loss,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "precision": precision,
        "tracker": tracker,
        "package": package,
    }
    catalogue = Catalogue()
    given = gathered(path, flags, preset, data_file, catalogue)
    ask = None if yes or as_json or not is_terminal() else Terminal()
    target, answers = settled(given, path, catalogue, ask, yes, confirm=not dry_run)
    plan = new_project(target, answers, catalogue)
    said = None
    if not dry_run:
        plan.apply()
    if git and plan.created and not dry_run:
        said = first_commit(plan, project_report.command(target, answers, catalogue))
    if as_json:
        report.print_json(project_report.as_json(plan, answers, catalogue, said))
    elif dry_run:
        project_report.print_plan(plan)
    elif not quiet:
        project_report.print_created(plan, answers, catalogue, said)


@app.command("list")
def list_components(
    kind: options.AnyKind = None, task: options.Task = None, as_json: options.AsJson = False
) -> None:
    """Show what can be chosen, and what it fits.

    \b
    Examples:
      torchgen list
      torchgen list loss --task tabular_regression
      torchgen list model --json
    """
    from torchgen_cli import catalogue_report, report
    from torchgen_cli.catalogue import Catalogue

    catalogue = Catalogue()
    kinds = [catalogue.kind(kind)] if kind else catalogue.asked
    for_task = catalogue.find("task", task) if task else None
    if as_json:
        report.print_json(catalogue_report.list_json(kinds, for_task, catalogue))
    else:
        catalogue_report.print_list(kinds, for_task, catalogue)
        if not (kind or task):
            catalogue_report.print_presets(catalogue)


@app.command()
def show(
    kind: options.Kind,
    name: options.Name,
    code: options.Code = False,
    as_json: options.AsJson = False,
) -> None:
    """Show one component: when to choose it, its settings, its source, its code.

    \b
    Examples:
      torchgen show loss focal
      torchgen show loss focal --code > focal.py
    """
    from torchgen_cli import catalogue_report, report
    from torchgen_cli.catalogue import Catalogue

    catalogue = Catalogue()
    part = catalogue.find(catalogue.kind(kind).kind, name)
    if as_json:
        report.print_json(catalogue_report.component_json(part, catalogue, code))
    elif code:
        catalogue_report.print_code(part)
    else:
        catalogue_report.print_component(part, catalogue)


@app.command(context_settings={"ignore_unknown_options": True})
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


@app.command()
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


@app.command("set")
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code. Whatever happens, nobody reads a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, terminated)
    try:
        code = app(words, prog_name="torchgen", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:
            return told(CancelledError("Interrupted; nothing was written."), words)
        return code or 0
    except RequestError as problem:
        return told(problem, words)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "torchgen"
        return told(RequestError(error.format_message(), f"{command} --help"), words)
    except BrokenPipeError:  # `torchgen list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        return told(MachineError(f"{what}{(error.strerror or str(error)).lower()}."), words)
    except Exception as error:
        if "TORCHGEN_DEBUG" in os.environ:
            raise
        message = f"This is a mistake in torchgen, not yours: {type(error).__name__}: {error}"
        return told(
            MachineError(message, "the same again with TORCHGEN_DEBUG=1, and report it"), words
        )


def told(problem: RequestError, words: list[str]) -> int:
    from torchgen_cli import report

    report.error(problem, as_json="--json" in words)
    return problem.exit_code


def terminated(*_: object) -> NoReturn:
    sys.exit(143)
