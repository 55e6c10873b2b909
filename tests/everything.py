"""All files that a project can have: the projects of each task with every component that fits it."""

from functools import cache

from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer


@cache
def everything() -> dict[str, str]:
    """The text of each file by its path; the package is called `sample`."""
    catalogue = Catalogue()
    renderer = Renderer(catalogue.templates)
    files = {}
    for task in catalogue.all("task"):
        fitting = [
            f"{kind.kind}/{name}"
            for kind in catalogue.kinds.values()
            for name in catalogue.fitting(kind.kind, task)
            if not kind.carried and kind.kind not in ("task", "precision") and name != "none"
        ]
        given = {"project": "sample", "task": task.name, "components": fitting}
        rendered = renderer.render(complete(given, catalogue))
        files |= {path: file.content.decode() for path, file in rendered.items()}
    return files
