"""The answers of a project with one component more, one less, or another choice."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from torchgen_cli import settings
from torchgen_cli.answers import Answers, Part, complete
from torchgen_cli.catalogue import Catalogue, Component
from torchgen_cli.errors import RequestError


def part_of(
    catalogue: Catalogue, kind: str, name: str, given: Mapping[str, str], config: str | None
) -> Part:
    component = catalogue.find(catalogue.kind(kind).kind, name)
    if (given or config) and not catalogue.kind(kind).chosen:
        message = f"A {component.kind} has no config, and so no settings."
        raise RequestError(message, f"torchgen add {component.kind} {component.name}")
    chosen = settings.checked(component, given)
    named = component.name if config is None else settings.config_name(config)
    return Part(f"{component.kind}/{component.name}", named, chosen)


def with_parts(answers: Answers, parts: Sequence[Part], catalogue: Catalogue) -> Answers:
    """The answers with these parts, each once; one that had no config gets one."""
    kept = list(answers.components)
    for part in parts:
        if (part.name, part.config, part.settings) == (
            answers.chosen().get(part.kind),
            part.name,
            (),
        ):
            continue  # the baseline has it
        kept = [old for old in kept if old.component != part.component or old.config]
        for old in kept:
            if old.config == part.config and old != part and part.kind in catalogue.chosen_names:
                message = f"configs/{part.config}.py is there already, for {_described(old)}."
                settings = [word for name, value in part.settings for word in (f"--{name}", value)]
                again = ["torchgen", "add", part.kind, part.name, *settings]
                raise RequestError(message, shlex.join([*again, "--as", f"{part.config}_2"]))
        kept += [] if part in kept else [part]
    return replace(answers, components=tuple(kept))


def _described(part: Part) -> str:
    return " ".join([part.component, *(f"{name}={value}" for name, value in part.settings)])


def without(answers: Answers, components: set[str]) -> Answers:
    kept = [part for part in answers.components if part.component not in components]
    return replace(answers, components=tuple(kept))


def with_choice(answers: Answers, kind: str, name: str, catalogue: Catalogue) -> Answers:
    component = catalogue.find(catalogue.kind(kind).kind, name)
    if component.kind == "task":
        message = "The task is what the project is about: it can be added, and not replaced."
        raise RequestError(message, f"torchgen add task {component.name}", "torchgen new")
    if component.kind not in answers.chosen():
        message = f"No config chooses a {component.kind}, so there is none to set."
        if catalogue.kind(component.kind).optional:
            message = f"The baseline has no {component.kind} to set: it is added, with a config."
        raise RequestError(message, f"torchgen add {component.kind} {component.name}")
    before = catalogue.find(component.kind, answers.chosen()[component.kind])
    if before == component:
        return answers
    _refuse_misfit(component, before, catalogue.find("task", answers.task), catalogue)
    kept = [
        part
        for part in answers.components
        if part.config or part.name != component.name or part.kind != component.kind
    ]
    old = f"{before.kind}/{before.name}"
    # its code stays: configs and tests of yours may import it
    if before.file and not any(part.component == old for part in kept):
        kept.append(Part(old, config=""))
    changed = {component.kind: component.name, "components": [part.data() for part in kept]}
    return complete(answers.data() | changed, catalogue)


def _refuse_misfit(
    component: Component, before: Component, task: Component, catalogue: Catalogue
) -> None:
    if reason := catalogue.refusal(component, task):
        kind = component.kind
        free = [name for name in catalogue.fitting(kind, task) if name != before.name][:1]
        fixes = [f"torchgen set {kind} {name}" for name in free]
        raise RequestError(reason, *fixes, f"torchgen list {kind} --task {task.name}")


def refuse_to_remove(part: str, answers: Answers) -> None:
    kind, name = part.split("/")
    if answers.chosen().get(kind) == name:
        message = f"{part} is what the baseline uses. Choose another one first."
        fix = f"torchgen set {kind} NAME" if kind != "task" else "torchgen new"
        raise RequestError(message, fix)
    if all(part != other.component for other in answers.components):
        added = ", ".join(other.component for other in answers.components) or "nothing"
        message = f"{part} was not added to this project. Added: {added}."
        raise RequestError(message, "torchgen status")


def refuse_misfits(answers: Answers, added: Sequence[Part], catalogue: Catalogue) -> None:
    """Whether each fits the project's task, or one that was added to it."""
    problems = []
    for part in added:
        if left_alone(replace(answers, components=(*_tasks(answers), part)), catalogue):
            component = catalogue.find(part.kind, part.name)
            task = catalogue.find("task", answers.task)
            instead = catalogue.fitting(part.kind, task)
            taken = [answers.chosen().get(part.kind), *(other.name for other in answers.components)]
            free = [name for name in instead if name not in taken][:1]
            fixes = [f"torchgen add {part.kind} {name}" for name in free]
            listed = f"torchgen list {part.kind} --task {task.name}"
            problems.append(RequestError(str(catalogue.refusal(component, task)), *fixes, listed))
    if problems:
        raise RequestError.together(problems)


def _tasks(answers: Answers) -> tuple[Part, ...]:
    return tuple(part for part in answers.components if part.kind == "task")


def left_alone(answers: Answers, catalogue: Catalogue) -> str | None:
    """A component that fits none of the tasks; None where all fit one."""
    tasks = [answers.task, *(part.name for part in answers.components if part.kind == "task")]
    for part in answers.components:
        component = catalogue.find(part.kind, part.name)
        if all(catalogue.refusal(component, catalogue.find("task", task)) for task in tasks):
            return part.component
    return None


def named(name: str, parts: Sequence[str]) -> str:
    """A component of the project, which may be called by its name alone."""
    found = [part for part in parts if name in (part, part.partition("/")[2])]
    if len(found) == 1:
        return found[0]
    fixes = [f"torchgen update {part}" for part in found]
    if found:
        raise RequestError(f"{name!r} may be {' or '.join(found)}.", *fixes)
    names = [word for part in parts for word in (part, part.partition("/")[2])]
    close = get_close_matches(name, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    fixes = [f"torchgen update {close[0]}"] if close else ["torchgen status"]
    raise RequestError(f"The project has no component {name!r}.{hint}", *fixes)
