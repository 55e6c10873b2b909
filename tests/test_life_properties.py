"""What holds for every component, and for every sequence of commands in a project full of edits."""

import codecs
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import living
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from torchgen_cli import inspection, lifecycle, transaction
from torchgen_cli.answers import FILE, Part, complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.errors import RequestError
from torchgen_cli.files import File
from torchgen_cli.in_process import Renderer
from torchgen_cli.lifecycle import Changed
from torchgen_cli.origins import made_from

BOM = codecs.BOM_UTF8
CATALOGUE = Catalogue()
RENDERER = Renderer(CATALOGUE.templates)
TASKS = CATALOGUE.names("task")
EVERY = [f"{kind}/{name}" for kind in CATALOGUE.kinds for name in CATALOGUE.names(kind)]


@pytest.fixture(scope="class")  # of a test of its own: what is installed here ends with it
def as_it_is():
    with living.installed_as_it_is():
        yield


def answers_without(kind: str, name: str) -> dict[str, str]:
    """A project that a component fits, and has not."""
    component = CATALOGUE.component(kind, name)
    for task in CATALOGUE.all("task"):
        if name == task.name or CATALOGUE.refusal(component, task):
            continue
        if not CATALOGUE.kind(kind).chosen or kind == "task":
            sources = RENDERER.sources(complete({"project": "leaf", "task": task.name}, CATALOGUE))
            if all(source.part != f"{kind}/{name}" for source in sources.values()):
                return {"task": task.name}
        elif others := [other for other in CATALOGUE.fitting(kind, task) if other != name]:
            return {"task": task.name, kind: others[0]}
    return {"task": TASKS[0]}  # it is in every project


def carry_out(changed: Changed, folder: Path) -> None:
    """Apply a plan; what was shown is what is done, and no more."""
    before = living.tree(folder)
    changed.plan.apply()
    after = living.tree(folder)
    done = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    files = {path for path in done if before.get(path) or after.get(path)}
    assert files <= {action.path for action in changed.plan.written}
    for action in changed.plan.written:
        there = after.get(action.path)
        assert (there and there[0]) == (action.file and action.file.content), action.path
        if there and before.get(action.path):
            assert there[1] == before[action.path][1], action.path


@pytest.mark.usefixtures("as_it_is")
@pytest.mark.parametrize("component", EVERY)
def test_add_touches_the_answers_alone_and_remove_is_its_reverse(component, tmp_path):
    kind, name = component.split("/")
    project = living.make(tmp_path, **answers_without(kind, name))
    before = living.tree(tmp_path)
    carry_out(lifecycle.add(project, kind, [name], {}), tmp_path)
    added = living.tree(tmp_path)
    assert {path for path in before if added.get(path) != before[path]} == {FILE}
    again = lifecycle.add(living.opened(tmp_path), kind, [name], {})
    assert not again.plan.written
    assert inspection.own_changes(living.opened(tmp_path)) == []
    carry_out(lifecycle.remove(living.opened(tmp_path), kind, name), tmp_path)
    assert living.tree(tmp_path) == before


def test_a_components_file_follows_from_its_template_and_the_package_alone():
    looked_at = set()
    for task in TASKS:
        given = {"project": "leaf", "task": task, "components": everything_for(task)}
        answers = complete(given, CATALOGUE)
        rendered = RENDERER.render(answers)
        for path, source in RENDERER.sources(answers).items():
            file = File((CATALOGUE.templates / source.template).read_bytes())
            assert made_from(file, source.template, "leaf") == rendered[path], path
            looked_at.add(source.part)
    assert len(looked_at) > 40


ENGINE = ["README.md", "leaf/train.py", "leaf/config.py", "tests/test_train.py", "leaf/plots.py"]
EDITED = [
    *ENGINE,
    *ENGINE[:2],
    *ENGINE[:2],
    "leaf/old.py",
    "configs/baseline.py",
    "configs/focal.py",
    "leaf/losses/focal.py",
    "tests/losses/test_focal.py",
    "leaf/models/mlp.py",
    "data/digits.csv",
]
COMPONENTS = [
    "loss/focal",
    "loss/mse",
    "model/mlp",
    "optimizer/sgd",
    "scheduler/constant",
    "precision/fp32",
    "tracker/board",
    "averaging/ema",
    "task/tabular_regression",
    "reader/rows",
]
MINE = "mine-"


