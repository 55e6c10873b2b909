"""The command line: it parses, calls and prints.

Nothing slow is imported up here, so that --help, --version and completion answer at once.
"""

import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

from torchgen_cli import __version__, commands, project_commands
from torchgen_cli.errors import CancelledError, MachineError, RequestError

app = typer.Typer(
    pretty_exceptions_enable=False,
    # boxes are for people; a pipe or a file gets plain lines
    rich_markup_mode="rich" if sys.stdout.isatty() else None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

INTERRUPTED = CancelledError.exit_code  # also what Typer makes of Ctrl-C


def print_version(wanted: bool) -> None:
    if wanted:
        print(f"torchgen {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def torchgen(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            metavar="",
            callback=print_version,
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Scaffolds complete, readable, plain-PyTorch projects that train at once.

    \b
    Examples:
      torchgen new leaf-classifier       asks; Enter takes the sensible answer
      torchgen new leaf-classifier -y    asks nothing
      torchgen list loss                 what there is, and what it fits
      torchgen show loss focal --code    one component: settings, source, code
      torchgen add loss focal            in a project: its code, test and config
      torchgen status                    in a project: versions, choices, edits
    """
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


app.command()(commands.new)
app.command("list")(commands.list_components)
app.command()(commands.show)
app.command(context_settings={"ignore_unknown_options": True})(project_commands.add)
app.command()(project_commands.remove)
app.command("set")(project_commands.choose)
app.command()(project_commands.update)
app.command()(project_commands.diff)
app.command()(project_commands.status)
app.command()(project_commands.undo)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code. Whatever happens, nobody reads a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, terminated)
    try:
        code = app(words, prog_name="torchgen", standalone_mode=False)
        sys.stdout.flush()
        if code == INTERRUPTED:
            return told(CancelledError("Interrupted; nothing was written."), words)
        return code or 0
    except RequestError as problem:
        return told(problem, words)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "torchgen"
        return told(RequestError(error.format_message(), f"{command} --help"), words)
    except BrokenPipeError:  # `torchgen list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        return told(MachineError(f"{what}{(error.strerror or str(error)).lower()}."), words)
    except Exception as error:
        if "TORCHGEN_DEBUG" in os.environ:
            raise
        message = f"This is a mistake in torchgen, not yours: {type(error).__name__}: {error}"
        return told(
            MachineError(message, "the same again with TORCHGEN_DEBUG=1, and report it"), words
        )


def told(problem: RequestError, words: list[str]) -> int:
    from torchgen_cli import report

    report.error(problem, as_json="--json" in words)
    return problem.exit_code


def terminated(*_: object) -> NoReturn:
    sys.exit(143)
