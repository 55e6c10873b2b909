"""What `torchgen new` says: first the answers; then the tree, where to begin, what to type next."""

import shlex
from pathlib import Path
from typing import Any

from rich.tree import Tree

from torchgen_cli import names, report
from torchgen_cli.answers import FILE, Answers
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.plan import FileAction, Plan
from torchgen_cli.signatures import first_line

FIRST_READ = "train.py"


def print_answers(answers: Answers, catalogue: Catalogue) -> None:
    """A line a choice, with what it is."""
    table = [("project", answers.project, f"package {answers.package}")]
    for kind in catalogue.asked:
        chosen = catalogue.find(kind.kind, getattr(answers, kind.kind))
        table.append((kind.title.lower(), chosen.name, chosen.summary))
    table += [("also", part.component, "") for part in answers.components]
    console = report.stderr()
    console.print()
    report.rows(console, table, ("dim", "bold", "dim"))
    console.print()


def print_plan(plan: Plan) -> None:
    """A dry run: a line a file, on stdout."""
    console = report.stdout()
    for action in plan.actions:
        style = "green" if action.kind == "create" else "dim"
        report.line(console, (f"{action.kind:8}", style), action.path)
    kept = len(plan.actions) - len(plan.created)
    keeping = f", {kept} stay as they are" if kept else ""
    summary = f"{len(plan.created)} files would be created in {plan.target}{keeping}."
    report.line(report.stderr(), summary)


def print_created(plan: Plan, answers: Answers, catalogue: Catalogue, git: str | None) -> None:
    console = report.stderr()
    if not plan.created:
        report.line(console, f"{plan.target} is this project already: there is nothing to write.")
        return
    console.print()
    console.print(_tree(plan, answers), no_wrap=True, overflow="ellipsis")
    console.print()
    made = f"{len(plan.created)} files" + (f", {git}" if git else "")
    report.line(console, ("Created ", "bold green"), (f"{plan.target}", "bold"), f": {made}")
    report.line(
        console, "Start reading at ", (f"{plan.target}/{answers.package}/{FIRST_READ}", "bold")
    )
    console.print()
    report.line(console, "The same without questions:")
    report.line(console, "  ", (command(plan.target, answers, catalogue), "cyan"))
    console.print()
    report.line(console, "Next:")
    for step in next_steps(plan.target, answers):
        report.line(console, "  ", (step, "cyan"))
    if figure := catalogue.find("task", answers.task).figure:
        report.line(console, "  ", (f"expect: {figure}", "dim"))


def as_json(plan: Plan, answers: Answers, catalogue: Catalogue, git: str | None) -> dict[str, Any]:
    return {
        "ok": True,
        "path": str(plan.target),
        "answers": answers.data(),
        "files": [{"path": action.path, "action": action.kind} for action in plan.actions],
        "git": git,
        "command": command(plan.target, answers, catalogue),
        "next": next_steps(plan.target, answers),
    }


def command(target: Path, answers: Answers, catalogue: Catalogue) -> str:
    """The command line that makes the same project; it states what is not the task's default."""
    if answers.components or answers.project != target.absolute().name:
        return shlex.join(["torchgen", "new", str(target), "--data-file", str(target / FILE), "-y"])
    usual = dict(catalogue.find("task", answers.task).defaults)
    words = ["torchgen", "new", str(target)]
    for kind in catalogue.asked:
        chosen = getattr(answers, kind.kind)
        words += [f"--{kind.kind}", chosen] if chosen != usual.get(kind.kind) else []
    if answers.package != names.package_for(answers.project):
        words += ["--package", answers.package]
    return shlex.join([*words, "-y"])


def next_steps(target: Path, answers: Answers) -> list[str]:
    return [
        *([] if target.absolute() == Path.cwd() else [shlex.join(["cd", str(target)])]),
        "python -m pip install -e .",
        f"python -m {answers.package}.train configs/baseline.py",
    ]


def _tree(plan: Plan, answers: Answers) -> Tree:
    """The package file by file, each with what it is for; every other folder in one line."""
    folders: dict[str, list[FileAction]] = {}
    for action in plan.actions:
        folders.setdefault(action.path.rpartition("/")[0], []).append(action)
    tree = Tree(report.text((f"{plan.target}/", "bold")), guide_style="dim")
    package = tree.add(report.text((f"{answers.package}/", "bold")))
    for folder, actions in sorted(folders.items()):
        if folder not in {"", answers.package}:
            inside = folder.startswith(f"{answers.package}/")
            shown = folder.removeprefix(f"{answers.package}/")
            listed = ", ".join(action.name for action in actions)
            line = report.text((f"{shown}/", "bold"), "  ", (listed, "dim"))
            (package if inside else tree).add(line)
    modules = folders.get(answers.package, [])
    width = max((len(action.name) for action in modules), default=0) + 2
    for action in modules:
        style = "bold green" if action.name == FIRST_READ else ""
        package.add(report.text((action.name.ljust(width), style), (_about(action), "dim")))
    for action in folders.get("", []):
        tree.add(report.text(action.name))
    return tree


def _about(action: FileAction) -> str:
    """The first line of a Python file's docstring."""
    if not action.name.endswith(".py") or action.file is None:
        return ""
    try:
        return first_line(action.file.content.decode())
    except (SyntaxError, UnicodeDecodeError):  # a component's business, not this report's
        return ""
