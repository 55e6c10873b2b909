"""scripts/release.py: a release says what it changes, or it is not made."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import histories
import pytest

from torchgen_cli import history

SCRIPT = Path(__file__).parents[1] / "scripts" / "release.py"
SPEC = importlib.util.spec_from_file_location("release", SCRIPT)
release = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(release)

PACKAGE = "src/torchgen/torchgen_cli"
LOSS = "templates/components/loss/focal"
TEXTS = {
    "CHANGELOG.md": "# Changelog\n\n## [0.1.0] - 2030-01-31\n\n### Added\n\n- Everything.\n\n## [0.0.1]\n\nx\n",
    "releases.yml": "0.1.0:\n  date: 2030-01-31\n  behaviour: []\n  numerics: {}\n",
    f"{PACKAGE}/__init__.py": '"""torchgen."""\n\n__version__ = "0.1.0.dev0"\n',
    "templates/copier.yml": "a: 1\n",
    f"{LOSS}/focal.py": "gamma = 2\n",
    f"{LOSS}/test_focal.py": "pass\n",
    f"{LOSS}/component.yml": "entry: FocalLoss, gamma=2.0\nchoose: when few are right\n",
    "templates/components/data/digits/digits.csv": "1,2\n",
}
SECOND = {
    "CHANGELOG.md": "# Changelog\n\n## [0.2.0] - 2030-02-28\n\nBetter.\n",
    "releases.yml": "0.2.0:\n  date: 2030-02-28\n  behaviour: [Runs are shorter.]\n  numerics: {}\n",
}


@pytest.fixture
def root(tmp_path):
    return make(tmp_path / "repository")


def make(root, texts=TEXTS):
    histories.lay_out(root, texts)
    histories.write(root / PACKAGE, {})
    return root


def make_release(root, version, capsys):
    capsys.readouterr()
    code = release.main([version], root)
    return code, *capsys.readouterr()


def held(root):
    """What history.json.xz holds by now."""
    return history.read(root / PACKAGE / "history.json.xz")


def version_in(root):
    return (root / PACKAGE / "__init__.py").read_text().splitlines()[-1]


def test_a_release_holds_the_templates_and_what_was_said_about_it(root, capsys):
    code, out, err = make_release(root, "0.1.0", capsys)
    assert (code, err) == (0, "")
    assert "git add src/torchgen/torchgen_cli/history.json.xz" in out
    assert version_in(root) == '__version__ = "0.1.0"'
    [made] = held(root)
    assert (made.version, made.date) == ("0.1.0", "2030-01-31")
    assert made.files == history.read_templates(root / "templates")


def test_a_later_release_leaves_the_earlier_ones_as_they_were(root, capsys):
    make_release(root, "0.1.0", capsys)
    before = held(root)
    histories.lay_out(root, SECOND | {"templates/copier.yml": "a: 2\n"})
    assert make_release(root, "0.2.0", capsys)[0] == 0
    first, second = held(root)
    assert (first,) == before
    assert second.behaviour == ("Runs are shorter.",)
    assert second.files["copier.yml"].content == b"a: 2\n"


def test_the_same_release_is_the_same_bytes_on_every_machine(root, tmp_path, capsys):
    other = make(tmp_path / "elsewhere", dict(reversed(TEXTS.items())))
    histories.lay_out(other, {"templates/__pycache__/a.pyc": "left\n"})
    files = []
    for place in (root, other):
        make_release(place, "0.1.0", capsys)
        files.append((place / PACKAGE / "history.json.xz").read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("version", "texts", "message"),
    [
        ("0.1", {}, "'0.1' is not a version to release: write it as x.y.z."),
        ("0.2.0.dev0", {}, "'0.2.0.dev0' is not a version to release"),
        ("0.3.0", {}, "releases.yml has no entry for 0.3.0. Add:\n  x.y.z:\n"),
        ("0.1.0", {"releases.yml": "a: [\n"}, "releases.yml is not valid YAML"),
        ("0.1.0", {"releases.yml": "- 0.1.0\n"}, "releases.yml has no entry for 0.1.0"),
        ("0.1.0", {"releases.yml": "0.1.0:\n  date: soon\n"}, "0.1.0: `date: 2030-01-31` is"),
        ("0.1.0", {"releases.yml": "0.1.0:\n  date: soon\n"}, "`behaviour:` has to be"),
        ("0.1.0", {"releases.yml": "0.1.0:\n  date: soon\n"}, "`numerics:` has to be"),
        ("0.1.0", {"releases.yml": "0.1.0:\n  behaviour: ['']\n"}, "`behaviour:` has to be"),
        ("0.1.0", {"releases.yml": "0.1.0:\n  notes: x\n"}, "0.1.0: there is no 'notes'."),
        ("0.1.0", {"CHANGELOG.md": "# Changelog\n"}, "no section '## [0.1.0] - 2030-01-31'"),
        (
            "0.1.0",
            {"CHANGELOG.md": "## [0.1.0] - 2030-01-31\n\n### Added\n\n## [0.0.1]\n\nx\n"},
            "the section '## [0.1.0] - 2030-01-31' is empty",
        ),
        (
            "0.1.0",
            {"CHANGELOG.md": "## [0.1.0] - 2030-02-01\n\nx\n"},
            "CHANGELOG.md has no section '## [0.1.0] - 2030-01-31'.",
        ),
        (
            "0.1.0",
            {"releases.yml": TEXTS["releases.yml"].replace("{}", "{loss/fokal: none}")},
            "the numerics of loss/fokal, and there is no such component",
        ),
    ],
)
def test_a_release_that_leaves_something_unsaid_is_refused_and_nothing_is_written(
    root, capsys, tree, version, texts, message
):
    histories.lay_out(root, texts)
    before = tree(root)
    code, out, err = make_release(root, version, capsys)
    assert (code, out) == (2, "")
    assert message in err
    assert err.endswith("Nothing was written.\n")
    assert tree(root) == before


def test_a_template_that_is_no_text_is_refused_by_its_name(root, capsys):
    (root / "templates" / "logo.png").write_bytes(b"\x89PNG")
    assert "templates/logo.png is no UTF-8 text." in make_release(root, "0.1.0", capsys)[2]


@pytest.mark.parametrize("version", ["0.1.0", "0.0.9"])
def test_only_a_newer_version_can_be_released(root, capsys, version):
    make_release(root, "0.1.0", capsys)
    histories.lay_out(root, {"templates/copier.yml": "a: 2\n"})
    code, _, err = make_release(root, version, capsys)
    assert code == 2
    assert f"{version} is not newer than 0.1.0, which is released." in err
    assert len(held(root)) == 1


@pytest.mark.parametrize(
    ("file", "text", "part"),
    [
        (f"{LOSS}/focal.py", "gamma = 3\n", "loss/focal"),
        (f"{LOSS}/component.yml", "entry: FocalLoss, gamma=3.0\nchoose: x\n", "loss/focal"),
        ("templates/components/data/digits/digits.csv", "1,3\n", "data/digits"),
        (f"{LOSS}/test_focal.py", "assert True\n", None),
        (f"{LOSS}/component.yml", "entry: FocalLoss, gamma=2.0\nchoose: when most are\n", None),
        ("templates/components/loss/new/new.py", "new = 1\n", None),
    ],
)
def test_what_changes_a_components_numbers_has_to_be_declared(root, capsys, file, text, part):
    make_release(root, "0.1.0", capsys)
    histories.lay_out(root, {**SECOND, file: text})
    code, _, err = make_release(root, "0.2.0", capsys)
    if part is None:
        assert (code, err) == (0, "")
        return
    assert code == 2
    assert f"{part} changed: releases.yml has to say under `numerics:`" in err
    declared = SECOND["releases.yml"].replace("{}", f"{{{part}: 'none: so far'}}")
    histories.lay_out(root, {"releases.yml": declared})
    assert make_release(root, "0.2.0", capsys)[0] == 0
    assert held(root)[-1].numerics == {part: "none: so far"}


def test_after_a_release_comes_a_development_version(root, capsys):
    make_release(root, "0.1.0", capsys)
    before = (root / PACKAGE / "history.json.xz").read_bytes()
    assert release.main(["--next", "0.2.0.dev0"], root) == 0
    assert version_in(root) == '__version__ = "0.2.0.dev0"'
    assert (root / PACKAGE / "history.json.xz").read_bytes() == before


@pytest.mark.parametrize("version", ["0.2.0", "0.1.0.dev1", "next"])
def test_only_a_newer_development_version_is_the_next(root, capsys, version):
    make_release(root, "0.1.0", capsys)
    assert release.main(["--next", version], root) == 2
    assert version in capsys.readouterr().err
    assert version_in(root) == '__version__ = "0.1.0"'


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_release_asks_for_the_version():
    """Without touching the environment that the other targets need: `-o` takes it for made."""
    command = ["make", "-C", str(SCRIPT.parents[1]), "-o", ".venv/tool", "release"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "make release VERSION=x.y.z" in done.stderr
