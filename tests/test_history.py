"""The history of releases: any version of the templates is at hand, and each content has its name."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import histories
import pytest
import yaml
from packaging.version import Version

import torchgen_cli
from torchgen_cli import answers, catalogue, history
from torchgen_cli.answers import complete
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.errors import MachineError, RequestError
from torchgen_cli.files import File
from torchgen_cli.history import Release
from torchgen_cli.in_process import Renderer

ROOT = Path(__file__).parents[1]
VERSIONS = {
    "0.9.0": {"copier.yml": "old: 1\n", "project/gone.py.jinja": "gone = True\n"},
    "0.10.0": {"copier.yml": "new: 2\n", "project/Ünusual [= name =].jinja": "ü\r\n"},
}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A torchgen of some version, with its templates; it knows VERSIONS."""

    def install(version="0.10.0", texts=VERSIONS["0.10.0"], **declared):
        folder = tmp_path / f"installed-{version}-{len(list(tmp_path.iterdir()))}"
        templates = histories.lay_out(folder / "templates", texts)
        monkeypatch.setattr(history, "FILE", histories.write(folder, VERSIONS, **declared))
        monkeypatch.setattr(history, "__version__", version)
        monkeypatch.setattr(catalogue, "templates_folder", lambda: templates)
        return SimpleNamespace(templates=templates, version=history.current())

    return install


def test_the_newest_release_is_what_the_templates_hold_unless_this_is_a_development_version():
    """After a change to the templates: python scripts/release.py --next x.y.z.dev0"""
    version = torchgen_cli.__version__
    if not Version(version).is_devrelease:
        assert history.current() == version == history.releases()[-1].version


def test_releases_are_in_the_order_of_their_versions():
    versions = [Version(release.version) for release in history.releases()]
    assert versions == sorted(set(versions))


def test_importing_it_loads_neither_copier_nor_jinja():
    code = "import sys, torchgen_cli.history; print(*{'copier', 'jinja2', 'packaging', 'lzma'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"lzma"}


class TestFile:
    def test_what_is_packed_is_read_again(self, tmp_path):
        script = File("#!/bin/sh\necho ü\r\n".encode(), executable=True)
        files = {"a b/[= c =].jinja": File(b""), "run.sh": script}
        release = Release("1.0.0", "2030-01-31", ("Runs are ...",), {"loss/mse": "none"}, files)
        (tmp_path / "history").write_bytes(history.packed([release]))
        assert history.read(tmp_path / "history") == (release,)

    def test_a_text_is_held_once_however_many_releases_have_it(self):
        files = {f"{n}.txt": File(Path(__file__).read_bytes() + bytes([65 + n])) for n in range(9)}
        releases = [Release(f"0.{n}.0", "2030-01-31", (), {}, files) for n in range(30)]
        assert len(history.packed(releases)) < 1.3 * len(history.packed(releases[:1]))

    def test_the_order_in_which_files_were_found_does_not_matter(self):
        files = {name: File(name.encode()) for name in "cab"}
        orders = [files, dict(sorted(files.items()))]
        packed = {
            history.packed([Release("1.0.0", "2030-01-31", (), {}, order)]) for order in orders
        }
        assert len(packed) == 1

    @pytest.mark.parametrize("content", [None, b"", b"\xfd7zXZ", b"{}"])
    def test_a_damaged_or_missing_one_is_named(self, tmp_path, content):
        file = tmp_path / "history.json.xz"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(MachineError, match=rf"{file}, .* cannot be read: ") as raised:
            history.read(file)
        assert raised.value.fixes == ("pip install --force-reinstall torchgen-cli",)


class TestCurrent:
    def test_a_release_has_its_own_name(self, installed):
        assert installed().version == history.newest() == "0.10.0"

    @pytest.mark.parametrize("version", ["0.11.0.dev0", "0.10.0"])
    def test_templates_that_were_not_released_are_named_by_their_content(self, installed, version):
        named = [
            installed(version, texts).version
            for texts in ({"a": "1"}, {"a": "1"}, {"a": "2"}, {"b": "1"})
        ]
        assert named[0] == named[1]
        assert len({*named}) == 3
        for name in named:
            base, _, mark = name.partition("+")
            assert base == version
            assert len(mark) == 8
            assert set(mark) <= set("0123456789abcdef")

    def test_the_templates_of_an_earlier_release_are_not_those_of_this_one(self, installed):
        assert installed("0.10.0", VERSIONS["0.9.0"]).version.startswith("0.10.0+")

    def test_a_file_that_may_be_run_is_another_content(self):
        plain, script = ({"a": File(b"1", executable)} for executable in (False, True))
        assert history.content_hash(plain) != history.content_hash(script)

    def test_a_project_is_stamped_with_it_or_with_the_version_that_it_is_rendered_from(self):
        real = Catalogue()
        made = complete({"project": "leaf"}, real)
        renderer = Renderer(real.templates)
        for version, expected in ((None, history.current()), ("0.9.0", "0.9.0")):
            file = renderer.render(made, version)[answers.FILE]
            assert yaml.safe_load(file.content)["_commit"] == expected


