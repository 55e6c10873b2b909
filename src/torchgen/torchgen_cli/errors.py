"""What a user reads when something cannot be done: what is wrong and why, then what to type."""

from collections.abc import Iterable


class RequestError(Exception):
    """What was asked for cannot be had as it stands; nothing was written.

    message: what is wrong and why, in a sentence or two
    fixes: commands or flags that would work, the likeliest first
    """

    exit_code = 2

    def __init__(self, message: str, *fixes: str) -> None:
        super().__init__(message)
        self.message = message
        self.fixes = fixes

    @classmethod
    def together(cls, problems: Iterable["RequestError"]) -> "RequestError":
        """All that is wrong at once, so that nobody mends one mistake only to meet the next."""
        problems = list(problems)
        message = "\n".join(problem.message for problem in problems)
        return cls(message, *dict.fromkeys(fix for problem in problems for fix in problem.fixes))


class MachineError(RequestError):
    """The request was fine, but the machine could not carry it out."""

    exit_code = 1


class CancelledError(RequestError):
    """The user said no, or pressed Ctrl-C."""

    exit_code = 130
