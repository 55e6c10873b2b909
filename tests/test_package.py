"""The package: what its wheel and sdist hold, and that it lives beside torch.

PyTorch's wheel owns the import name `torchgen`, and `import torch` needs it. So nothing of ours may
offer that name: not the wheel, not an editable install, not `src/` on PYTHONPATH.
"""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "torchgen" / "torchgen_cli"
HERE = Path(sysconfig.get_path("purelib"))  # the site-packages that hold torch and our dependencies
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
VERSION = re.search(r'__version__ = "(.+)"', (PACKAGE / "__init__.py").read_text())[1]


def run(*command, **variables):
    """Runs a command far from the repository, without the caller's PYTHON...; gives its output."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        env=clean | {name: str(value) for name, value in variables.items()},
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
    return done.stdout


def build(source, folder, *what):
    """Builds `source` without the network; gives the files."""
    run(sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", folder, source)
    return sorted(folder.iterdir())


def python_files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.py")}


def files_of(folder):
    """The files that people made in a folder, relative to it: no caches."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not re.search(r"__pycache__|_cache/|[.]DS_Store", path.as_posix())
    }


@pytest.fixture(scope="module")
def sdist_and_wheel(tmp_path_factory):
    wheel, sdist = build(ROOT, tmp_path_factory.mktemp("dist"), "--sdist", "--wheel")
    assert (wheel.suffix, sdist.suffix) == (".whl", ".gz")
    return sdist, wheel


@pytest.fixture(scope="module")
def wheel(sdist_and_wheel):
    return sdist_and_wheel[1]


@pytest.fixture(scope="module")
def in_wheel(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class TestContent:
    def test_wheel_offers_one_import_name_and_it_is_not_torchs(self, in_wheel):
        assert {name.split("/")[0] for name in in_wheel} == {
            "torchgen_cli",
            f"torchgen_cli-{VERSION}.dist-info",
        }

    def test_wheel_holds_the_package_and_the_templates_to_the_byte(self, in_wheel):
        expected = {f"torchgen_cli/{name}": data for name, data in files_of(PACKAGE).items()}
        for name, data in files_of(ROOT / "templates").items():
            expected[f"torchgen_cli/templates/{name}"] = data
        held = {name: data for name, data in in_wheel.items() if ".dist-info/" not in name}
        assert sorted(held) == sorted(expected)
        assert held == expected

    @pytest.mark.parametrize(
        "name",
        [
            "py.typed",
            "templates/copier.yml",
            "templates/project/.gitignore.jinja",
            "templates/project/.github/workflows/",
            "templates/components/data/digits/digits.csv",
            "templates/components/model/mlp/test_mlp.py",
        ],
    )
    def test_wheel_holds(self, in_wheel, name):
        assert any(held.startswith(f"torchgen_cli/{name}") for held in in_wheel)

    def test_wheel_holds_the_licence(self, in_wheel):
        licence = in_wheel[f"torchgen_cli-{VERSION}.dist-info/licenses/LICENSE"]
        assert licence == (ROOT / "LICENSE").read_bytes()

    def test_sdist_builds_the_same_wheel(self, sdist_and_wheel, tmp_path):
        sdist, wheel = sdist_and_wheel
        with tarfile.open(sdist) as archive:
            archive.extractall(tmp_path / "source", filter="data")
        [source] = (tmp_path / "source").iterdir()
        [again] = build(source, tmp_path / "dist", "--wheel")
        assert again.name == wheel.name
        assert again.read_bytes() == wheel.read_bytes()

    def test_sdist_holds_what_make_test_needs(self, sdist_and_wheel):
        with tarfile.open(sdist_and_wheel[0]) as archive:
            held = {name.split("/")[1] for name in archive.getnames()}
        assert held >= {"Makefile", "pyproject.toml", "constraints.txt", "conftest.py", "tests"}


def imports(path):
    """The top-level names that a file imports, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def test_what_is_imported_is_what_is_declared():
    imported = {name for path in PACKAGE.rglob("*.py") for name in imports(path)}
    foreign = imported - {*sys.stdlib_module_names, "torchgen_cli"}
    distributions = importlib.metadata.packages_distributions()
    needed = {distributions[name][0].lower().replace("_", "-") for name in foreign}
    lines = PYPROJECT["project"]["dependencies"]
    assert needed == {re.match(r"[\w-]+", line)[0] for line in lines}


@pytest.fixture(scope="module")
def torch_wheel(tmp_path_factory):
    """torch's wheel without its hundreds of megabytes: `torchgen` and the metadata."""
    version = importlib.metadata.version("torch")
    wheel = tmp_path_factory.mktemp("torch") / f"torch-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in importlib.metadata.files("torch"):
            if re.match(r"torchgen/.*[.]py$|torch-[^/]*/(METADATA|WHEEL|RECORD)$", str(file)):
                archive.write(file.locate(), str(file))
    return wheel


class Environment:
    """A new virtual environment. Behind its own packages stand those of `HERE`, as a loan."""

    def __init__(self, folder):
        run(sys.executable, "-m", "venv", "--without-pip", folder)
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.site = Path(sysconfig.get_path("purelib", vars={"base": folder}))
        (self.site / "lent.pth").write_text(f"{HERE}\n")

    def pip(self, *arguments):
        run(sys.executable, "-m", "pip", "--python", self.python, *arguments, "--quiet")

    def install(self, *what):
        # without --ignore-installed, what is lent would count as installed
        self.pip("install", "--no-deps", "--no-build-isolation", "--ignore-installed", *what)

    def check(self, **variables):
        """`import torch`, with what it takes from its `torchgen`, and our command both work."""
        code = "import torch, torchgen.model; print(torch.ones(2).sum().item())"
        assert run(self.python, "-c", code, **variables) == "2.0\n"
        told = run(self.folder / "bin" / "torchgen", "--version", **variables)
        assert told.split()[-1] == VERSION


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path / "environment")


