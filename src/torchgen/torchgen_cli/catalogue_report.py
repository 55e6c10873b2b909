"""What `torchgen list` and `torchgen show` print."""

import sys
from typing import Any

from torchgen_cli import presets, report, signatures
from torchgen_cli.catalogue import Catalogue, Component, Kind, misfit

STYLES = ("bold cyan", "", "dim", "dim")


def print_list(kinds: list[Kind], task: Component | None, catalogue: Catalogue) -> None:
    console = report.stdout()
    for number, kind in enumerate(kinds):
        parts = _listed(kind, task, catalogue)
        console.print("\n" if number else "", end="")
        fitting = f" for {task.name}" if task and kind.kind != "task" else ""
        report.line(console, (f"{kind.title}{fitting}", "bold"))
        report.rows(console, [(part.name, _fits(part), part.summary) for part in parts], STYLES)


def print_presets(catalogue: Catalogue) -> None:
    console = report.stdout()
    report.line(console, "")
    report.line(console, ("Preset", "bold"))
    report.rows(console, [*presets.summaries(catalogue.templates).items()], STYLES)


def list_json(kinds: list[Kind], task: Component | None, catalogue: Catalogue) -> dict[str, Any]:
    parts = [part for kind in kinds for part in _listed(kind, task, catalogue)]
    return {"ok": True, "components": [facts(part, catalogue) for part in parts]}


def facts(part: Component, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "name": part.name,
        "summary": part.summary,
        "choose": part.choose,
        "entry": part.entry,
        "source": part.source,
        "figure": part.figure,
        "inputs": list(part.inputs),
        "outputs": list(part.outputs),
        "tasks": [
            task.name
            for task in catalogue.all("task")
            if part.kind != "task" and not misfit(part, task)
        ],
        "needs": list(part.needs),
        "requires": list(part.requires),
        "defaults": dict(part.defaults),
    }


def print_component(part: Component, catalogue: Catalogue) -> None:
    console = report.stdout()
    report.line(console, (f"{part.kind} {part.name}", "bold cyan"))
    console.print(part.summary + ".")
    console.print()
    kind = catalogue.kind(part.kind)
    entry = f"partial({part.entry})" if "," in part.entry else part.entry
    known = facts(part, catalogue)
    paragraphs = [
        ("when", part.choose),
        ("config", entry if kind.chosen else ""),
        ("run", part.command and f"python -m PACKAGE.{part.command}"),
        ("fits", ", ".join(known["tasks"]) if part.inputs or part.outputs else "every task"),
        ("figure", part.figure),
        ("needs", ", ".join(part.needs)),
        ("requires", ", ".join(part.requires)),
        ("defaults", ", ".join(f"{kind} {name}" for kind, name in part.defaults)),
        ("source", part.source),
    ]
    for label, value in paragraphs:
        if value and not (label == "fits" and (part.kind == "task" or kind.carried)):
            report.paragraph(console, label, value)
    if part.settings:
        console.print()
        table = [("setting", "type", "default", "")]
        table += [(s.name, s.type, s.default, s.meaning) for s in part.settings]
        report.rows(console, table, ("bold", "dim", "", "dim"), wrap=True)


def component_json(part: Component, catalogue: Catalogue, code: bool) -> dict[str, Any]:
    settings = [vars(setting) for setting in part.settings]
    shown = {"ok": True, **facts(part, catalogue), "settings": settings}
    return shown | ({"code": _code(part)} if code else {})


def print_code(part: Component) -> None:
    """Byte for byte in a pipe, so that `--code > focal.py` is the file; coloured on a terminal."""
    from rich.syntax import Syntax

    console = report.stdout()
    if console.is_terminal:
        console.print(Syntax(_code(part), "python", background_color="default", word_wrap=True))
    else:
        sys.stdout.write(_code(part))


def _code(part: Component) -> str:
    if part.file:
        return part.file.read_text(encoding="utf-8")
    return (
        f"# {signatures.symbol_of(part.entry)} is torch's own: a config imports torch, no more.\n"
    )


def _listed(kind: Kind, task: Component | None, catalogue: Catalogue) -> list[Component]:
    parts = catalogue.all(kind.kind)
    return [part for part in parts if task is None or misfit(part, task) is None]


def _fits(part: Component) -> str:
    if part.kind == "task":
        return f"{', '.join(part.inputs)} -> {', '.join(part.outputs)}"
    return ", ".join(part.inputs or part.outputs)
