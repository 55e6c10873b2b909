"""What torchgen does to a project: `project = render(version, answers)`, and the rest follows.

Every command is the difference of two renders, applied to the files of somebody who has been
working on them. None of them writes: each returns what is to be done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torchgen_cli import history, parts, plan
from torchgen_cli.answers import Answers
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.difference import content, differences
from torchgen_cli.errors import RequestError
from torchgen_cli.imports import importers
from torchgen_cli.origins import origin
from torchgen_cli.plan import FileAction, Plan
from torchgen_cli.project import Project, library
from torchgen_cli.render import render


def new(target: Path, answers: Answers, catalogue: Catalogue) -> Plan:
    """A project where there is none."""
    plan.check_target(target)
    return plan.creation(target, render(catalogue.templates, answers))


@dataclass(frozen=True)
class Changed:
    """A plan, and what there is to say about it.

    configs: the configs that it brings, to run
    commands: what else it brings to run, after `python -m PACKAGE.`
    requires: what has to be installed for it, and is not stated in pyproject.toml
    behaviour: what else an update changes, in sentences
    newer: components that stay as they are, with what a newer version would change numerically
    """

    plan: Plan
    configs: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    behaviour: tuple[str, ...] = ()
    newer: tuple[tuple[str, str], ...] = ()


def add(
    project: Project,
    kind: str,
    names: Sequence[str],
    given: Mapping[str, str],
    config: str | None = None,
) -> Changed:
    """New files, and a line in the answers; nothing else is touched.

    given: settings of the component, as they were typed
    config: the name of its config, if not the component's
    """
    with library(project.version) as lib:
        answers = project.answers(lib.catalogue)
        added = [parts.part_of(lib.catalogue, kind, name, given, config) for name in names]
        wanted = parts.with_parts(answers, added, lib.catalogue)
        parts.refuse_misfits(wanted, added, lib.catalogue)
        renderer, version = lib.renderer, lib.version
        old, new = renderer.render(answers, version), renderer.render(wanted, version)
        without = parts.without(answers, {part.component for part in added})
        base = renderer.render(without, version)
        # what was added before and is gone comes back: this is asked for now
        old = {
            path: file
            for path, file in old.items()
            if path in base or path not in new or content(project.folder, path) is not None
        }
        labels = ("yours", "before", "torchgen")
        actions = differences(project.folder, old, new, labels, follow=False)
        _refuse_to_touch(actions, kind, names)
        command = f"torchgen add {kind} {' '.join(names)}"
        requires = set(renderer.requires(wanted)) - set(renderer.requires(answers))
        components = [lib.catalogue.find(part.kind, part.name) for part in added]
        commands = [component.command for component in components if component.command]
    # a reader has none, and neither has the baseline's own choice
    runnable = dict.fromkeys(part.config for part in added if f"configs/{part.config}.py" in new)
    made = Plan(project.folder, tuple(actions), command)
    return Changed(
        made, tuple(runnable), commands=tuple(commands), requires=tuple(sorted(requires))
    )


def remove(project: Project, kind: str, name: str, force: bool = False) -> Changed:
    """The reverse of `add`; what was edited is never deleted."""
    with library(project.version) as lib:
        answers = project.answers(lib.catalogue)
        component = lib.catalogue.find(lib.catalogue.kind(kind).kind, name)
        part = f"{component.kind}/{component.name}"
        parts.refuse_to_remove(part, answers)
        wanted = parts.without(answers, {part})
        if lost := parts.left_alone(wanted, lib.catalogue):
            message = f"{part} cannot go: {lost} was added for it and fits nothing else here."
            raise RequestError(message, f"torchgen remove {lost.replace('/', ' ')}")
        old = lib.renderer.render(answers, lib.version)
        new = lib.renderer.render(wanted, lib.version)
    actions = differences(project.folder, old, new, ("yours", "before", "torchgen"), follow=False)
    gone = {action.path for action in actions if action.kind == "delete"}
    if not force and (users := importers(project.folder, gone)):
        listed = "\n".join(f"{file} imports {module}" for file, module in users)
        message = f"{part} is still in use:\n{listed}"
        raise RequestError(message, f"torchgen remove {component.kind} {component.name} --force")
    return Changed(
        Plan(project.folder, tuple(actions), f"torchgen remove {part.replace('/', ' ')}")
    )


def choose(project: Project, kind: str, name: str) -> Changed:
    """Another choice for the baseline, by a three-way merge; the one before stays at hand."""
    with library(project.version) as lib:
        answers = project.answers(lib.catalogue)
        wanted = parts.with_choice(answers, kind, name, lib.catalogue)
        old = lib.renderer.render(answers, lib.version)
        new = lib.renderer.render(wanted, lib.version)
        requires = set(lib.renderer.requires(wanted)) - set(lib.renderer.requires(answers))
    command = f"torchgen set {kind} {name}"
    actions = differences(project.folder, old, new, ("yours", "before", command))
    made = Plan(project.folder, tuple(actions), command)
    return Changed(made, ("baseline",), requires=tuple(sorted(requires)))


def update(project: Project, to: str | None, names: Sequence[str], every: bool = False) -> Changed:
    """Newer templates: the engine is merged, components stay yours unless they are named.

    names: components to bring, too, as `loss/focal` or `focal`
    every: bring all of them
    """
    version = history.newest() if to is None else history.known(to)
    with library(project.version) as before, library(version) as after:
        if history.is_older(version, project.version):
            message = f"The project is of {project.version}, which is newer than {version}."
            raise RequestError(message, "torchgen undo")
        answers = project.answers(before.catalogue)
        old = before.renderer.render(answers, before.version)
        new = after.renderer.render(project.answers(after.catalogue), after.version)
        sources = after.renderer.sources(answers) | before.renderer.sources(answers)
        known = sorted({source.part for source in sources.values()})
        brought = set(known) if every else {parts.named(name, known) for name in names}
        newer: dict[str, str] = {}
        for path, source in sources.items():
            if path not in old:
                continue
            base, made_by = origin(project, path, old[path], source.template, answers)
            if source.part in brought:
                old[path] = base
            else:
                if path in new and base.content != new[path].content:
                    newer[source.part] = _numerics(source.part, made_by, version)
                new[path] = old[path]
        labels = ("yours", f"torchgen {before.version}", f"torchgen {after.version}")
        actions = differences(project.folder, old, new, labels)
        requires = set(after.renderer.requires(answers)) - set(before.renderer.requires(answers))
    command = " ".join(["torchgen update", *(f"--to {to}" for to in [to] if to), *names])
    return Changed(
        Plan(project.folder, tuple(actions), command),
        requires=tuple(sorted(requires)),
        behaviour=_behaviour(project.version, version),
        newer=tuple(sorted(newer.items())),
    )


def _refuse_to_touch(actions: Sequence[FileAction], kind: str, names: Sequence[str]) -> None:
    """`add` only creates: what is in its way is somebody's."""
    taken = [action for action in actions if action.kind in ("beside", "skip")]
    if taken:
        paths = [action.path.removesuffix(".new") for action in taken]
        message = f"{', '.join(paths)}: a file of yours is there already. Nothing was written."
        only_config = all(path.startswith("configs/") for path in paths) and len(names) == 1
        fix = [f"torchgen add {kind} {names[0]} --as {names[0]}_2"] if only_config else []
        raise RequestError(message, *fix)


def _numerics(part: str, made_by: str, version: str) -> str:
    notes = [release.numerics.get(part, "") for release in history.between(made_by, version)]
    return " ".join(note for note in notes if note)


def _behaviour(before: str, after: str) -> tuple[str, ...]:
    return tuple(note for release in history.between(before, after) for note in release.behaviour)