class TestBesideTorch:
    @pytest.mark.parametrize("order", [1, -1], ids=["torch first", "torchgen-cli first"])
    def test_in_both_orders_and_uninstalling_ours_leaves_torchs(
        self, environment, torch_wheel, wheel, order
    ):
        for each in [torch_wheel, wheel][::order]:
            environment.install(each)
        environment.check()
        environment.pip("uninstall", "--yes", "torchgen-cli")
        assert not (environment.site / "torchgen_cli").exists()
        assert python_files(environment.site / "torchgen") == python_files(HERE / "torchgen")
        run(environment.python, "-c", "import torch, torchgen.model")

    @pytest.mark.parametrize("folder", ["src", "src/torchgen", "."])
    def test_with_the_source_on_the_path(self, environment, wheel, folder):
        environment.install(wheel)
        environment.check(PYTHONPATH=ROOT / folder)

    @pytest.mark.slow
    def test_with_the_whole_torch_from_pip(self, environment, wheel):
        environment.install(wheel)
        environment.install("--no-compile", "--constraint", ROOT / "constraints.txt", "torch")
        environment.check()


class TestInstalled:
    def test_editable_reads_the_repository_and_copies_nothing(self, environment):
        environment.install("--editable", ROOT)
        environment.check()
        assert not (environment.site / "torchgen_cli").exists()
        code = "import torchgen_cli; print(torchgen_cli.__file__)"
        assert Path(run(environment.python, "-c", code).strip()).parent == PACKAGE

    def test_wheel_and_repository_make_the_same_project(self, environment, wheel, tmp_path):
        arguments = ("new", tmp_path / "digits", "--defaults", "--no-git")
        projects = []
        for what in ([wheel], ["--editable", ROOT]):
            environment.install(*what)
            run(environment.folder / "bin" / "torchgen", *arguments)
            projects.append(files_of(tmp_path / "digits"))
            shutil.rmtree(tmp_path / "digits")
            environment.pip("uninstall", "--yes", "torchgen-cli")
        assert projects[0] == projects[1]
