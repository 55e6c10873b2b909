"""The commands that need no project: `new`, `list` and `show`.

Nothing slow is imported up here, so that --help and completion answer at once.
"""

from torchgen_cli import options


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
    offered = [entry for entry in catalogue.kinds.values() if not entry.carried]
    kinds = [catalogue.kind(kind)] if kind else offered
    for_task = catalogue.find("task", task) if task else None
    if as_json:
        report.print_json(catalogue_report.list_json(kinds, for_task, catalogue))
    else:
        catalogue_report.print_list(kinds, for_task, catalogue)
        if not (kind or task):
            catalogue_report.print_presets(catalogue)


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
