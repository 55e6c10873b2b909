"""Writes docs/reference from what it describes: the catalogue, the command line and a rendered project.

    python docs/generate.py

A test fails when a page differs from what this gives: `make docs` writes them anew.
"""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import line_counts
import typer

from torchgen_cli import errors, presets
from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue, Component, Kind, misfit
from torchgen_cli.cli import app
from torchgen_cli.in_process import Renderer
from torchgen_cli.project_commands import CONFLICTS

FOLDER = Path(__file__).parent / "reference"
ENTRY_POINTS = ("train", "evaluate", "predict", "debug")
CARRIED = "Comes with the tasks that need it; never asked for."
EXTRA = "Comes by `torchgen add` alone; a module to run, which no config names."
OPTIONAL = "Comes by `torchgen add` alone, with a config to run; the baseline has none."
NOTE = "<!-- Written by docs/generate.py. To change it, change what it describes, then `make docs`. -->"


def pages() -> dict[str, str]:
    """Every page by its name."""
    catalogue = Catalogue()
    return {
        "components.md": components(catalogue),
        "commands.md": commands(catalogue),
        "settings.md": settings(catalogue),
        "lines.md": lines(catalogue),
    }


def components(catalogue: Catalogue) -> str:
    """A section a kind, a component each."""
    lines = [
        "# Components",
        "",
        NOTE,
        "",
        "What a project can be made of. Each is a folder in [`templates/components`](../../templates/components); "
        "`torchgen show KIND NAME` prints the same, and with `--code` its code.",
        "",
    ]
    lines += [f"- [{kind.title}](#{anchor(kind.title)})" for kind in catalogue.kinds.values()]
    for kind in catalogue.kinds.values():
        lines += ["", f"## {kind.title}", ""]
        came_by = CARRIED if kind.carried else EXTRA if kind.extra else OPTIONAL
        lines += [kind.question or came_by]
        for part in catalogue.all(kind.kind):
            lines += ["", *component(part, kind, catalogue)]
    return page(lines)


def component(part: Component, kind: Kind, catalogue: Catalogue) -> Iterator[str]:
    """One component: what it is, when to choose it, how it stands in a config, its settings."""
    folder = f"../../templates/components/{part.kind}/{part.name}"
    yield f"### [{part.name}]({folder})"
    yield ""
    yield f"{part.summary}. {part.choose}".strip()
    yield ""
    if part.entry and kind.chosen:
        entry = f"partial({part.entry})" if "," in part.entry else part.entry
        yield f"- in a config: `{part.kind}={entry}`"
    if kind.kind == "task":
        yield f"- from {', '.join(part.inputs)} to {', '.join(part.outputs)}"
        yield f"- default choices: {', '.join(f'{k} {name}' for k, name in part.defaults)}"
        yield f"- measured: {part.figure}"
    elif part.command:
        yield f"- run: `python -m PACKAGE.{part.command}`"
    elif kind.chosen:
        tasks = [task.name for task in catalogue.all("task") if not misfit(part, task)]
        everywhere = len(tasks) == len(catalogue.names("task"))
        yield f"- fits: {'every task' if everywhere else ', '.join(tasks)}"
    if part.needs:
        yield f"- brings: {', '.join(f'`{name}`' for name in part.needs)}"
    if part.requires:
        yield f"- requires: {', '.join(f'`{line}`' for line in part.requires)}"
    if part.source:
        yield f"- source: {part.source}"
    if part.settings:
        rows = [(f"`{s.name}`", code(s.type), code(s.default), s.meaning) for s in part.settings]
        yield ""
        yield from table(("setting", "type", "default", "meaning"), rows)


def commands(catalogue: Catalogue) -> str:
    """Every command of `torchgen`, its arguments and options."""
    group: Any = typer.main.get_command(app)
    lines = ["# Commands", "", NOTE, "", *told(group.help), ""]
    lines += table(("option", "meaning"), [option(p) for p in group.params])
    for name, command in group.commands.items():
        lines += ["", f"## torchgen {name}", "", *told(command.help), ""]
        rows = [option(parameter) for parameter in command.params]
        lines += table(("argument or option", "meaning"), rows)
    known = presets.summaries(catalogue.templates).items()
    lines += ["", "## Presets", "", "For `torchgen new --preset NAME`.", ""]
    lines += table(("preset", "meaning"), [(f"`{name}`", summary) for name, summary in known])
    lines += ["", "## Exit codes", ""]
    problems = (errors.MachineError, errors.RequestError, errors.CancelledError)
    rows = [(p.exit_code, (p.__doc__ or "").partition("\n")[0]) for p in problems]
    rows += [
        (0, "Done, or nothing to do."),
        (1, "`status` alone: there is a newer version, or a conflict to resolve."),
        (CONFLICTS, "Done, but somebody has to choose: a file has markers, or lies beside yours."),
    ]
    lines += table(("code", "meaning"), [(f"`{n}`", text) for n, text in sorted(rows)])
    return page(lines)


