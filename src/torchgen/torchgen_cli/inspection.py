"""Looking at a project without changing it: its state, and its differences as diffs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from torchgen_cli import history
from torchgen_cli.answers import FILE, Part
from torchgen_cli.difference import content, obstacle, own_python, pristine
from torchgen_cli.lifecycle import update
from torchgen_cli.merge import Text, diff, markers
from torchgen_cli.origins import as_made
from torchgen_cli.plan import Plan
from torchgen_cli.project import Project, library


@dataclass(frozen=True)
class Status:
    """Where a project stands.

    baseline: the choices of configs/baseline.py, a name a kind
    added: what was added beside them; of kinds that no config chooses, without a config
    newer: components whose code a newer version changes, with what that does to the numbers
    marked: files with conflict markers, with the lines at which they begin
    """

    version: str
    newest: str
    baseline: tuple[tuple[str, str], ...]
    added: tuple[Part, ...]
    edited: tuple[str, ...]
    deleted: tuple[str, ...]
    newer: tuple[tuple[str, str], ...]
    marked: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def is_clean(self) -> bool:
        return self.version == self.newest and not self.marked


def status(project: Project) -> Status:
    """What it was made of, and what has become of it."""
    with library(project.version) as lib:
        answers = project.answers(lib.catalogue)
        rendered = as_made(project, lib, answers)
        added = tuple(
            part if part.kind in lib.catalogue.chosen_names else replace(part, config="")
            for part in answers.components
        )
    edited: list[str] = []
    deleted: list[str] = []
    for path, file in rendered.items():
        yours = content(project.folder, path)
        if yours is None:  # a link in its place is a change, too
            (edited if obstacle(project.folder, path) else deleted).append(path)
        elif path != FILE and not pristine(yours, file, path):
            edited.append(path)
    newest = history.newest()
    is_newer = history.is_older(project.version, newest)
    newer = update(project, None, ()).newer if not _marked(project, rendered) else ()
    return Status(
        version=project.version,
        newest=newest if is_newer else project.version,
        baseline=tuple(answers.chosen().items()),
        added=added,
        edited=tuple(edited),
        deleted=tuple(deleted),
        newer=newer,
        marked=tuple(_marked(project, rendered)),
    )


def own_changes(project: Project) -> list[tuple[str, str]]:
    """How a project differs from what torchgen wrote: a diff a file."""
    with library(project.version) as lib:
        rendered = as_made(project, lib, project.answers(lib.catalogue))
    found = []
    for path, file in sorted(rendered.items()):
        yours = content(project.folder, path)
        if yours is None or (path != FILE and not pristine(yours, file, path)):
            found.append((path, shown(file.content, yours, path)))
    return found


def changes(plan: Plan) -> list[tuple[str, str]]:
    """What a plan would change: a diff a file."""
    files = plan.files
    return [
        (path, shown(action.before, files[path].content if path in files else None, path))
        for action in plan.written
        for path in [action.path]
    ]


def shown(before: bytes | None, after: bytes | None, path: str) -> str:
    old, new = Text.of(before or b""), Text.of(after or b"")
    return diff(old.plain, new.plain, path) if old and new else f"Binary file {path} differs\n"


def _marked(project: Project, rendered: Iterable[str]) -> list[tuple[str, tuple[int, ...]]]:
    """The project's files that still have conflict markers."""
    found = []
    for path in sorted({*rendered, *own_python(project.folder)}):
        text = Text.of(content(project.folder, path) or b"")
        if text and (lines := markers(text.plain)):
            found.append((path, lines))
    return found
