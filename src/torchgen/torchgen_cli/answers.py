"""The answers that make a project: complete, checked against the catalogue, and immutable.

Prompts, flags, presets and data files all end here, so the same choices give the same project.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from torchgen_cli import names
from torchgen_cli.catalogue import Catalogue, Component, canonical
from torchgen_cli.errors import MachineError, RequestError

FILE = ".copier-answers.yml"


@dataclass(frozen=True)
class Answers:
    """One name a kind; `components` are further ones, as `kind/name`."""

    project: str
    package: str
    task: str
    model: str
    loss: str
    optimizer: str
    scheduler: str
    precision: str
    tracker: str
    components: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """As copier takes them."""
        return {**asdict(self), "components": list(self.components)}


KEYS = tuple(field.name for field in fields(Answers))


def complete(given: Mapping[str, Any], catalogue: Catalogue) -> Answers:
    """What was given, and the task's own defaults for the rest."""
    if problems := problems_of(given, catalogue):
        raise RequestError.together(problems)
    task = catalogue.find("task", given.get("task", catalogue.default_task))
    chosen = {kind.kind: _choice(kind.kind, given, task, catalogue) for kind in catalogue.asked}
    answers = Answers(
        project=given["project"],
        package=given.get("package", names.package_for(given["project"])),
        components=tuple(_canonical_part(part) for part in given.get("components", ())),
        **chosen,
    )
    # the defaults are held to the same rules: whoever gives only a title has not chosen the package
    if problems := problems_of(answers.data(), catalogue):
        raise RequestError.together(problems)
    return answers


def _choice(kind: str, given: Mapping[str, Any], task: Component, catalogue: Catalogue) -> str:
    if kind == "task":
        return task.name
    if kind in given:
        return catalogue.find(kind, given[kind]).name
    default = dict(task.defaults).get(kind)
    if default is None:
        raise MachineError(
            f"{task.folder / 'component.yml'}: `defaults` names no {kind}.", f"--{kind}"
        )
    return catalogue.find(kind, default).name


def problems_of(given: Mapping[str, Any], catalogue: Catalogue) -> list[RequestError]:
    """All that is wrong with some answers, which need not be complete."""
    problems = []
    if "project" in given and (why := names.title_problem(given["project"])):
        proposal = names.proposed_title(given["project"])
        message = f"A project cannot be called {given['project']!r}: {why}."
        problems.append(RequestError(message, f"torchgen new {proposal}"))
    elif "project" in given or "package" in given:
        package = given.get("package", names.package_for(given.get("project", "")))
        if why := names.package_problem(package):
            message = f"A package cannot be called {package!r}: {why}."
            problems.append(RequestError(message, f"--package {names.proposed_package(package)}"))
    task: Component | None = None
    parts = [(kind.kind, given[kind.kind]) for kind in catalogue.asked if kind.kind in given]
    parts += [
        (part.partition("/")[0], part.partition("/")[2]) for part in given.get("components", ())
    ]
    for kind, name in parts:
        try:
            component = catalogue.find(catalogue.kind(kind).kind, name)
        except RequestError as problem:
            problems.append(problem)
            continue
        task = component if kind == "task" else task
        if task and (reason := catalogue.refusal(component, task)):
            instead = catalogue.fitting(component.kind, task)[:1]
            fixes = [f"--{component.kind} {name}" for name in instead]
            list_command = f"torchgen list {component.kind} --task {task.name}"
            problems.append(RequestError(reason, *fixes, list_command))
    return problems


def _canonical_part(part: str) -> str:
    kind, _, name = part.partition("/")
    return f"{canonical(kind)}/{canonical(name)}"


def read(file: Path) -> dict[str, Any]:
    """Answers from a file: one `key: value` a line, as in a project's own .copier-answers.yml."""
    example = f"A line a key, such as `task: text_classification`; keys: {', '.join(KEYS)}."
    try:
        # every value stays the text that it is: `project: 2048` and `tracker: off` are names
        given = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)
    except OSError as error:
        raise RequestError(
            f"{file} cannot be read: {(error.strerror or str(error)).lower()}."
        ) from None
    except UnicodeDecodeError as error:
        raise RequestError(
            f"{file} is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise RequestError(f"{file}{line} is not valid YAML. {example}") from None
    if not given or not isinstance(given, dict):
        what = "holds no answers" if given else "is empty"
        raise RequestError(f"{file} {what}. {example}")
    given = {key: value for key, value in given.items() if not str(key).startswith("_")}
    if problems := [
        problem for key, value in given.items() if (problem := _misfit(file, key, value))
    ]:
        raise RequestError.together(problems)
    # an empty value is an answer not given
    return {key: value for key, value in given.items() if value}


def _misfit(file: Path, key: Any, value: Any) -> RequestError | None:
    if key not in KEYS:
        close = get_close_matches(str(key), KEYS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        return RequestError(
            f"{file}: {str(key)[:40]!r} is no answer.{hint} Keys: {', '.join(KEYS)}."
        )
    if key == "components":
        listed = isinstance(value, list) and all(isinstance(part, str) for part in value)
        if value and not (listed and all("/" in part for part in value)):
            return RequestError(f"{file}: components is a list of kind/name, such as [loss/focal].")
    elif not isinstance(value, str):
        return RequestError(
            f"{file}: {key} is one name, such as `{key}: ...`, not a list or a mapping."
        )
    return None