def told(help: str) -> list[str]:
    """A command's help as Markdown: its examples as a block."""
    text, _, examples = help.partition("\n\n\b\nExamples:\n")
    commands = [line.strip() for line in examples.rstrip().splitlines()]
    return [text, "", "```", *commands, "```"] if commands else [text]


def option(parameter: Any) -> tuple[str, str]:
    """An argument or option with its help; its default where it is one worth saying."""
    metavar = f" {parameter.metavar}" if parameter.metavar else ""
    if parameter.param_type_name == "argument":
        return code(parameter.metavar), parameter.help or ""
    names = [*parameter.opts, *parameter.secondary_opts]
    return ", ".join(f"`{name}{metavar}`" for name in names), parameter.help or ""


def settings(catalogue: Catalogue) -> str:
    """What a generated project can be told: its Config and its entry points."""
    answers = complete({"project": "digits"}, catalogue)
    files = {
        path: file.content for path, file in Renderer(catalogue.templates).render(answers).items()
    }
    lines = [
        "# Settings of a project",
        "",
        NOTE,
        "",
        "Of a project whose package is `digits`. Every field can be changed for one run as `key=value`, and every setting of a "
        "part as `part.setting=value`: `python -m digits.train configs/baseline.py epochs=5 optimizer.lr=3e-4`. The values are "
        "Python literals; what is none is a text. The settings of the parts are in [components](components.md).",
        "",
        "## Config",
        "",
    ]
    rows = fields(files["digits/config.py"].decode())
    lines += table(("field", "type", "default", "meaning"), rows)
    for name in ENTRY_POINTS:
        lines += ["", f"## python -m digits.{name}", ""]
        lines += entry_point(files[f"digits/{name}.py"].decode())
    return page(lines)


def lines(catalogue: Catalogue) -> str:
    """What a component costs whoever reads the project."""
    head = ["# Lines of a project", "", NOTE, "", "Lines of Python, with comments and empty lines."]
    added = table(("`torchgen add`", *line_counts.SORTS), line_counts.of_components(catalogue))
    files = table(("file of the default project", "lines"), line_counts.of_files(catalogue))
    return page([*head, "", *added, "", *files])


def fields(source: str) -> Iterator[tuple[str, str, str, str]]:
    """The fields of the class Config, each with the comment on its line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
    tree = ast.parse(source)
    (config,) = (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Config")
    for node in config.body:
        if isinstance(node, ast.AnnAssign):
            default = ast.unparse(node.value) if node.value else "(required)"
            comment = comments.get(node.lineno, "")
            yield (
                code(ast.unparse(node.target)),
                code(ast.unparse(node.annotation)),
                code(default),
                comment,
            )


def entry_point(source: str) -> Iterator[str]:
    """A module's docstring, then the arguments that its `main` adds to its parser."""
    tree = ast.parse(source)
    for paragraph in (ast.get_docstring(tree) or "").split("\n\n"):
        block = paragraph.startswith("    ") or "  " in paragraph.partition("\n")[0]
        yield from (
            ["```", *(line.strip() for line in paragraph.splitlines()), "```"]
            if block
            else [paragraph]
        )
        yield ""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    added = [
        c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr == "add_argument"
    ]
    yield from table(("argument", "meaning"), [argument(call) for call in added])


def argument(call: ast.Call) -> tuple[str, str]:
    """`parser.add_argument("--name", help=...)` -> its name and meaning."""
    stated = {keyword.arg: keyword.value for keyword in call.keywords}
    words = {name: node.value for name, node in stated.items() if isinstance(node, ast.Constant)}
    name = ast.literal_eval(call.args[0])
    shown = name if name.startswith("-") else words.get("metavar", name.upper())
    meaning = words.get("help", "")
    if "default" in words:
        meaning = f"{meaning} (default `{words['default']}`)".strip()
    return code(shown), meaning


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows
    ]


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def page(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