@pytest.fixture(scope="class")  # of a test of its own: what is installed here ends with it
def releases(tmp_path_factory):
    with living.installed(tmp_path_factory.mktemp("releases"), living.small_releases()):
        yield


class User:
    """Somebody who works on a project; every line that they write is marked as theirs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0
        self.gone: set[str] = set()

    def file(self, path: str) -> Path | None:
        """It, wherever it was moved to."""
        name = path.rpartition("/")[2]
        moved = list((self.folder / "moved").glob(f"*_{name}"))
        return next((place for place in [self.folder / path, *moved] if place.exists()), None)

    def line(self, code: bool) -> bytes:
        self.written += 1
        start = f"mine_{self.written} = 1  " if code else ""
        return f"{start}# {MINE}{self.written}\n".encode()

    def edit(self, what: str, path: str, position: int) -> None:
        file = self.file(path)
        if what == "own":
            place = self.folder / "own" / f"own_{self.written}.py"
            if file is None:
                place = self.folder / path
                self.gone.discard(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self.line(code=True))
        if file is None or what == "own":
            return
        lines = file.read_bytes().splitlines(keepends=True)
        at = position % (len(lines) + 1)
        end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
        if what in ("insert", "code"):
            if at == len(lines) and lines and not lines[-1].endswith(b"\n"):
                lines[-1] += end
            lines.insert(at, self.line(what == "code").replace(b"\n", end))
        elif what == "change":
            lines[at : at + 1] = [self.line(code=False).replace(b"\n", end)]
        elif what == "cut":
            lines[at : at + 3] = []
        elif what == "windows":
            lines = [line.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for line in lines]
        elif what == "mark":
            lines.insert(0, b"" if lines and lines[0].startswith(BOM) else BOM)
        elif what == "unfinished" and lines:
            lines[-1] = lines[-1].rstrip(b"\r\n")
        elif what == "latin":
            lines.append(f"# caf\xe9 {MINE}0\n".encode("latin-1"))
        elif what == "delete":
            self.gone.add(file.relative_to(self.folder).as_posix())
            file.unlink()
            return
        elif what == "move":
            self.gone.add(file.relative_to(self.folder).as_posix())
            (self.folder / "moved").mkdir(exist_ok=True)
            self.written += 1
            file.rename(self.folder / "moved" / f"{self.written}_{file.name}")
            return
        elif what == "mode":
            file.chmod([0o600, 0o755, 0o640][position % 3])
        elif what == "format":
            length = str(40 + position % 60)
            command = [
                sys.executable,
                "-m",
                "ruff",
                "format",
                "--quiet",
                "--isolated",
                "--no-cache",
            ]
            subprocess.run([*command, "--line-length", length, str(file)], capture_output=True)
            return
        file.write_bytes(b"".join(lines))

    def lines(self) -> Counter[bytes]:
        """All that are theirs."""
        texts = [file[0] for file in living.tree(self.folder).values() if file]
        every = [line.removeprefix(BOM).strip() for text in texts for line in text.splitlines()]
        return Counter(line for line in every if MINE.encode() in line)


def planned(folder: Path, command: str, what: Any, more: Any) -> Changed:
    project = living.opened(folder)
    if command == "update":
        return lifecycle.update(project, what, [], every=more)
    if command == "remove":
        added = project.given.get("components") or ["loss/focal"]
        part = Part.of(added[what % len(added)])
        return lifecycle.remove(project, part.kind, part.name, force=more)
    kind, name = what.split("/")
    if command == "add":
        return lifecycle.add(project, kind, [name], {}, config=more)
    return lifecycle.choose(project, kind, name)


def files_of(folder: Path) -> living.Tree:
    return {path: file for path, file in living.tree(folder).items() if file}


OFTEN = ["insert", "code", "change", "own"]
SELDOM = ["cut", "delete", "move", "format", "windows", "mark", "unfinished", "latin", "mode"]
EDITS = st.tuples(st.sampled_from(2 * OFTEN + SELDOM), st.sampled_from(EDITED), st.integers(0, 60))
NAMED = st.sampled_from(COMPONENTS)
UPDATES = st.tuples(st.just("update"), st.sampled_from(["0.2.0", "0.3.0"]), st.booleans())
COMMANDS = st.one_of(
    st.tuples(st.just("add"), NAMED, st.sampled_from([None, "other"])),
    st.tuples(st.just("remove"), st.integers(0, 9), st.booleans()),
    st.tuples(st.just("set"), NAMED, st.none()),
    UPDATES,
    UPDATES,
)
ROUNDS = st.lists(
    st.tuples(st.lists(EDITS, min_size=6, max_size=12), st.lists(COMMANDS, min_size=1, max_size=3)),
    min_size=1,
    max_size=2,
)


@pytest.mark.usefixtures("releases")
@settings(max_examples=80, phases=[Phase.generate])  # to shrink an example takes minutes
@given(rounds=ROUNDS)
def test_nothing_of_the_users_is_lost_and_everything_can_be_undone(rounds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("work") / "leaf"
    living.make(folder, "0.1.0", components=["loss/focal"])
    user = User(folder)
    for edits, commands in rounds:
        for edit in edits:
            user.edit(*edit)
        undoable = []
        for command in commands:
            before, lines = files_of(folder), user.lines()
            try:
                changed = planned(folder, *command)
            except RequestError:
                assert files_of(folder) == before
                continue
            inspection.changes(changed.plan)
            assert planned(folder, *command) == changed
            assert files_of(folder) == before
            carry_out(changed, folder)
            after = files_of(folder)
            assert not lines - user.lines(), "a line of the user's is lost"
            assert {path for path in before if path.startswith("own/")} <= after.keys()
            if command[0] == "update":
                assert not user.gone.intersection(ENGINE) & after.keys()
            if changed.plan.written:
                undoable.append((before, after))
                transaction.undo(folder)
                assert files_of(folder) == before
                planned(folder, *command).plan.apply()
                assert files_of(folder) == after
        for before, after in reversed(undoable):
            assert files_of(folder) == after
            transaction.undo(folder)
            assert files_of(folder) == before
        for command in commands:
            with suppress(RequestError):
                planned(folder, *command).plan.apply()


def everything_for(task: str) -> list[str]:
    """All that fits it and is not chosen anyway."""
    component = CATALOGUE.component("task", task)
    return [
        f"{kind}/{name}"
        for kind in CATALOGUE.chosen_names
        if kind != "task"
        for name in CATALOGUE.fitting(kind, component)
        if name != dict(component.defaults).get(kind)
    ]


@pytest.fixture(scope="class")
def everything(as_it_is, tmp_path_factory):
    """A project to which every component of every kind was added, a command each."""
    folder = tmp_path_factory.mktemp("every") / "leaf"
    living.make(folder, task=TASKS[0])
    for part in EVERY:  # the tasks first: what fits one of them can then be added
        kind, name = part.split("/")
        lifecycle.add(living.opened(folder), kind, [name], {}).plan.apply()
    return folder


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.usefixtures("as_it_is")
@pytest.mark.parametrize("task", TASKS)
def test_what_is_added_is_clean(task, tmp_path):
    living.make(tmp_path, task=task)
    before = living.tree(tmp_path).keys()
    for part in everything_for(task):
        kind, name = part.split("/")
        lifecycle.add(living.opened(tmp_path), kind, [name], {}).plan.apply()
    added = [path for path in living.tree(tmp_path).keys() - before if path.endswith(".py")]
    assert {f"configs/{part.partition('/')[2]}.py" for part in everything_for(task)} <= set(added)
    run(tmp_path, "-m", "ruff", "check", "--no-cache", *added)
    run(tmp_path, "-m", "ruff", "format", "--check", "--no-cache", *added)


@pytest.mark.slow
def test_what_is_added_passes_its_tests_and_its_configs_load(everything):
    code = """
from pathlib import Path
from leaf.config import load
for file in sorted(Path("configs").glob("*.py")):
    load(file)
    print(file.stem)
"""
    loaded = run(everything, "-W", "error", "-c", code).split()
    assert set(loaded) >= {part.partition("/")[2] for part in everything_for(TASKS[0])}
    folders = [f"tests/{kind.folder}" for kind in CATALOGUE.kinds.values()]
    there = [folder for folder in folders if (everything / folder).is_dir()]
    said = run(everything, "-m", "pytest", "-q", "-p", "no:cacheprovider", *there)
    assert " passed" in said
    tested = {path.stem for folder in there for path in (everything / folder).glob("test_*.py")}
    every = {part.rpartition("/")[2] for part in EVERY}
    with_tests = {name for name in every if list(CATALOGUE.templates.glob(f"*/*/{name}/test_*.py"))}
    assert {f"test_{name}" for name in with_tests} <= tested
