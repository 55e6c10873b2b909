"""What a component's file was made from: an update may have left it as an earlier version wrote it.

Nothing records it. The releases are at hand, and the file itself shows from which one it comes.
"""

import re
from dataclasses import replace

from torchgen_cli import history
from torchgen_cli.answers import Answers
from torchgen_cli.difference import content
from torchgen_cli.files import File
from torchgen_cli.merge import Text, closest
from torchgen_cli.project import Library, Project

IMPORT = re.compile(r"(from|import) project[.](?=[a-z])")  # as macros.jinja has it


def as_made(project: Project, lib: Library, answers: Answers) -> dict[str, File]:
    """The project as torchgen left it: components that were not updated as they were then."""
    rendered = lib.renderer.render(answers, lib.version)
    for path, source in lib.renderer.sources(answers).items():
        rendered[path], _ = origin(project, path, rendered[path], source.template, answers)
    return rendered


def origin(
    project: Project, path: str, rendered: File, template: str, answers: Answers
) -> tuple[File, str]:
    """What a component's file was made from, and the version: an update may have left it alone."""
    candidates = {rendered.content: (rendered, project.version)}
    yours = content(project.folder, path)
    last = None
    for release in reversed(history.releases()):
        if not history.is_older(release.version, project.version):
            last = release.files.get(template, last)
            continue
        if template in release.files and release.files[template] != last:
            last = release.files[template]
            file = made_from(last, template, answers.package)
            candidates.setdefault(file.content, (file, release.version))
    mine = Text.of(yours) if yours is not None else None
    texts = {text.plain: made for made in candidates.values() if (text := Text.of(made[0].content))}
    if mine is None or len(texts) < 2:
        return rendered, project.version
    return texts[closest(mine.plain, list(reversed(texts)))]


def made_from(source: File, template: str, package: str) -> File:
    """A component's file in a project: as the catalogue has it, tests with the package's name.

    Nothing else of a release is rendered: it may not know what the project has by now.
    """
    if not template.rpartition("/")[2].startswith("test_"):
        return source
    text = IMPORT.sub(rf"\1 {package}.", source.content.decode())
    return replace(source, content=text.encode())
