"""Plain `copier update` takes a project to a newer release, offline, wherever torchgen is installed."""

import shutil
import subprocess
import sys
from pathlib import Path

import histories
import pytest
import yaml

from torchgen_cli.answers import FILE, complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer
from torchgen_cli.render import read_tree

REAL = Path(__file__).parent.parent / "templates"
TRAIN = "project/[= package =]/train.py.jinja"
WEIGHTS = "project/[= package =]/weights.py.jinja"
VERSIONS = histories.releases_of(
    REAL,
    {
        "0.1.0": {},
        "0.2.0": {"project/NOTES.md.jinja": "Second.\n"},
        "0.3.0": {
            "project/NOTES.md.jinja": "Third, of [= project =].\n",
            TRAIN: ("import math\n", "import bisect\nimport math\n"),
            WEIGHTS: None,
        },
    },
)
ANSWERS = complete({"project": "leaf", "components": ["loss/focal"]}, Catalogue(REAL))


class Project:
    """A project in git, on a computer with a torchgen on it."""

    def __init__(self, folder: Path, environment: dict[str, str], version: str) -> None:
        self.folder = folder
        # git speaks to no network and to no other repository
        self.environment = environment | {"GIT_ALLOW_PROTOCOL": "torchgen"}
        for path, file in Renderer(REAL).render(ANSWERS, version).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(file.content)
        self.git("init", "--quiet")

    def run(self, *command):
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def git(self, *arguments):
        done = self.run("git", "-c", "user.name=a", "-c", "user.email=a@localhost", *arguments)
        assert done.returncode == 0, done.stderr

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "as it is now")

    def copier_update(self, *arguments):
        return self.run(sys.executable, "-m", "copier", "update", "--defaults", *arguments)

    def files(self):
        tree = read_tree(self.folder)
        return {path: file.content for path, file in tree.items() if path[:5] != ".git/"}

    def version(self):
        return yaml.safe_load((self.folder / FILE).read_text())["_commit"]


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    return histories.install(tmp_path_factory.mktemp("torchgen"), VERSIONS, "0.3.0")


@pytest.fixture
def project(tmp_path, installation):
    """A project of 0.1.0 beside a torchgen 0.3.0."""
    home = tmp_path / "home"
    home.mkdir()
    return Project(tmp_path / "leaf", installation.environment(home), "0.1.0")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Version -> what that release makes of the answers."""
    trees = {}
    for version, texts in VERSIONS.items():
        templates = histories.lay_out(tmp_path_factory.mktemp("templates"), texts)
        files = Renderer(templates).render(ANSWERS, version)
        trees[version] = {path: file.content for path, file in files.items()}
    return trees


def test_a_pristine_project_becomes_what_the_newest_release_makes(project, rendered):
    project.commit()
    done = project.copier_update()
    assert done.returncode == 0, done.stderr
    assert project.files() == rendered["0.3.0"]
    assert project.version() == "0.3.0"


def test_it_goes_from_release_to_release_and_keeps_what_the_user_wrote(project, rendered):
    train, readme = project.folder / "leaf" / "train.py", project.folder / "README.md"
    mine = train.read_text() + "\n# mine\n"
    train.write_text(mine)
    readme.write_text("All mine.\n")
    (project.folder / "leaf" / "own.py").write_text("own = True\n")
    project.commit()
    edited = {"leaf/train.py", "leaf/own.py", "README.md"}
    for version, trained in (
        ("0.2.0", mine),
        ("0.3.0", mine.replace("import math\n", "import bisect\nimport math\n")),
    ):
        done = project.copier_update("--vcs-ref", version)
        assert done.returncode == 0, done.stderr
        assert project.version() == version
        assert train.read_text() == trained
        assert readme.read_text() == "All mine.\n"
        assert (project.folder / "leaf" / "own.py").read_text() == "own = True\n"
        theirs = {path: text for path, text in project.files().items() if path not in edited}
        assert theirs == {p: text for p, text in rendered[version].items() if p not in edited}
        project.commit()


def test_without_torchgen_on_the_path_git_names_what_is_missing(project):
    project.commit()
    project.environment["PATH"] = str(Path(shutil.which("git")).parent)
    done = project.copier_update()
    assert done.returncode != 0
    assert "remote-torchgen" in done.stderr
    assert project.version() == "0.1.0"
