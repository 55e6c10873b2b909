"""Makes the catalogue importable as it will be in a project: `project.losses.focal` is templates/components/loss/focal/focal.py.

With it every component's own tests run in place: `pytest templates/components/loss/focal`.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

import pytest
import yaml

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # spinning threads on a busy machine cost up to 20 times the work

TEMPLATES = Path(__file__).parent / "templates"
FOLDERS = {
    kind["folder"]: kind["kind"] for kind in yaml.safe_load((TEMPLATES / "kinds.yml").read_text())
}


class TemplateLoader(importlib.machinery.SourceFileLoader):
    """Leaves no bytecode beside a template: copier would take it for a file of the project."""

    def set_data(self, *args, **kwargs):
        pass


class CatalogueFinder(importlib.abc.MetaPathFinder):
    """Finds `project`, `project.<folder>` and `project.<folder>.<name>` in templates/components.

    `project.data` and whatever else every project has is found in templates/project, where it holds no Jinja.
    """

    def find_spec(self, fullname, path=None, target=None):
        root, *rest = fullname.split(".")
        if root != "project" or len(rest) > 2:
            return None
        template = (
            TEMPLATES / "project" / "[= package =]" / f"{rest[0]}.py.jinja"
            if len(rest) == 1
            else None
        )
        if template and template.exists():
            return importlib.util.spec_from_loader(
                fullname, TemplateLoader(fullname, str(template))
            )
        if len(rest) < 2:
            return importlib.util.spec_from_loader(fullname, loader=None, is_package=True)
        folder, name = rest
        file = TEMPLATES / "components" / FOLDERS.get(folder, "-") / name / f"{name}.py"
        return importlib.util.spec_from_file_location(fullname, file) if file.exists() else None


sys.meta_path.append(CatalogueFinder())


@pytest.fixture(autouse=True)
def in_a_project(request, tmp_path_factory, monkeypatch):
    """Components are tested from a folder with data/NAME.csv, as they stand in a project."""
    if TEMPLATES / "components" in request.path.parents:
        root = tmp_path_factory.mktemp("project")
        (root / "data").mkdir()
        for file in (TEMPLATES / "components" / "data").glob("*/*.csv"):
            (root / "data" / file.name).symlink_to(file)
        monkeypatch.chdir(root)
