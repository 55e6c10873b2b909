"""How many lines of Python a project has, and how many each component adds to it."""

from collections import Counter
from collections.abc import Iterator

from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.errors import RequestError
from torchgen_cli.in_process import Renderer

SORTS = ("code", "tests", "configs")


def sort_of(path: str) -> str:
    """A package is named as its project, so what is neither a test nor a config is its code."""
    folder = path.partition("/")[0]
    return folder if folder in SORTS else "code"


def lengths(renderer: Renderer, catalogue: Catalogue, *components: str) -> dict[str, int]:
    """The lines of every Python file of the default project, with these components as well."""
    given = {"project": "digits", "components": list(components)}
    files = renderer.render(complete(given, catalogue))
    return {
        path: len(file.content.splitlines()) for path, file in files.items() if path.endswith(".py")
    }


def totals(files: dict[str, int]) -> Counter[str]:
    """Lines of each sort."""
    found: Counter[str] = Counter()
    for path, count in files.items():
        found[sort_of(path)] += count
    return found


def of_files(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """The files of the default project's code with their lines, train.py first, then the longest."""
    found = lengths(Renderer(catalogue.templates), catalogue)
    files = {path: n for path, n in found.items() if sort_of(path) == "code"}
    for path in sorted(files, key=lambda path: (path != "digits/train.py", -files[path], path)):
        if files[path]:
            yield f"`{path}`", str(files[path])


def of_components(catalogue: Catalogue) -> Iterator[tuple[str, ...]]:
    """What can be added to the default project, with the lines of each sort that it brings."""
    renderer = Renderer(catalogue.templates)
    plain = totals(lengths(renderer, catalogue))
    yield "the default project", *(str(plain[sort]) for sort in SORTS)
    for kind in catalogue.kinds.values():
        for part in [] if kind.carried else catalogue.all(kind.kind):
            try:
                grown = totals(lengths(renderer, catalogue, f"{part.kind}/{part.name}"))
            except RequestError:  # it does not fit the default task
                continue
            if grown != plain:  # else it is part of it already
                added = (f"+{grown[sort] - plain[sort]}" for sort in SORTS)
                yield f"`{part.kind}/{part.name}`", *added
