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
class Part:
    """A component beside the baseline's choices, and the config that a run with it is started by.

    component: as `kind/name`
    config: the name of that config; empty where there is none
    settings: where it differs from the component's own entry: `gamma` and `3.0`, as Python text
    """

    component: str
    config: str
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def kind(self) -> str:
        return self.component.partition("/")[0]

    @property
    def name(self) -> str:
        return self.component.partition("/")[2]

    def data(self) -> Any:
        """As copier takes it: in short where the config has the component's name and settings."""
        if self.config == self.name and not self.settings:
            return self.component
        settings = {"settings": dict(self.settings)} if self.settings else {}
        return {"component": self.component, "config": self.config, **settings}

    @classmethod
    def of(cls, given: Any) -> "Part":
        """From what `data` returns, or from `kind/name` as somebody spelled it."""
        long: dict[str, Any] = {"component": given} if isinstance(given, str) else given
        kind, _, name = (canonical(word) for word in long["component"].partition("/"))
        settings = tuple(long.get("settings", {}).items())
        return cls(f"{kind}/{name}", long.get("config", name), settings)


@dataclass(frozen=True)
class Answers:
    """One name a kind, for the baseline; `components` are further ones."""

    project: str
    package: str
    task: str
    model: str
    loss: str
    optimizer: str
    scheduler: str
    precision: str
    tracker: str
    components: tuple[Part, ...] = ()

    def data(self) -> dict[str, Any]:
        """As copier takes them."""
        return {**asdict(self), "components": [part.data() for part in self.components]}

    def chosen(self) -> dict[str, str]:
        """The baseline's choices, a name a kind."""
        return {key: getattr(self, key) for key in KEYS if key not in NOT_CHOSEN}


KEYS = tuple(field.name for field in fields(Answers))
NOT_CHOSEN = ("project", "package", "components")


def complete(given: Mapping[str, Any], catalogue: Catalogue) -> Answers:
    """What was given, and the task's own defaults for the rest."""
    if problems := problems_of(given, catalogue):
        raise RequestError.together(problems)
    task = catalogue.find("task", given.get("task", catalogue.default_task))
    chosen = {kind.kind: _choice(kind.kind, given, task, catalogue) for kind in catalogue.asked}
    answers = Answers(
        project=given["project"],
        package=given.get("package", names.package_for(given["project"])),
        components=tuple(Part.of(part) for part in given.get("components", ())),
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
    added = [Part.of(part) for part in given.get("components", ())]
    chosen = [(kind.kind, given[kind.kind]) for kind in catalogue.asked if kind.kind in given]
    tasks: list[Component] = []
    for kind, name in chosen:
        problems += _problems_of_part(kind, name, tasks, catalogue)
    # what was added fits the task or one that was added, too
    for part in sorted(added, key=lambda part: part.kind != "task"):
        problems += _problems_of_part(part.kind, part.name, tasks, catalogue)
    configs = [part.config for part in added if part.config and part.kind in catalogue.chosen_names]
    if twice := sorted({config for config in configs if configs.count(config) > 1}):
        message = f"Two components want configs/{twice[0]}.py. Give one a `config:` of its own."
        problems.append(RequestError(message))
    return problems


def _problems_of_part(
    kind: str, name: str, tasks: list[Component], catalogue: Catalogue
) -> list[RequestError]:
    """Whether there is such a component, and a task that it fits; a task joins the tasks."""
    try:
        component = catalogue.find(catalogue.kind(kind).kind, name)
    except RequestError as problem:
        return [problem]
    if component.kind == "task":
        tasks.append(component)
    reasons = [catalogue.refusal(component, task) for task in tasks]
    if not reasons or not all(reasons):
        return []
    instead = catalogue.fitting(component.kind, tasks[0])[:1]
    fixes = [f"--{component.kind} {name}" for name in instead]
    listed = f"torchgen list {component.kind} --task {tasks[0].name}"
    return [RequestError(str(reasons[0]), *fixes, listed)]


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
        if value and not (isinstance(value, list) and all(map(_is_part, value))):
            return RequestError(f"{file}: components is a list of kind/name, such as [loss/focal].")
    elif not isinstance(value, str):
        return RequestError(
            f"{file}: {key} is one name, such as `{key}: ...`, not a list or a mapping."
        )
    return None


def _is_part(value: Any) -> bool:
    if isinstance(value, str):
        return "/" in value
    return (
        isinstance(value, dict)
        and value.keys() <= {"component", "config", "settings"}
        and isinstance(value.get("component"), str)
        and "/" in value["component"]
        and isinstance(value.get("config", ""), str)
        and isinstance(value.get("settings", {}), dict)
    )
