"""`git-remote-torchgen`: lets plain `copier update` find the templates in this installation, offline.

A project's answers name `git+torchgen://templates` as its template. copier hands `torchgen://templates`
to git, and git runs the program that is called after the scheme. It speaks the protocol of
gitremote-helpers(7): the history becomes a repository, one commit and one tag a version, and
`git upload-pack` serves it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from torchgen_cli import catalogue, history
from torchgen_cli.errors import RequestError
from torchgen_cli.files import File
from torchgen_cli.git import QUIET

URL = "torchgen://templates"
AUTHOR = "torchgen <torchgen@localhost>"
# Checked out as they were released, whatever the user's core.autocrlf says.
ATTRIBUTES = (".gitattributes", File(b"* -text\n"))


def main() -> int:
    # git ends its helpers by a signal; the temporary repository goes with them
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: sys.exit(128 + number))
    if len(sys.argv) != 3:
        return _refuse("this is run by git, not by people. Run: copier update")
    if sys.argv[2] != URL:
        return _refuse(f"{sys.argv[2]} is no address of torchgen's templates. That is {URL}.")
    # unbuffered: what follows the request for a connection is not for us but for git
    with open(0, "rb", buffering=0, closefd=False) as requests:
        try:
            return answer(requests)
        except RequestError as error:
            return _refuse(error.message)
        except (OSError, subprocess.CalledProcessError) as error:
            return _refuse(f"the templates could not be made into a repository: {error}")
        except KeyboardInterrupt:
            return 130


def answer(requests: BinaryIO) -> int:
    """The conversation with git, up to the connection; returns the exit status."""
    for line in requests:
        request = line.decode(errors="replace").strip()
        if request == "capabilities":
            _say("connect\n\n")
        elif request == "connect git-upload-pack":
            with TemporaryDirectory(prefix="torchgen-") as folder:
                repository = Path(folder) / "templates.git"
                write_repository(repository)
                _say("\n")  # connected: from here on git talks to git
                return _git(repository, "upload-pack", str(repository)).returncode
        elif request:
            return _refuse(f"{URL} can be read and not written: {request!r} is refused.")
        else:
            break
    return 0


def write_repository(repository: Path) -> None:
    """A bare repository of all versions: a commit and a tag each, the same ids on every machine."""
    options = ["--bare", "--template=", "--object-format=sha1", "--initial-branch=main", "--quiet"]
    _git(repository, "init", *options, str(repository), check=True)
    stream = b"".join(_fast_import(_versions()))
    _git(repository, "fast-import", "--quiet", given=stream, check=True)


def _versions() -> Iterator[tuple[str, int, Mapping[str, File]]]:
    """Version, seconds since 1970, and files of each release; then what is installed, if it is none."""
    seconds = 0
    for release in history.releases():
        seconds = int(datetime.fromisoformat(f"{release.date}T00:00:00+00:00").timestamp())
        yield release.version, seconds, release.files
    if history.current() not in (release.version for release in history.releases()):
        yield (
            history.current(),
            seconds,  # of the last release: when somebody worked on it must not change the id
            history.read_templates(catalogue.templates_folder()),
        )


def _fast_import(versions: Iterator[tuple[str, int, Mapping[str, File]]]) -> Iterator[bytes]:
    """What `git fast-import` reads; a content is sent once and called by its number from then on."""
    marks: dict[bytes, int] = {}
    for version, seconds, files in versions:
        files = {**files, ATTRIBUTES[0]: ATTRIBUTES[1]}
        for file in files.values():
            if file.content not in marks:
                marks[file.content] = len(marks) + 1
                yield f"blob\nmark :{marks[file.content]}\n".encode() + _data(file.content)
        yield f"commit refs/heads/main\ncommitter {AUTHOR} {seconds} +0000\n".encode()
        yield _data(f"torchgen {version}\n".encode()) + b"deleteall\n"
        for path, file in files.items():
            mode = "100755" if file.executable else "100644"
            yield f"M {mode} :{marks[file.content]} {_quoted(path)}\n".encode()
        yield f"reset refs/tags/{version}\nfrom refs/heads/main\n\n".encode()


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _git(
    repository: Path, *arguments: str, given: bytes | None = None, check: bool = False
) -> "subprocess.CompletedProcess[bytes]":
    """git as if nobody had ever configured it; without `given` it has our input and output."""
    # git tells its helpers about the repository that it fills; ours is another one
    environment = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    environment["GIT_DIR"] = str(repository)
    options = [part for setting in QUIET for part in ("-c", setting)]
    command = ["git", *options, *arguments]
    return subprocess.run(command, env=environment, input=given, check=check)


def _say(text: str) -> None:
    os.write(1, text.encode())


def _refuse(reason: str) -> int:
    print(f"git-remote-torchgen: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
