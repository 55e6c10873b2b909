"""Answers with a short name: templates/presets/NAME.yml, found by looking."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from torchgen_cli.answers import KEYS
from torchgen_cli.catalogue import canonical, read_yaml
from torchgen_cli.errors import RequestError


def names(templates: Path) -> list[str]:
    return sorted(file.stem for file in (templates / "presets").glob("*.yml"))


def summaries(templates: Path) -> dict[str, str]:
    return {name: str(_read(templates, name).get("summary", "")) for name in names(templates)}


def answers(templates: Path, name: str) -> dict[str, Any]:
    known = names(templates)
    if canonical(name) not in known:
        close = get_close_matches(canonical(name), known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        fixes = [f"--preset {preset}" for preset in close or known[:1]]
        raise RequestError(
            f"There is no preset {name!r}.{hint} Presets: {', '.join(known)}.", *fixes
        )
    facts = _read(templates, canonical(name))
    return {key: value for key, value in facts.items() if key in KEYS}


def _read(templates: Path, name: str) -> dict[str, Any]:
    return dict(read_yaml(templates / "presets" / f"{name}.yml"))
