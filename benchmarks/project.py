"""Generated projects to be measured."""

from pathlib import Path

from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer


def write_project(folder: Path, **choices: str) -> Path:
    """A project as `torchgen new` writes it, with these choices."""
    catalogue = Catalogue()
    for path, file in Renderer(catalogue.templates).render(complete(choices, catalogue)).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
    return folder
