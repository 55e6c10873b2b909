"""What torchgen does to a project: `project = render(version, answers)`, and the rest follows."""

from pathlib import Path

from torchgen_cli import plan
from torchgen_cli.answers import Answers
from torchgen_cli.catalogue import Catalogue
from torchgen_cli.render import render


def new(target: Path, answers: Answers, catalogue: Catalogue) -> plan.Plan:
    """A project where there is none."""
    plan.check_target(target)
    return plan.creation(target, render(catalogue.templates, answers))