class TestFilesOfTheTemplates:
    def test_what_tools_leave_behind_is_none_of_them(self, installed):
        here = installed()
        for name in ("__pycache__/a.py", "x/.mypy_cache/3.11/a", ".DS_Store", "x/a.pyc"):
            histories.lay_out(here.templates, {name: "left\n"})
        assert sorted(history.read_templates(here.templates)) == sorted(VERSIONS["0.10.0"])

    def test_that_is_what_the_wheel_leaves_out(self):
        lines = (ROOT / ".gitignore").read_text().splitlines()
        everywhere = [line for line in lines if line and line[0] not in "/#"]
        assert [line.removesuffix("/") for line in everywhere] == list(history.DROPPINGS)


class TestTemplates:
    def test_those_of_this_version_are_the_installed_folder(self, installed):
        here = installed()
        with history.templates("0.10.0") as folder:
            assert folder == here.templates

    def test_those_of_a_release_are_what_was_released_and_are_gone_afterwards(self, installed):
        installed()
        with history.templates("0.9.0") as folder:
            files = history.read_templates(folder)
            assert {p: f.content.decode() for p, f in files.items()} == VERSIONS["0.9.0"]
        assert not folder.exists()

    def test_a_release_is_still_known_when_the_templates_are_developed_further(self, installed):
        installed("0.10.0", {"copier.yml": "newer: 3\n"})
        with history.templates("0.10.0") as folder:
            assert (folder / "copier.yml").read_text() == "new: 2\n"

    def test_scripts_stay_executable(self, installed, tmp_path, monkeypatch):
        installed()
        files = {"run.sh": File(b"", executable=True), "a.txt": File(b"")}
        (tmp_path / "h").write_bytes(
            history.packed([Release("0.1.0", "2030-01-01", (), {}, files)])
        )
        monkeypatch.setattr(history, "FILE", tmp_path / "h")
        with history.templates("0.1.0") as folder:
            assert history.read_templates(folder) == dict(sorted(files.items()))

    @pytest.mark.parametrize(
        ("version", "message"),
        [
            ("0.11.0", "0.11.0 is newer than the newest version that this torchgen knows, 0.10.0."),
            ("0.9.5", "There is no version 0.9.5. There are: 0.9.0, 0.10.0."),
            ("0.9.0+0a1b2c3d", "0.9.0+0a1b2c3d is no release but a state of development: "),
            ("0.11.0.dev0", "0.11.0.dev0 is no release but a state of development: "),
            ("../x", "'../x' is not a version."),
            ("", "'' is not a version."),
            ("main", "'main' is not a version."),
            ("\x1b[2J", r"'\x1b[2J' is not a version."),
        ],
    )
    def test_a_version_that_is_not_at_hand_is_refused_with_the_reason(
        self, installed, version, message
    ):
        installed()
        with pytest.raises(RequestError) as raised, history.templates(version):
            pass
        assert raised.value.message.startswith(message)
        assert raised.value.fixes == ((history.UPGRADE,) if "newer" in message else ())

    def test_a_state_of_development_is_known_to_the_torchgen_that_holds_it(self, installed):
        here = installed("0.11.0.dev0", {"a": "1"})
        with history.templates(here.version) as folder:
            assert folder == here.templates

    def test_a_version_may_be_spelled_in_other_ways(self, installed):
        installed()
        assert [history.known(text) for text in ("v0.9", "0.9", "0.10")] == [
            "0.9.0",
            "0.9.0",
            "0.10.0",
        ]


class TestOrder:
    def test_ten_is_more_than_nine(self):
        assert history.is_older("0.9.0", "0.10.0")
        assert not history.is_older("0.10.0", "0.9.0")
        assert not history.is_older("0.9", "0.9.0")

    def test_a_development_version_comes_before_its_release_and_changes_to_it_after(self):
        names = ["0.9.0", "0.10.0.dev0+ffffffff", "0.10.0", "0.10.0+00000000"]
        assert all(map(history.is_older, names, names[1:]))

    @pytest.mark.parametrize(
        ("old", "new", "brought"),
        [
            ("0.8.0", "0.10.0", ["0.9.0", "0.10.0"]),
            ("0.9.0", "0.10.0", ["0.10.0"]),
            ("0.9.0", "0.10.0.dev0+12345678", []),
            ("0.10.0", "0.9.0", []),
        ],
    )
    def test_what_an_update_brings_is_every_release_after_the_old_version(
        self, installed, old, new, brought
    ):
        installed(behaviour={"0.10.0": ["Runs are ..."]}, numerics={"0.9.0": {"loss/mse": "none"}})
        found = history.between(old, new)
        assert [release.version for release in found] == brought
        for release in found:
            if release.version == "0.10.0":
                assert release.behaviour == ("Runs are ...",)
            else:
                assert release.numerics == {"loss/mse": "none"}
