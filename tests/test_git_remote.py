"""git-remote-torchgen: git reads the releases from an installed torchgen as from any repository."""

import subprocess
from pathlib import Path

import histories
import pytest

from torchgen_cli.files import File
from torchgen_cli.git_remote import _fast_import
from torchgen_cli.history import content_hash

URL = "torchgen://templates"
VERSIONS = {
    "0.9.0": {"copier.yml": "old: 1\n", "project/gone.py.jinja": "gone = True\n"},
    "0.10.0": {"copier.yml": "new: 2\n", 'project/[= "ü" =] \\.jinja': "ü\n"},
    "0.11.0": {"copier.yml": "new: 2\n", 'project/[= "ü" =] \\.jinja': "ü\n"},
}


class Machine:
    """Somebody's computer with a torchgen on it."""

    def __init__(self, folder: Path, version="0.11.0", templates=None, versions=VERSIONS, **more):
        self.folder = folder
        installation = histories.install(folder / "installation", versions, version, templates)
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.environment = installation.environment(folder)
        self.environment |= {"TMPDIR": str(self.temporary), "LC_ALL": "C", **more}

    def git(self, *arguments, code=0):
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def refs(self):
        """Tag -> commit."""
        lines = self.git("ls-remote", "--tags", URL).splitlines()
        return {name.removeprefix("refs/tags/"): key for key, name in map(str.split, lines)}


def test_every_release_is_a_tag_on_one_line_of_commits(tmp_path):
    machine = Machine(tmp_path)
    machine.git("clone", "--quiet", URL, "clone")
    log = machine.git("-C", "clone", "log", "--format=%s %D %P")
    tags = [line.split("tag: ")[1].split(",")[0].split()[0] for line in log.splitlines()]
    assert tags == ["0.11.0", "0.10.0", "0.9.0"]
    assert "HEAD -> main" in log.splitlines()[0]
    assert machine.git("-C", "clone", "describe", "--tags", "--always") == "0.11.0\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_tag_holds_what_was_released_whatever_git_does_to_line_ends(tmp_path, version):
    machine = Machine(tmp_path)
    machine.git("config", "--global", "core.autocrlf", "true")
    machine.git("clone", "--quiet", "--branch", version, URL, "clone")
    files = {
        file.relative_to(tmp_path / "clone").as_posix(): file.read_bytes().decode()
        for file in (tmp_path / "clone").rglob("*")
        if file.is_file() and ".git" not in file.relative_to(tmp_path / "clone").parts
    }
    assert files.pop(".gitattributes") == "* -text\n"
    assert files == VERSIONS[version]


def test_the_commits_have_the_same_ids_on_every_machine(tmp_path):
    mine = {"GIT_AUTHOR_NAME": "me", "GIT_COMMITTER_DATE": "1 +0000", "TZ": "Asia/Tokyo"}
    development = {"version": "0.12.0.dev0", "templates": {"copier.yml": "newer: 3\n"}}
    one = Machine(tmp_path / "one", **development)
    other = Machine(tmp_path / "other", **development, **mine, GIT_DEFAULT_HASH="sha256")
    other.git("config", "--global", "init.defaultBranch", "trunk")
    assert one.refs() == other.refs()
    released = Machine(tmp_path / "released").refs()
    assert one.refs().items() > released.items()


@pytest.mark.parametrize("version", ["0.12.0.dev0", "0.11.0"])
def test_what_is_installed_is_there_also_when_it_is_no_release(tmp_path, version):
    texts = {"copier.yml": "newer: 3\n"}
    machine = Machine(tmp_path, version, texts)
    files = {path: File(text.encode()) for path, text in texts.items()}
    stamp = f"{version}+{content_hash(files)[:8]}"
    assert [*machine.refs()].count(stamp) == 1
    machine.git("clone", "--quiet", URL, "clone")
    assert (tmp_path / "clone" / "copier.yml").read_text() == texts["copier.yml"]


def test_before_the_first_release_there_is_what_is_installed(tmp_path):
    machine = Machine(tmp_path, "0.1.0.dev0", {"copier.yml": "a: 1\n"}, versions={})
    [tag] = machine.refs()
    assert tag.startswith("0.1.0.dev0+")


def test_scripts_stay_executable():
    files = {"run.sh": File(b"", executable=True), "a.txt": File(b"")}
    stream = b"".join(_fast_import(iter([("0.1.0", 0, files)])))
    assert b'M 100755 :1 "run.sh"\n' in stream
    assert b'M 100644 :1 "a.txt"\n' in stream


def test_nothing_is_left_behind(tmp_path):
    machine = Machine(tmp_path)
    machine.git("clone", "--quiet", URL, "clone")
    assert list(machine.temporary.iterdir()) == []


def test_nothing_is_left_behind_by_one_that_git_stops(tmp_path):
    machine = Machine(tmp_path)
    program = tmp_path / "installation" / "bin" / "git-remote-torchgen"
    with subprocess.Popen(
        [program, "origin", URL],
        env=machine.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdin.write(b"connect git-upload-pack\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"\n"
        process.stdout.read(1)  # git is talking, and will wait for an answer
        assert list(machine.temporary.iterdir()) != []
        process.terminate()
        assert process.wait(timeout=60) == 128 + 15
    assert list(machine.temporary.iterdir()) == []


@pytest.mark.parametrize("where", ["the user's settings", "the environment"])
def test_no_program_that_git_is_set_up_to_run_serves_it(tmp_path, where):
    machine = Machine(tmp_path)
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\ntouch {tmp_path / "ran"}\nexec "$@"\n')
    hook.chmod(0o755)
    key = "uploadpack.packObjectsHook"
    if where == "the environment":
        machine.environment |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key}
        machine.environment |= {"GIT_CONFIG_VALUE_0": str(hook)}
    else:
        machine.git("config", "--global", key, str(hook))
    machine.git("clone", "--quiet", URL, "clone")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("url", ["torchgen://other", "torchgen://templates/../x", "torchgen::/etc"])
def test_there_is_no_other_address(tmp_path, url):
    said = Machine(tmp_path).git("ls-remote", url, code=128)
    assert "is no address of torchgen's templates. That is torchgen://templates." in said


def test_it_can_be_read_and_not_written(tmp_path):
    machine = Machine(tmp_path)
    machine.git("clone", "--quiet", URL, "clone")
    said = machine.git("-C", "clone", "push", "origin", "HEAD:refs/heads/mine", code=128)
    assert "torchgen://templates can be read and not written" in said


def test_people_who_run_it_are_told_what_to_run(tmp_path):
    machine = Machine(tmp_path)
    program = tmp_path / "installation" / "bin" / "git-remote-torchgen"
    done = subprocess.run(
        [program], env=machine.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        done.stderr
        == "git-remote-torchgen: this is run by git, not by people. Run: copier update\n"
    )


def test_a_damaged_history_is_worded(tmp_path):
    machine = Machine(tmp_path)
    [file] = tmp_path.glob("installation/site/*/history.json.xz")
    file.write_bytes(b"")
    said = machine.git("ls-remote", URL, code=128)
    assert "the releases that torchgen knows, cannot be read" in said
    assert "Traceback" not in said
