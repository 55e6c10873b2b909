"""Asks for what the command line left out.

The first choice is the sensible one: Enter all the way gives a good project.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torchgen_cli import names
from torchgen_cli.catalogue import Catalogue, Component, misfit
from torchgen_cli.errors import RequestError
from torchgen_cli.plan import check_target

FIRST_NAME = "my-project"


@dataclass(frozen=True)
class Choice:
    """A line to choose from.

    refused: why it cannot be chosen here; it is then shown grey
    """

    name: str
    summary: str
    consequence: str
    figure: str
    refused: str | None


class Ask(Protocol):
    """What the questions need of a terminal."""

    def text(self, question: str, default: str, problem: Callable[[str], str | None]) -> str: ...

    def select(self, question: str, choices: list[Choice]) -> str: ...

    def confirm(self, question: str) -> bool: ...


def ask_missing(given: Mapping[str, Any], catalogue: Catalogue, ask: Ask) -> dict[str, Any]:
    """What was given, with an answer to everything else."""
    answers = dict(given)
    if "project" not in answers:
        answers["project"] = ask.text("Name of the project", FIRST_NAME, _project_problem)
    derived = names.package_for(answers["project"])
    if "package" not in answers and (why := names.package_problem(derived)):
        question = f"Name of its package ({derived}: {why})"
        proposal = names.proposed_package(derived)
        answers["package"] = ask.text(question, proposal, names.package_problem)
    for kind in catalogue.asked:
        if kind.kind not in answers:
            answers[kind.kind] = ask.select(kind.question, choices(kind.kind, answers, catalogue))
    return answers


def choices(kind: str, answers: Mapping[str, Any], catalogue: Catalogue) -> list[Choice]:
    """The components of a kind: the default, then what fits, then what does not, and why."""
    if kind == "task":
        default = catalogue.default_task
    else:
        default = dict(catalogue.find("task", answers["task"]).defaults)[kind]
    offered = [
        Choice(
            part.name, part.summary, part.choose, part.figure, _refused(part, answers, catalogue)
        )
        for part in catalogue.all(kind)
    ]
    return sorted(offered, key=lambda choice: (choice.refused is not None, choice.name != default))


def _refused(part: Component, answers: Mapping[str, Any], catalogue: Catalogue) -> str | None:
    """Checked both ways: a loss against the task, and a task against a loss that a flag gave."""
    if part.kind != "task":
        reason = misfit(part, catalogue.find("task", answers["task"]))
        return reason and reason.removeprefix(f"{part.name} ")
    given = [
        catalogue.find(kind.kind, answers[kind.kind])
        for kind in catalogue.asked
        if kind.kind in answers
    ]
    return next((reason for other in given if (reason := misfit(other, part))), None)


def _project_problem(title: str) -> str | None:
    if why := names.title_problem(title):
        return why
    try:
        check_target(Path(title))
    except RequestError as problem:
        return problem.message
    return None
