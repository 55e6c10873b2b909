"""What is compared with what, and what each comparison starts from."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import two_versions
import yaml
from environments import Installed
from measure import PROJECT, Case, Contender
from two_versions import Pair

from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer

# As much of a command line as Typer shows without any work of ours.
BARE = '''"""Two commands and nothing behind them."""

import typer

app = typer.Typer({})


@app.command()
def new(path: str) -> None: ...


@app.command("list")
def list_components(kind: str) -> None: ...


app()
'''
PLAIN = "rich_markup_mode=None"

# What `new` goes through; what a line takes longer than the one before is the cost of its step.
IMPORTS = "import torchgen_cli.cli, copier"
STEPS = (
    ("Python starts", "pass"),
    ("torchgen's command line is imported", "import torchgen_cli.cli"),
    ("copier is imported", IMPORTS),
    (
        "copier renders, without git",
        f"{IMPORTS}; import plumbum; plumbum.local.env['PATH'] = ''; copier.run_copy({{templates!r}}, {PROJECT!r}, data={{{{'project': {PROJECT!r}}}}}, "
        "defaults=True, quiet=True, skip_tasks=True, settings=copier.Settings())",
    ),
)


class Cases:
    """folder: where projects and templates to start from are made"""

    def __init__(self, torchgen: Installed, versions: Pair, folder: Path) -> None:
        self.torchgen = torchgen
        self.versions = versions
        self.folder = folder
        self.templates = torchgen.package / "templates"

    def all(self) -> list[Case]:
        return [self.help(), self.list(), self.new(), self.add(), self.update(), self.steps()]

    def ours(self, *arguments: str) -> tuple[str, ...]:
        return (self.torchgen.program("torchgen"), *arguments)

    def help(self) -> Case:
        contenders = (
            Contender("`torchgen --help`", self.ours("--help")),
            Contender("a bare Typer program's help", self.bare("bare", "", "--help")),
            Contender(
                "a bare Typer program's help without rich", self.bare("plain", PLAIN, "--help")
            ),
        )
        return Case("help", "Help", contenders)

    def list(self) -> Case:
        contenders = (
            Contender("`torchgen list loss`", self.ours("list", "loss")),
            Contender("an empty command of Typer", self.bare("plain", PLAIN, "list", "loss")),
        )
        return Case("list", "The catalogue", contenders)

    def bare(self, name: str, settings: str, *arguments: str) -> tuple[str, ...]:
        program = self.folder / f"{name}.py"
        program.write_text(BARE.format(settings), encoding="utf-8")
        return (str(self.torchgen.python), str(program), *arguments)

    def new(self) -> Case:
        contenders = (self.new_project(), self.copier_copy("`copier copy`", "copied", ()))
        return Case("new", "A new project", contenders, goal=1.0, same=True)

    def new_project(self) -> Contender:
        ours = self.ours("new", PROJECT, "--yes", "--no-git", "--quiet")
        return Contender("`torchgen new`", ours)

    def copier_copy(self, label: str, name: str, components: Sequence[str]) -> Contender:
        """The whole project by plain copier, from the same templates and answers."""
        answers = self.folder / f"{name}.yml"
        answers.write_text(yaml.safe_dump({"project": PROJECT, "components": [*components]}))
        copier = (self.torchgen.program("copier"), "copy", "--defaults", "--quiet")
        source = ("--data-file", str(answers), str(self.templates), PROJECT)
        return Contender(label, (*copier, *source))

    def add(self) -> Case:
        """Against the least that plain copier needs to make the files: the whole project once."""
        project = self.folder / "added" / PROJECT
        version = self.torchgen.output("from torchgen_cli import history; print(history.current())")
        answers = complete({"project": PROJECT}, Catalogue(self.templates))
        two_versions.write(project, Renderer(self.templates).render(answers, version))
        contenders = (
            Contender("`torchgen add`", self.ours("add", "loss", "focal", "--quiet"), project),
            self.copier_copy("one `copier copy`", "focal", ("loss/focal",)),
        )
        return Case("add", "A component more", contenders, goal=1.2, same=True)

    def update(self) -> Case:
        """Both bring every component: that is what plain copier does."""
        project = two_versions.write_project(
            self.folder / "old" / PROJECT, self.versions.before, self.folder / "templates"
        )
        local = self.folder / "local" / PROJECT
        shutil.copytree(project, local)
        repository = self.folder / "templates.git"
        two_versions.point_at(local, two_versions.write_repository(self.torchgen, repository))
        to = self.versions.after
        copier = (self.torchgen.program("copier"), "update", "--defaults", "--quiet")
        copier = (*copier, "--vcs-ref", to)
        contenders = (
            Contender("`torchgen update`", self.ours("update", "--to", to, "--all", "-q"), project),
            Contender("`copier update`", copier, project),
            Contender("`copier update` from a local repository", copier, local),
        )
        return Case("update", "Newer templates", contenders, goal=0.5, same=True)

    def steps(self) -> Case:
        python = str(self.torchgen.python)
        templates = str(self.templates)
        before = [
            Contender(label, (python, "-c", code.format(templates=templates)))
            for label, code in STEPS
        ]
        return Case("steps", "What a new project's time is spent on", (self.new_project(), *before))
