"""Every practice that can be broken in one line is broken, and a test of the generated project has to notice.

The mutations stand in mutations.yml: practices of docs/practices.md, a file, the line and what it becomes, and the tests that are run.
"""

import shutil
from pathlib import Path

import pytest
import yaml
from forked import run_pytest

from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.in_process import Renderer

SUITE = yaml.safe_load((Path(__file__).parent / "mutations.yml").read_text())
MUTATIONS = SUITE["mutations"]


@pytest.fixture(scope="session")
def projects(tmp_path_factory):
    """A pristine project for each kind that a mutation asks for, by name."""
    catalogue = Catalogue()
    renderer = Renderer(catalogue.templates)
    made = {}
    for name, choices in SUITE["projects"].items():
        made[name] = tmp_path_factory.mktemp(name)
        answers = complete({"project": "sample", **choices}, catalogue)
        for path, file in renderer.render(answers).items():
            target = made[name] / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
    return made


def name_of(mutation):
    return f"{'-'.join(mutation['practices'])}-{Path(mutation['file']).stem}"


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=name_of)
def test_a_broken_practice_is_noticed(mutation, projects, tmp_path):
    project = tmp_path / "sample"
    shutil.copytree(projects[mutation["project"]], project)
    file = project / mutation["file"]
    text = file.read_text()
    assert text.count(mutation["old"]) == 1, (
        "the line is not there, or not once: mend mutations.yml"
    )
    file.write_text(text.replace(mutation["old"], mutation["new"]))
    code, output = run_pytest(project, "-x", *mutation["tests"].split())
    # 1: a test failed. 0 would be silence, and 2 or more no test at all
    assert code == 1, output[-4000:]
