"""Two versions of the templates, and a project of the earlier one with its user's edits, to update."""

import os
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from environments import Installed
from measure import PROJECT

from torchgen_cli import history
from torchgen_cli.answers import FILE, complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.files import File
from torchgen_cli.history import Release
from torchgen_cli.in_process import Renderer

EARLIER = "0.0.1"
ENGINE = "project/[= package =]/"


@dataclass(frozen=True)
class Pair:
    """made_up: there are no two releases yet, and the earlier one was made for the benchmark"""

    before: Release
    after: str
    made_up: bool


def pair(torchgen: Installed) -> Pair:
    """The two newest releases; as long as there is but one version, it gets an earlier one."""
    file = torchgen.package / history.FILE.name
    releases = history.read(file)
    if len(releases) > 1:
        return Pair(releases[-2], releases[-1].version, made_up=False)
    before = earlier(torchgen.package / "templates")
    file.write_bytes(history.packed([before]))
    current = torchgen.output("from torchgen_cli import history; print(history.current())")
    return Pair(before, current, made_up=True)


def earlier(templates: Path) -> Release:
    """A release in which the engine's and the components' files had a line more each, and one was missing."""
    files = {}
    for path, file in history.read_templates(templates).items():
        is_engine = path.startswith(ENGINE) and path.count("/") == 2
        if is_engine or (path.startswith("components/") and path.endswith(".py")):
            file = replace(file, content=b"# An earlier version.\n" + file.content)
        if not path.endswith("/weights.py.jinja"):
            files[path] = file
    return Release(EARLIER, "2030-01-01", (), {}, files)


def write_project(folder: Path, release: Release, templates: Path) -> Path:
    """A project of a release, in a repository, that somebody has worked on.

    templates: an empty folder for the release's templates
    """
    write(templates, release.files)
    answers = complete({"project": PROJECT}, Catalogue(templates))
    write(folder, Renderer(templates).render(answers, release.version))
    for path, text in ((f"{PROJECT}/train.py", "\n# mine\n"), ("README.md", "\nMine.\n")):
        with (folder / path).open("a", encoding="utf-8") as file:
            file.write(text)
    (folder / PROJECT / "mine.py").write_text("mine = True\n")
    commit(folder)
    return folder


def write(folder: Path, files: dict[str, File]) -> None:
    for path, file in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
        if file.executable:
            place.chmod(0o755)


def commit(folder: Path) -> None:
    """All of a folder, into a repository of its own if it has none; plain copier demands it."""
    named = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    for arguments in (
        ["init", "--quiet", "--template=", "--initial-branch=main"],
        ["add", "--all"],
        ["commit", "--quiet", "--message", "as it is now"],
    ):
        command = ["git", *who, *arguments]
        subprocess.run(command, cwd=folder, env=named, check=True, capture_output=True)


def write_repository(torchgen: Installed, repository: Path) -> str:
    """The versions as an ordinary repository of templates; returns what copier calls it."""
    repository.mkdir()
    torchgen.output(
        "from pathlib import Path; from torchgen_cli import git_remote; "
        f"git_remote.write_repository(Path({str(repository)!r}))"
    )
    return f"git+file://{repository}"


def point_at(project: Path, source: str) -> None:
    """Let a project's answers name another place of its template."""
    file = project / FILE
    answers = yaml.safe_load(file.read_text(encoding="utf-8")) | {"_src_path": source}
    file.write_text(yaml.safe_dump(answers, indent=4), encoding="utf-8")
    commit(project)
