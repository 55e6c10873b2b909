"""`project = render(templates, answers)`. The only module that knows copier; it imports it late."""

import tempfile
from pathlib import Path

import yaml

from torchgen_cli import history
from torchgen_cli.answers import FILE, Answers
from torchgen_cli.catalogue import Loader
from torchgen_cli.errors import MachineError
from torchgen_cli.files import File

# Where plain `copier update` looks for newer templates, whoever's machine the project is on.
SOURCE = "git+torchgen://templates"


def render(templates: Path, answers: Answers) -> dict[str, File]:
    """The files of a project, by their paths with slashes. No folder of the user's is touched."""
    import copier
    from copier.errors import CopierError
    from jinja2 import TemplateError
    from plumbum import local

    # copier would ask git about every file that it writes, each time by a new process
    with tempfile.TemporaryDirectory(prefix="torchgen-") as folder, local.env(PATH=""):
        try:
            copier.run_copy(
                str(templates),
                folder,
                data=answers.data(),
                defaults=True,
                quiet=True,
                skip_tasks=True,
                settings=copier.Settings(),  # not the user's own
            )
        except (CopierError, TemplateError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise MachineError(f"The template {templates} cannot be rendered: {reason}.") from error
        files = read_tree(Path(folder))
    return files | {FILE: stamped(files[FILE])}


def read_tree(folder: Path) -> dict[str, File]:
    return {
        place.relative_to(folder).as_posix(): File(
            place.read_bytes(), executable=bool(place.stat().st_mode & 0o100)
        )
        for place in sorted(folder.rglob("*"))
        if place.is_file()
    }


def stamped(file: File, version: str | None = None) -> File:
    """The answers file, with a version (this torchgen's, if none is given) and no machine's path."""
    text = file.content.decode()
    comments = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    answers = yaml.load(text, Loader) | {
        "_commit": version or history.current(),
        "_src_path": SOURCE,
    }
    # as copier's own `to_nice_yaml` writes it
    body = yaml.dump(answers, indent=4, allow_unicode=True, default_flow_style=False)
    return File((comments + body).encode())
