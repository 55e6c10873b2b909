"""Renders without copier, in milliseconds: two versions for each command, thousands of projects for a test.

It knows as much of copier's language as this template uses, and a test compares the two trees.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2.sandbox import SandboxedEnvironment

from torchgen_cli.answers import FILE, Answers
from torchgen_cli.catalogue import Loader, read_yaml
from torchgen_cli.files import File
from torchgen_cli.render import stamped

COMPONENTS = "components"


@dataclass(frozen=True)
class Source:
    """Where a component's file comes from.

    part: as `kind/name`
    file: its name in the component's folder
    """

    part: str
    file: str

    @property
    def template(self) -> str:
        """Its path among the templates."""
        return f"{COMPONENTS}/{self.part}/{self.file}"


class Renderer:
    """One templates folder, compiled once."""

    def __init__(self, templates: Path) -> None:
        self.templates = templates
        self.config: dict[str, Any] = read_yaml(templates / "copier.yml")
        options = dict(self.config["_envops"])
        assert options.pop("undefined") == "jinja2.StrictUndefined"
        self.environment = SandboxedEnvironment(
            loader=jinja2.FileSystemLoader(templates),
            extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"],
            undefined=jinja2.StrictUndefined,
            **options,
        )
        # nothing in the template changes what it has parsed, so each file is parsed once
        self.environment.filters["from_yaml"] = lru_cache(self.environment.filters["from_yaml"])
        self._template = lru_cache(None)(self.environment.from_string)
        self._expression = lru_cache(None)(self.environment.compile_expression)
        start, end = (re.escape(options[f"block_{side}_string"]) for side in ("start", "end"))
        self.loop = re.compile(
            rf"{start} *yield (\w+) from (.+?) *{end}(.*?){start} *endyield *{end}"
        )

    def render(self, answers: Answers, version: str | None = None) -> dict[str, File]:
        """The same files as `render.render`.

        version: what the answers file says made them; the installed one where it is not given
        """
        context = self._context(answers)
        project = self.templates / self.config["_subdirectory"]
        files = {}
        for name, path in self._sources:
            source = posixpath.join(self.config["_subdirectory"], name)
            executable = bool((project / name).stat().st_mode & 0o100)
            for rendered, names in self._places(tuple(path.split("/")), context):
                text = self.environment.get_template(source).render(context | names)
                files[rendered] = File(text.encode(), executable)
        return files | {FILE: stamped(files[FILE], version)}

    def sources(self, answers: Answers) -> dict[str, Source]:
        """Which of a project's files are components, and whose."""
        found = {}
        for kind in self._context(answers)["kinds"]:
            folder = f"{answers.package}/{kind['folder']}" if kind["folder"] else kind["kind"]
            for name in kind["code"]:
                part = f"{kind['kind']}/{name}"
                for ending in [".py"] if kind["folder"] else [".csv", ".md"]:
                    found[f"{folder}/{name}{ending}"] = Source(part, f"{name}{ending}")
            for name in kind["tests"]:
                place = f"tests/{kind['folder']}/test_{name}.py"
                found[place] = Source(f"{kind['kind']}/{name}", f"test_{name}.py")
        return found

    def requires(self, answers: Answers) -> list[str]:
        """The requirements of all components, as pyproject.toml states them."""
        found = []
        for part in {source.part for source in self.sources(answers).values()}:
            found += read_yaml(self.templates / COMPONENTS / part / "component.yml").get(
                "requires", []
            )
        return sorted(set(found))

    def _context(self, answers: Answers) -> dict[str, Any]:
        given = answers.data()
        found = self._computed(given)
        asked = {key: found[key] for key in found if self.config[key].get("when") is not False}
        files = {"_copier_answers": given | asked, "_copier_conf": {"answers_file": FILE}}
        return given | found | files

    @cached_property
    def _sources(self) -> list[tuple[str, str]]:
        """Every template file, with and without its suffix."""
        project = self.templates / self.config["_subdirectory"]
        suffix = self.config["_templates_suffix"]
        names = [p.relative_to(project).as_posix() for p in project.rglob("*") if p.is_file()]
        return [(name, name.removesuffix(suffix)) for name in sorted(names)]

    def _computed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The answers not given, hidden ones among them, each from those before it."""
        found: dict[str, Any] = {}
        for key, question in self.config.items():
            if not key.startswith("_") and key not in given:
                text = self._template(question["default"]).render({**given, **found})
                found[key] = yaml.load(text, Loader)
        return found

    def _places(
        self, parts: tuple[str, ...], context: Mapping[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """The paths that a templated path stands for, each with the names that its loops gave."""
        if not parts:
            yield "", {}
            return
        turns: list[dict[str, Any]] = [{}]
        pattern = parts[0]
        if loop := self.loop.search(pattern):
            turns = [{loop[1]: value} for value in self._expression(loop[2])(**context) or ()]
            pattern = pattern[: loop.start()] + loop[3] + pattern[loop.end() :]
        for names in turns:
            part = self._template(pattern).render({**context, **names})
            if part:
                for rest, inner in self._places(parts[1:], {**context, **names}):
                    yield posixpath.join(part, rest) if rest else part, {**names, **inner}
