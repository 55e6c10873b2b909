"""What can be chosen: one folder under templates/components is one component.

Nothing lists them. A folder that appears there is asked about, checked, completed and shown; it is
read when somebody asks for it, and not before.
"""

from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from torchgen_cli import signatures
from torchgen_cli.errors import MachineError, RequestError

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def templates_folder() -> Path:
    """Beside this file in an installed wheel, at the root of the repository otherwise."""
    here = Path(__file__).resolve()
    installed = here.parent / "templates"
    return installed if installed.is_dir() else here.parents[3] / "templates"


@dataclass(frozen=True)
class Kind:
    """A kind of component, as kinds.yml states it.

    carried: its components come with a task, and are never asked for
    extra: they come by `torchgen add` alone
    optional: they come by `torchgen add` alone, each with a config; the baseline has none
    """

    kind: str
    folder: str
    title: str
    question: str = ""
    carried: bool = False
    extra: bool = False
    optional: bool = False

    @property
    def chosen(self) -> bool:
        """Whether a config names one of its components."""
        return not (self.carried or self.extra)


@dataclass(frozen=True)
class Component:
    """What the generator reads of a component.yml; the template may read more of it.

    inputs, outputs: what a task gives and predicts, or what a model reads and a loss judges
    command: what starts it, after `python -m PACKAGE.`, where no config does
    """

    kind: str
    name: str
    folder: Path
    summary: str
    entry: str = ""
    choose: str = ""
    source: str = ""
    figure: str = ""
    command: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()

    @property
    def file(self) -> Path | None:
        """Its code; None where torch has the class."""
        file = self.folder / f"{self.name}.py"
        return file if file.is_file() else None

    @cached_property
    def settings(self) -> tuple[signatures.Setting, ...]:
        if self.file is None:
            return signatures.settings_in(self.entry)
        code = self.file.read_text(encoding="utf-8")
        return signatures.settings_of(code, signatures.symbol_of(self.entry))


class Catalogue:
    """The components under one templates folder."""

    def __init__(self, templates: Path | None = None) -> None:
        self.templates = templates or templates_folder()
        self._read: dict[tuple[str, str], Component] = {}

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        return {entry["kind"]: Kind(**entry) for entry in read_yaml(self.templates / "kinds.yml")}

    @property
    def asked(self) -> list[Kind]:
        """The kinds that a project chooses from, in the order in which they are asked for."""
        return [kind for kind in self.kinds.values() if kind.chosen and not kind.optional]

    @property
    def chosen_names(self) -> list[str]:
        """The kinds whose components a config names."""
        return [kind.kind for kind in self.kinds.values() if kind.chosen]

    @cached_property
    def default_task(self) -> str:
        """The one of plain `copier copy`."""
        return str(read_yaml(self.templates / "copier.yml")["task"]["default"])

    def names(self, kind: str) -> list[str]:
        files = (self.templates / "components" / kind).glob("*/component.yml")
        return sorted(file.parent.name for file in files)

    def all(self, kind: str) -> list[Component]:
        return [self.component(kind, name) for name in self.names(kind)]

    def component(self, kind: str, name: str) -> Component:
        if (kind, name) not in self._read:
            self._read[kind, name] = read_component(self.templates / "components" / kind / name)
        return self._read[kind, name]

    def kind(self, text: str) -> Kind:
        """A kind by its name, folder or title: `loss`, `losses`, `Architecture`."""
        spelled = {kind.title.lower(): kind for kind in self.kinds.values()}
        spelled |= {kind.folder: kind for kind in self.kinds.values()}
        spelled |= self.kinds
        if found := spelled.get(canonical(text)):
            return found
        close = get_close_matches(canonical(text), spelled, n=1)
        hint = f" Did you mean {spelled[close[0]].kind!r}?" if close else ""
        known = ", ".join(self.kinds)
        raise RequestError(f"There is no kind {text!r}.{hint} Kinds: {known}.", "torchgen list")

    def find(self, kind: str, name: str) -> Component:
        names = self.names(kind)
        if canonical(name) in names:
            return self.component(kind, canonical(name))
        for other in self.kinds:
            if canonical(name) in self.names(other):
                found = canonical(name)
                raise RequestError(
                    f"There is no {kind} {name!r}; there is the {other} {found!r}.",
                    f"torchgen show {other} {found}",
                    f"torchgen list {kind}",
                )
        if close := get_close_matches(canonical(name), names, n=1, cutoff=0.7):
            raise RequestError(
                f"There is no {kind} {name!r}. Did you mean {close[0]!r}?",
                f"torchgen show {kind} {close[0]}",
                f"torchgen list {kind}",
            )
        known = ", ".join(names) or "none"
        raise RequestError(
            f"There is no {kind} {name!r}. There is: {known}.", f"torchgen list {kind}"
        )

    def fitting(self, kind: str, task: Component) -> list[str]:
        """The names of a kind that fit a task, its default first."""
        names = [part.name for part in self.all(kind) if misfit(part, task) is None]
        default = dict(task.defaults).get(kind)
        return sorted(names, key=lambda name: (name != default, name))

    def refusal(self, component: Component, task: Component) -> str | None:
        """Why the two do not go together, and what would; None where they do."""
        reason = misfit(component, task)
        if reason is None:
            return None
        fitting = ", ".join(self.fitting(component.kind, task))
        return f"{reason}. For {task.name}: {fitting}."


def misfit(component: Component, task: Component) -> str | None:
    """Why a component cannot serve a task: it follows from the words of the two alone."""
    if component.kind == "task":
        return None
    for takes, gives, wanted, given in (
        ("reads", "gives", component.inputs, task.inputs),
        ("needs", "predicts", component.outputs, task.outputs),
    ):
        if wanted and not set(given) <= set(wanted):
            needed = f"{component.name} {takes} {_several(wanted)}"
            return f"{needed}; {task.name} {gives} {_several(given)}"
    return None


def _several(words: tuple[str, ...]) -> str:
    """`image`, `table` -> `images or tables`."""
    return " or ".join(word if word.endswith("s") else f"{word}s" for word in words)


def canonical(name: str) -> str:
    """As folders are called: `Cross-Entropy` -> `cross_entropy`."""
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def read_component(folder: Path) -> Component:
    file = folder / "component.yml"
    facts = read_yaml(file)
    if not isinstance(facts, dict):
        raise MachineError(f"{file}: expected `entry: ...`, `choose: ...` and so on, a line each.")
    code = folder / f"{folder.name}.py"
    if code.is_file():
        try:
            facts["summary"] = signatures.first_line(code.read_text(encoding="utf-8"))
        except SyntaxError as error:
            raise MachineError(f"{code}, line {error.lineno}: {error.msg}.") from None
    if not facts.get("summary"):
        raise MachineError(
            f"{file}: a line `summary: ...` is missing, and so is a docstring in {code.name}."
        )
    facts["summary"] = facts["summary"].rstrip(".")
    known = {field.name for field in fields(Component)} - {"kind", "name", "folder"}
    read = {key: _frozen(key, value) for key, value in facts.items() if key in known}
    return Component(kind=folder.parent.name, name=folder.name, folder=folder, **read)


def _frozen(key: str, value: Any) -> Any:
    if key in {"inputs", "outputs", "needs", "requires"}:
        return (value,) if isinstance(value, str) else tuple(value)
    if key == "defaults":
        return tuple(value.items())
    return str(value)


def read_yaml(file: Path) -> Any:
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader)
    except OSError as error:
        raise MachineError(f"{file} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise MachineError(f"{file} is not valid YAML: {' '.join(str(error).split())}.") from None
