"""The documentation is true: its commands run and print what it shows, its references are derived, its practices name code and tests that exist."""

import ast
import functools
import importlib.util
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import histories
import pytest
import yaml
from everything import everything
from test_never import CLAIMS, NEVER

from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TESTS = ROOT / "tests"


# --- the references ---


@functools.cache
def generated_pages():
    specification = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize("name", ["components.md", "commands.md", "settings.md", "lines.md"])
def test_reference_is_what_the_generator_writes(name):
    stored = DOCS / "reference" / name
    assert stored.read_text(encoding="utf-8") == generated_pages()[name], "run: make docs"


def test_every_stored_reference_is_generated():
    stored = {file.name for file in (DOCS / "reference").iterdir()}
    assert stored == {*generated_pages()}, "run: make docs, and delete what it does not write"


def links():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("#"):
                yield page, target.partition("#")[0]


def test_every_link_leads_to_a_file():
    broken = [f"{p.relative_to(ROOT)}: {to}" for p, to in links() if not (p.parent / to).exists()]
    assert not broken


# --- the tutorial and the how-to ---

BLOCK = re.compile(
    r"(?:^`(?P<file>[^`\n]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)


@dataclass
class Command:
    """A line after `$ `, and what the page shows of its output."""

    line: str
    shown: list[str] = field(default_factory=list)

    def exit_code(self) -> int:
        """What the page shows says it."""
        text = "\n".join(self.shown)
        if text.startswith("error: ") or '"ok": false' in text:
            return 2
        if self.line.startswith("torchgen status"):
            return int(" is available" in text or "  conflict " in text)
        if "Conflicts: " in text:
            return 3
        return 130 if "^C" in self.shown else 0


def steps(page):
    """The files that a page has the reader write, and its commands, in order."""
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["file"]:
            yield block["file"], block["text"]
        elif block["kind"] == "console":
            commands = []
            for line in block["text"].splitlines():
                if line.startswith("$ "):
                    commands.append(Command(line.removeprefix("$ ")))
                else:
                    commands[-1].shown.append(line)
            yield from commands


def skeleton(line):
    """A line without what differs from machine to machine: numbers, spaces, the mark of the best."""
    return re.sub(r"[\d.,]+(e[+-]?\d+)?", "0", line).replace("*", "").split()


# Ctrl-C as soon as a line is printed: signalled from outside, a busy machine could be past it
INTERRUPTED = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
write = sys.stdout.write

def write_and_interrupt(text):
    written = write(text)
    if text.split()[:2] == os.environ["INTERRUPT_AFTER"].split()[:2]:
        signal.raise_signal(signal.SIGINT)
    return written

sys.stdout.write = write_and_interrupt
"""


def run(command, folder, environment):
    """The output of a command. Where the page shows ^C, it is interrupted after the line above."""
    if "^C" in command.shown:
        customized = Path(environment["HOME"]) / "interrupted"
        customized.mkdir(exist_ok=True)
        (customized / "sitecustomize.py").write_text(INTERRUPTED)
        after = command.shown[command.shown.index("^C") - 1]
        environment = environment | {"PYTHONPATH": str(customized), "INTERRUPT_AFTER": after}
    done = subprocess.run(
        command.line,
        shell=True,
        cwd=folder,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == command.exit_code(), f"{command.line}\n{done.stdout}"
    return done.stdout.splitlines()


# What the first release lacked, and what the next one says about it.
EARLIER = {
    "project/[= package =]/train.py.jinja": (
        "the whole run, top to bottom. Read this file first.",
        "the whole run, top to bottom.",
    ),
    "components/loss/focal/focal.py": ("hard examples count more.", "hard samples count more."),
}
BEHAVIOUR = ["train.py says that it is to be read first."]
NUMERICS = {"loss/focal": "None: only its description changed."}


@pytest.fixture
def installation(tmp_path):
    """torchgen 1.1.0, and the 1.0.0 that `leaves` was made by."""
    versions = histories.releases_of(ROOT / "templates", {"1.0.0": EARLIER, "1.1.0": {}})
    versions["1.1.0"] = histories.releases_of(ROOT / "templates", {"1.1.0": {}})["1.1.0"]
    installed = histories.install(tmp_path / "installed", versions, "1.1.0")
    declared = {"1.1.0": BEHAVIOUR}, {"1.1.0": NUMERICS}
    histories.write(installed.site / histories.PACKAGE.name, versions, *declared)
    earlier = histories.lay_out(tmp_path / "1.0.0", versions["1.0.0"])
    given = {"project": "leaves", "components": ["loss/focal"]}
    for path, file in (
        Renderer(earlier).render(complete(given, Catalogue(earlier)), "1.0.0").items()
    ):
        place = tmp_path / "you" / "leaves" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
    return installed


@pytest.fixture
def environment(tmp_path, installation):
    """A PATH with the commands that an installed environment has."""
    for name, module in {"python": "", "copier": "-m copier"}.items():
        script = installation.programs / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module} "$@"\n')
        script.chmod(0o755)
    (tmp_path / "home").mkdir()
    changed = {
        "PYTHONUNBUFFERED": "1",
        "CUDA_VISIBLE_DEVICES": "",  # the pages show what a CPU prints
        "OMP_NUM_THREADS": "1",
        "GIT_ALLOW_PROTOCOL": "torchgen",
        **{
            f"GIT_{who}_{what}": "you"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
    }
    return installation.environment(tmp_path / "home") | changed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tutorial.md", "how-to.md"])
def test_commands_run_and_print_what_the_page_shows(name, tmp_path, environment):
    home = folder = tmp_path / "you"
    for step in steps(DOCS / name):
        if isinstance(step, tuple):
            path, text = step
            (folder / path).write_text(text)
        elif step.line.startswith("cd "):
            folder = (folder / step.line.removeprefix("cd ")).resolve()
        else:
            output = run(step, folder, environment)
            output = [skeleton(line.replace(str(home), "/home/you")) for line in output]
            shown = [line for line in step.shown if line not in ("...", "^C")]
            missing = [line for line in shown if skeleton(line) not in output]
            if step.line.startswith("torchgen ") and "..." not in step.shown:
                assert [*filter(None, output)] == [*filter(None, map(skeleton, shown))], step.line
            assert not missing, f"{step.line}\nno longer prints:\n" + "\n".join(missing)


# --- the practices ---

IDS = [f"P{number:03}" for number in range(1, 154)] + [f"O{number:02}" for number in range(1, 47)]


def practices():
    """Each row: id, practice, where it is kept, its test."""
    for line in (DOCS / "practices.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.fullmatch(r"[PO]\d+", cells[0]):
            yield cells


def names_in(source):
    """Functions and classes, methods as Class.method."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
            inner = node.body if isinstance(node, ast.ClassDef) else []
            yield from (f"{node.name}.{n.name}" for n in inner if isinstance(n, ast.FunctionDef))


def test_every_practice_stands_there_once():
    assert [row[0] for row in practices()] == IDS


def test_every_place_named_exists():
    missing = []
    for practice, _, places, _ in practices():
        for path, name in re.findall(r"`([\w./]+\.(?:py|toml|md))(?:: ([\w.]+))?`", places):
            source = everything().get(f"sample/{path}", everything().get(path))
            if source is None or (name and name not in names_in(source)):
                missing.append(f"{practice}: {path} {name}")
    assert not missing


def unknown_tests(text):
    """Tests that a text names, and that stand neither in a project nor beside this file."""
    for path, name in re.findall(r"`([\w./]+)::(\w+)`", text):
        own = TESTS / path
        source = everything().get(path) or (own.read_text() if own.is_file() else "")
        if name not in names_in(source):
            yield f"{path}::{name}"


def test_every_test_named_exists():
    missing = [(row[0], test) for row in practices() for test in unknown_tests(row[3])]
    assert not missing


def test_every_fault_has_a_test_that_exists():
    text = (DOCS / "reliability.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    faults = [row for row in rows if row[0] != "| fault"]
    assert len(faults) > 30
    assert not [row[0] for row in faults if "`tests/" not in row[2]]
    assert not [*unknown_tests(text)]


def test_what_is_kept_has_a_test_and_what_has_none_says_so():
    for practice, text, places, tests in practices():
        kept = "`" in places and "In part" not in text
        assert "::" in tests or "none yet" in tests or not kept, practice
        assert "`" in places or places.startswith(("text", "not yet", "not needed")), practice


def test_rules_and_mutations_are_of_practices_that_exist():
    suite = yaml.safe_load((TESTS / "mutations.yml").read_text())["mutations"]
    named = {practice for mutation in suite for practice in mutation["practices"]}
    assert not (named | {*NEVER} | {*CLAIMS}) - {*IDS}


def test_a_rule_is_named_where_there_is_one_for_that_practice():
    for practice, text, _, tests in practices():
        meant = {practice, *re.findall(r"[PO]\d+", text)}
        assert ("test_no_file_does_it" in tests) <= bool(meant & {*NEVER}), practice
        assert ("test_no_text_claims_it" in tests) <= bool(meant & {*CLAIMS}), practice
