"""What is measured, installed as its users install it: each program in a virtual environment of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torchgen_cli
from torchgen_cli import catalogue

ROOT = Path(__file__).parents[2]
PACKAGE = Path(torchgen_cli.__file__).parent
PROGRAMS = {
    "torchgen": "from torchgen_cli.cli import main",
    "git-remote-torchgen": "from torchgen_cli.git_remote import main",
    "copier": "from copier.__main__ import CopierApp\n\nmain = CopierApp.run",
}


class NotInstalledError(Exception):
    """pip could not install a program; the message is the last line of what it said."""


@dataclass(frozen=True)
class Installed:
    """A torchgen with its copier.

    programs: the folder of its commands
    package: its folder torchgen_cli
    path: what PYTHONPATH has to be for it
    """

    python: Path
    programs: Path
    package: Path
    path: str = ""

    def program(self, name: str) -> str:
        return str(self.programs / name)

    def output(self, code: str) -> str:
        """What a line of Python prints there."""
        environment = {**os.environ, "PYTHONPATH": self.path}
        command = [str(self.python), "-c", code]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.strip()


def install(folder: Path, *requirements: str) -> Path:
    """A virtual environment with these packages, brought up to date; returns its `bin`.

    Raises:
        NotInstalledError: pip cannot, such as without a network
    """
    programs = folder / "bin"
    if not (programs / "python").exists():
        venv.create(folder, with_pip=True)
    pip = [str(programs / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--quiet", "--upgrade", *requirements], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstalledError(said[-1] if said else f"pip ended with {done.returncode}")
    return programs


def installed(folder: Path) -> Installed:
    """This repository's torchgen, as a wheel, in an environment of its own."""
    programs = install(folder, str(ROOT))
    python = programs / "python"
    code = "import torchgen_cli; print(torchgen_cli.__path__[0])"
    package = Path(Installed(python, programs, folder).output(code))
    return Installed(python, programs, package)


def copied(folder: Path) -> Installed:
    """This torchgen for the Python that runs now: nothing is installed, and no network is needed."""
    package = folder / "site" / PACKAGE.name
    droppings = shutil.ignore_patterns("__pycache__", "templates")
    shutil.copytree(PACKAGE, package, ignore=droppings)
    templates = catalogue.templates_folder()
    shutil.copytree(templates, package / "templates", ignore=shutil.ignore_patterns("__pycache__"))
    programs = folder / "bin"
    programs.mkdir()
    for name, source in PROGRAMS.items():
        script = programs / name
        script.write_text(f"#!{sys.executable}\nimport sys\n\n{source}\n\nsys.exit(main())\n")
        script.chmod(0o755)
    return Installed(Path(sys.executable), programs, package, str(folder / "site"))


def environment(torchgen: Installed, home: Path) -> dict[str, str]:
    """For every process that is measured: nobody's settings, and nothing but its own programs."""
    git = shutil.which("git")
    if git is None:
        raise FileNotFoundError("git is not installed, and copier needs it. Install git.")
    home.mkdir()
    settings = home / "gitconfig"
    settings.write_text("[user]\n\tname = benchmark\n\temail = benchmark@localhost\n")
    return {
        "PATH": os.pathsep.join(
            [str(torchgen.programs), str(Path(git).parent), "/usr/bin", "/bin"]
        ),
        "PYTHONPATH": torchgen.path,
        "HOME": str(home),
        "TMPDIR": tempfile.gettempdir(),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": str(settings),
        "GIT_CONFIG_NOSYSTEM": "1",
    }


def versions(python: Path, names: tuple[str, ...], path: str = "") -> dict[str, str]:
    """The versions of these distributions in an environment."""
    code = f"from importlib.metadata import version; print(*map(version, {names!r}))"
    found = Installed(python, python.parent, PACKAGE, path).output(code).split()
    return dict(zip(names, found, strict=True))


def without_python_path(environment: Mapping[str, str]) -> dict[str, str]:
    """For programs that have nothing to do with torchgen."""
    return {name: value for name, value in environment.items() if name != "PYTHONPATH"}
