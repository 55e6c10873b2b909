"""Other programs that make projects, each with the command of it that is nearest to `torchgen new`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from environments import install, versions
from measure import PROJECT, Contender

from torchgen_cli.files import File


@dataclass(frozen=True)
class Peer:
    """A program on PyPI.

    arguments: of the command that makes a project called `leaf`; {template} is a cookiecutter template
    """

    distribution: str
    program: str
    arguments: tuple[str, ...]

    @property
    def label(self) -> str:
        shown = " ".join(self.arguments).replace("{template}", "TEMPLATE")
        return f"`{self.program} {shown}`"


PEERS = (
    Peer("cookiecutter", "cookiecutter", ("--no-input", "{template}")),
    Peer("pyscaffold", "putup", (PROJECT,)),
    Peer("django", "django-admin", ("startproject", PROJECT)),
    Peer("hatch", "hatch", ("new", PROJECT)),
    Peer("uv", "uv", ("init", "--vcs", "none", PROJECT)),
    Peer("poetry", "poetry", ("new", PROJECT)),
)


def contender(peer: Peer, environments: Path, template: Path) -> tuple[Contender, str]:
    """A peer to measure, and its version; it is installed first.

    Raises:
        NotInstalledError: it could not be
    """
    programs = install(environments / peer.distribution, peer.distribution)
    arguments = [part.replace("{template}", str(template)) for part in peer.arguments]
    version = versions(programs / "python", (peer.distribution,))[peer.distribution]
    return Contender(peer.label, (str(programs / peer.program), *arguments)), version


def write_cookiecutter_template(folder: Path, files: Mapping[str, File]) -> Path:
    """A template that makes the same project; only the names of folders are left to be filled in."""
    top = folder / "{{cookiecutter.project}}"
    for path, file in files.items():
        place = top / path.replace(f"{PROJECT}/", "{{cookiecutter.project}}/", 1)
        place.parent.mkdir(parents=True, exist_ok=True)
        text = file.content.decode()
        place.write_text("{% raw %}" + text + "{% endraw %}", encoding="utf-8", newline="")
    (folder / "cookiecutter.json").write_text(json.dumps({"project": PROJECT}) + "\n")
    return folder
