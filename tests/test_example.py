"""examples/digits is what `torchgen new digits -y` writes today: people read it on the web."""

from pathlib import Path

from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.render import read_tree, render

EXAMPLE = Path(__file__).parent.parent / "examples" / "digits"
LEFT_BY_TOOLS = ("runs/", ".pytest_cache/", ".ruff_cache/", ".mypy_cache/")


def test_the_example_is_what_the_template_renders():
    catalogue = Catalogue()
    expected = render(catalogue.templates, complete({"project": "digits"}, catalogue))
    there = {
        path: file
        for path, file in read_tree(EXAMPLE).items()
        if not path.startswith(LEFT_BY_TOOLS) and "__pycache__" not in path
    }
    different = sorted(
        path
        for path in expected.keys() | there.keys()
        if path not in expected
        or path not in there
        or expected[path].content != there[path].content
    )
    assert not different, f"not up to date: {different}; run `make example`"
