"""The questions in a real terminal: questionary, drawn on stderr so that stdout stays for data."""

import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from torchgen_cli import report
from torchgen_cli.prompts import Choice

POINTER = 4  # columns that questionary leaves around a choice


def is_terminal() -> bool:
    """Whether somebody is there to answer. CI is set by services that may fake a terminal."""
    able = os.environ.get("TERM") != "dumb" and not os.environ.get("CI")
    return able and sys.stdin.isatty() and sys.stderr.isatty()


class Terminal:
    """Asks a person. Ctrl-C raises KeyboardInterrupt, at whatever question."""

    def text(self, question: str, default: str, problem: Callable[[str], str | None]) -> str:
        import questionary

        def check(answer: str) -> bool | str:
            why = problem(answer or default)
            return True if why is None else why[0].upper() + why[1:]

        # the default is shown in grey, not typed in: nobody has to delete it first
        shown = {"placeholder": [("class:disabled", default)], "validate_while_typing": False}
        return self._ask(questionary.text, question, default, validate=check, **shown)

    def select(self, question: str, choices: list[Choice]) -> str:
        import questionary

        width = shutil.get_terminal_size().columns - POINTER
        longest = max(len(choice.name) for choice in choices)
        lines = [
            questionary.Choice(
                title=choice.name if choice.refused else _line(choice, longest, width),
                value=choice.name,
                disabled=choice.refused,
                description=_consequence(choice, width),
            )
            for choice in choices
        ]
        hint = "(arrows, or type to filter)"
        keys = {"use_search_filter": True, "use_jk_keys": False}
        return self._ask(questionary.select, question, "", choices=lines, instruction=hint, **keys)

    def confirm(self, question: str) -> bool:
        import questionary
        from prompt_toolkit.output import create_output

        screen = create_output(sys.stderr)
        return bool(questionary.confirm(question, default=True, output=screen).unsafe_ask())

    def _ask(
        self, prompt: Callable[..., Any], question: str, otherwise: str, **settings: Any
    ) -> str:
        """Ask, then leave one short line behind instead of the whole list."""
        from prompt_toolkit.output import create_output

        screen = create_output(sys.stderr)
        asked = prompt(question, output=screen, erase_when_done=True, **settings)
        answer = str(asked.unsafe_ask() or otherwise)
        report.line(report.stderr(), ("? ", "dim"), question, " ", (answer, "bold cyan"))
        return answer


def _consequence(choice: Choice, width: int) -> str | None:
    """What choosing it means, wrapped below questionary's own label."""
    label = "  Description: "
    expected = f"Expect {choice.figure}." if choice.figure else ""
    text = textwrap.fill(
        f"{choice.consequence} {expected}".strip(),
        width,
        initial_indent=label,
        subsequent_indent=" " * len(label),
    )
    return text.removeprefix(label) or None


def _line(choice: Choice, longest: int, width: int) -> str:
    """`focal   Focal loss: hard examples count more`, as much of it as a line holds."""
    line = f"{choice.name.ljust(longest)}  {choice.summary}"
    return line if len(line) <= width else line[: width - 1] + "…"
