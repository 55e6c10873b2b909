"""The flags and what the shell completes them with; beside cli.py the only module with Typer in it.

Completion reads the catalogue, so a new component is completed at once.
"""

from pathlib import Path
from typing import Annotated, Any

import typer


def complete_choice(kind: str) -> Any:
    """The names of a kind, without those that do not fit a --task given before."""

    def offered(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        from torchgen_cli.catalogue import Catalogue, misfit

        catalogue = Catalogue()
        task = ctx.params.get("task")
        given = catalogue.component("task", task) if task in catalogue.names("task") else None
        parts = [part for part in catalogue.all(kind) if part.name.startswith(incomplete)]
        return [(part.name, part.summary) for part in parts if not (given and misfit(part, given))]

    return offered


def complete_name(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    from torchgen_cli.catalogue import Catalogue

    catalogue = Catalogue()
    parts = catalogue.all(catalogue.kind(ctx.params["kind"]).kind)
    return [(part.name, part.summary) for part in parts if part.name.startswith(incomplete)]


def complete_kind(incomplete: str) -> list[tuple[str, str]]:
    from torchgen_cli.catalogue import Catalogue

    kinds = Catalogue().kinds.values()
    return [(kind.kind, kind.title) for kind in kinds if kind.kind.startswith(incomplete)]


def complete_preset(incomplete: str) -> list[tuple[str, str]]:
    from torchgen_cli import presets
    from torchgen_cli.catalogue import templates_folder

    known = presets.summaries(templates_folder()).items()
    return [(name, summary) for name, summary in known if name.startswith(incomplete)]


def value(help: str, panel: str, *names: str, metavar: str = "NAME", complete: Any = None) -> Any:
    return typer.Option(
        *names, metavar=metavar, help=help, rich_help_panel=panel, autocompletion=complete
    )


def choice(kind: str, help: str, panel: str, *aliases: str) -> Any:
    return value(help, panel, f"--{kind}", *aliases, complete=complete_choice(kind))


def switch(help: str, panel: str, *names: str) -> Any:
    return typer.Option(*names, metavar="", help=help, rich_help_panel=panel)


DATA, MODEL, TRAINING = "Task & data", "Model", "Training"
PROJECT, OUTPUT = "Project", "Output"

Task = Annotated[str | None, choice("task", "What it learns.", DATA)]
Preset = Annotated[
    str | None,
    value("Answers with a short name: text, regression, ...", DATA, complete=complete_preset),
]
Model = Annotated[str | None, choice("model", "The architecture.", MODEL, "--arch")]
Loss = Annotated[str | None, choice("loss", "What training makes small.", TRAINING)]
Optimizer = Annotated[str | None, choice("optimizer", "How a step is made.", TRAINING)]
Scheduler = Annotated[str | None, choice("scheduler", "How the learning rate goes.", TRAINING)]
Precision = Annotated[str | None, choice("precision", "How numbers are stored.", TRAINING)]
Tracker = Annotated[str | None, choice("tracker", "Where else runs are tracked.", TRAINING)]

Folder = Annotated[
    str | None, typer.Argument(metavar="PATH", help="The folder to make, named as the project.")
]
Package = Annotated[str | None, value("The Python package; else named as PATH.", PROJECT)]
DataFile = Annotated[
    Path | None,
    value("Answers in YAML, such as a project's .copier-answers.yml.", PROJECT, metavar="FILE"),
]
Git = Annotated[bool, switch("Start a repository, with a commit.", PROJECT, "--git/--no-git")]
Yes = Annotated[
    bool, switch("Ask nothing; take the defaults.", OUTPUT, "--yes", "--defaults", "-y")
]
DryRun = Annotated[bool, switch("Print what would be written.", OUTPUT, "--dry-run")]
Quiet = Annotated[bool, switch("Print nothing but errors.", OUTPUT, "--quiet", "-q")]
AsJson = Annotated[bool, switch("Print one JSON object.", OUTPUT, "--json")]

_KIND = "task, model, loss, optimizer, scheduler, ..."
Kind = Annotated[str, typer.Argument(metavar="KIND", help=_KIND, autocompletion=complete_kind)]
AnyKind = Annotated[
    str | None, typer.Argument(metavar="KIND", help=_KIND, autocompletion=complete_kind)
]
Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_name)]
Code = Annotated[bool, switch("Print its code, and nothing else.", OUTPUT, "--code")]

_PROJECT = "The project's folder, or one inside it; this one if not given."
Project = Annotated[Path, typer.Option("--project", "-C", metavar="FOLDER", help=_PROJECT)]
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME... [--SETTING VALUE]...",
        help="The components, and settings of one.",
        autocompletion=complete_name,
    ),
]
As = Annotated[str | None, typer.Option("--as", metavar="CONFIG", help="Another config's name.")]
Force = Annotated[bool, typer.Option("--force", metavar="", help="Even if files import it.")]
_TO = "To this version, instead of the newest."
To = Annotated[str | None, typer.Option("--to", metavar="VERSION", help=_TO)]
Every = Annotated[bool, typer.Option("--all", metavar="", help="Bring all components, too.")]
Brought = Annotated[
    list[str] | None,
    typer.Argument(metavar="[COMPONENT]...", help="Components to bring, too, as loss/focal."),
]
_SET = "What `torchgen set` would change."
Set = Annotated[str | None, typer.Option("--set", metavar="KIND=NAME", help=_SET)]
