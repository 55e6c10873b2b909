"""The benchmark of the tool runs, compares what is alike, and its page says what was measured.

No test holds a time to a limit: the page shows the times. What a command imports decides most of them, and is held here.
"""

import json
import re
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import measure
import page
import peers
import pytest
import run
import two_versions
from environments import NotInstalledError
from measure import Case, Contender, Sample

from torchgen_cli.files import File
from torchgen_cli.history import Release

ROOT = Path(__file__).parent.parent
TOOL = ROOT / "benchmarks" / "tool"


# --- the whole of it, once ---


@pytest.mark.slow
def test_it_runs_and_both_sides_leave_the_same_files(tmp_path):
    """One round, without the programs that would have to be installed."""
    options = ["--here", "--no-peers", "--pairs", "1", "--warm-up", "0", "--results", str(tmp_path)]
    command = [sys.executable, str(TOOL / "run.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results = page.newest(tmp_path)
    cases = {case["name"]: case["contenders"] for case in results["cases"]}
    assert [*cases] == ["help", "list", "new", "add", "update", "steps"]
    assert all(len(contender["cpu"]) == 1 for case in cases.values() for contender in case)
    for name in ("new", "add", "update"):
        ours, *others = (contender["files"] for contender in cases[name])
        assert ours > 50
        assert others == [ours] * len(others)
    assert {*page.pages(results)} == {page.PAGE, page.CHART}


# --- what is stored ---


def test_the_page_shows_every_contender_and_every_goal():
    results = page.newest(TOOL / "results")
    text = page.pages(results)[page.PAGE]
    for case in results["cases"]:
        assert all(contender["label"] in text for contender in case["contenders"])
    assert text.count("Goal: ") == 4


@pytest.mark.parametrize("name", [page.PAGE, page.CHART])
def test_the_page_is_what_the_stored_results_give(name):
    stored = (ROOT / "docs" / name).read_text(encoding="utf-8")
    written = page.pages(page.newest(TOOL / "results"))[name]
    assert stored == written, "run: python benchmarks/tool/page.py"


def test_stored_results_name_no_path_of_a_machine():
    for file in (TOOL / "results").glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|tmp|usr|Users|work)/", text), file.name


# --- measuring ---

BURN = "import time\nwhile time.process_time() < 0.2: pass"


def test_the_time_of_children_counts(tmp_path):
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}])"
    cpu, _ = measure.seconds([sys.executable, "-c", parent], tmp_path, {})
    assert cpu >= 0.2


def test_waiting_takes_no_time_of_the_processor(tmp_path):
    waiting = "import time; time.sleep(0.6)"
    cpu, wall = measure.seconds([sys.executable, "-S", "-c", waiting], tmp_path, {})
    assert cpu < wall - 0.3


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said(tmp_path):
    with pytest.raises(RuntimeError, match=r"failed \(3\):\nno such template"):
        measure.seconds(["sh", "-c", "echo no such template >&2; exit 3"], tmp_path, {})


def test_a_run_gets_a_fresh_copy_of_its_project(tmp_path):
    start = tmp_path / "start"
    start.mkdir()
    (start / "kept.txt").write_text("kept")
    more = Contender("more", ("sh", "-c", "mv kept.txt moved.txt"), start)
    for _ in range(2):
        assert measure.run(more, {"PATH": "/usr/bin:/bin"}).files == {"moved.txt": File(b"kept")}
    assert [file.name for file in start.iterdir()] == ["kept.txt"]


def turns(monkeypatch, contenders, pairs, warm_up):
    """The order in which a case runs its contenders, and its samples."""
    order = []

    def recorded(contender, environment):
        order.append(contender.label)
        return Sample(len(order), 0, {})

    monkeypatch.setattr(measure, "run", recorded)
    case = Case("case", "Case", tuple(Contender(label, ()) for label in contenders))
    return order, measure.run_case(case, pairs, warm_up, {})


def test_contenders_take_turns_and_each_begins_a_round(monkeypatch):
    order, _ = turns(monkeypatch, "abc", pairs=3, warm_up=0)
    assert order == [*"abc", *"bca", *"cab"]


def test_a_round_to_warm_up_is_not_counted(monkeypatch):
    order, samples = turns(monkeypatch, "ab", pairs=2, warm_up=1)
    assert order == [*"ba", *"ab", *"ba"]
    assert [[sample.cpu for sample in taken] for taken in samples] == [[3, 6], [4, 5]]


def test_contenders_that_leave_other_files_are_not_compared(monkeypatch):
    trees = iter([{"a": File(b"1"), "b": File(b"2")}, {"a": File(b"1"), "b": File(b"3")}])
    monkeypatch.setattr(measure, "run", lambda *_: Sample(1, 1, next(trees)))
    case = Case("new", "New", (Contender("ours", ()), Contender("theirs", ())), same=True)
    with pytest.raises(RuntimeError, match=r"theirs leaves other files: b$"):
        measure.run_case(case, 1, 0, {})


def test_what_cannot_be_installed_is_left_out_and_named(monkeypatch, tmp_path, capsys):
    def refused(*_):
        raise NotInstalledError("ERROR: No matching distribution")

    monkeypatch.setattr(run, "contender", refused)
    monkeypatch.setattr(run, "run", lambda *_: Sample(1, 1, {"README.md": File(b"")}))
    skipped = {}
    ours = Contender("`torchgen new`", ())
    case, _ = run.peers(Namespace(new_project=lambda: ours), {}, tmp_path / "t", skipped)
    assert case.contenders == (ours,)
    assert skipped == {p.distribution: "ERROR: No matching distribution" for p in peers.PEERS}
    assert "left out: ERROR: No matching distribution" in capsys.readouterr().out
    text = page.pages(made_up(skipped=skipped))["benchmarks.md"]
    assert "- poetry: ERROR: No matching distribution" in text


def test_cookiecutters_template_holds_the_same_texts(tmp_path):
    files = {"leaf/train.py": File(b"f'{{x}} {% y'\n"), "README.md": File(b"# leaf\n")}
    folder = peers.write_cookiecutter_template(tmp_path, files)
    top = folder / "{{cookiecutter.project}}"
    text = (top / "{{cookiecutter.project}}" / "train.py").read_text()
    assert text == "{% raw %}f'{{x}} {% y'\n{% endraw %}"
    assert (top / "README.md").is_file()


# --- two versions ---


def test_the_two_newest_releases_are_taken_and_one_is_made_up_only_without_them(tmp_path):
    releases = [Release(f"0.{n}.0", "2030-01-01", (), {}, {}) for n in (1, 2, 3)]
    torchgen = Namespace(package=tmp_path, output=lambda _: "0.1.0.dev0+12345678")
    (tmp_path / "templates").mkdir()
    history = tmp_path / "history.json.xz"
    history.write_bytes(two_versions.history.packed(releases))
    assert two_versions.pair(torchgen) == two_versions.Pair(releases[1], "0.3.0", made_up=False)
    history.write_bytes(two_versions.history.packed([]))
    made_up = two_versions.pair(torchgen)
    assert (made_up.before.version, made_up.after) == ("0.0.1", "0.1.0.dev0+12345678")
    assert [r.version for r in two_versions.history.read(history)] == ["0.0.1"]


# --- the page ---


def made_up(ours=(1.0, 1.0), theirs=(2.0, 2.0), **more):
    """Results in which everything took the same."""

    def case(name, goal=None):
        both = [("`torchgen`", ours), ("`copier`", theirs), ("`another`", theirs)]
        contenders = [{"label": a, "files": 3, "cpu": [*b], "wall": [*b]} for a, b in both]
        return {"name": name, "title": name, "goal": goal, "contenders": contenders}

    goals = {"new": 1.0, "add": 1.2, "update": 0.5}
    names = ("help", "list", "new", "add", "update", "steps")
    return {
        "torchgen": "0.2.0",
        "machine": dict.fromkeys(("processor", "cores", "system", "python", "git"), "1"),
        "versions": {"copier": "9"},
        "update": {"from": "0.1.0", "to": "0.2.0", "made_up": False},
        "cases": [case(name, goals.get(name)) for name in names],
        "skipped": {},
        "imports": {"copier": 3.0, "pydantic": 1.0},
    } | more


def test_the_ratio_is_the_median_over_pairs_not_of_medians():
    ours, theirs = {"cpu": [1.0, 2.0, 10.0]}, {"cpu": [3.0, 2.0, 10.0]}
    assert page.ratio(ours, theirs) == 1


def test_the_page_says_whether_a_goal_is_met():
    text = page.pages(made_up(ours=(1.0, 1.0), theirs=(1.9, 1.9)))["benchmarks.md"]
    assert "at most 1.2 times `copier`. Measured: 0.53 times, met." in text
    assert "at most 0.5 times `copier`. Measured: 0.53 times, **not met**." in text


def test_the_page_names_every_command_that_is_quicker():
    quicker = page.pages(made_up(theirs=(0.5, 0.5)))["benchmarks.md"]
    assert quicker.count("takes 0.50 times the processor's time of `torchgen`.") == 10
    assert "Nowhere" in page.pages(made_up(theirs=(2.0, 2.0)))["benchmarks.md"]


def test_the_newest_results_are_shown(tmp_path):
    for name, date in (("b", "2030-01-01"), ("a", "2030-01-02")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"date": date}))
    assert page.newest(tmp_path) == {"date": "2030-01-02"}


def test_quartiles_lie_around_the_median_and_one_value_is_all_three():
    assert measure.quartiles([5, 1, 3, 2, 4]) == (2, 3, 4)
    assert measure.quartiles([7.0]) == (7.0, 7.0, 7.0)


# --- what a command imports ---

HEAVY = ("copier", "jinja2", "questionary", "prompt_toolkit", "torch", "numpy", "matplotlib")
PROGRAM = """
import sys
from torchgen_cli import cli
code = cli.main({arguments!r})
print(code, *[name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""


@pytest.fixture
def imported(environment, tmp_path):
    """`imported("add", "loss", "focal")` -> the exit code, and what heavy packages it imported."""

    def names(*arguments):
        command = [sys.executable, "-c", PROGRAM.format(arguments=[*arguments], heavy=HEAVY)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=True
        )
        code, *found = done.stderr.splitlines()[-1].split()
        return int(code), {*found}

    return names


COMMANDS = ("new", "list", "show", "add", "remove", "set", "update", "diff", "status", "undo")


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["list"], ["show", "loss", "focal"], *([c, "--help"] for c in COMMANDS)],
    ids=" ".join,
)  # fmt: skip
def test_help_and_the_catalogue_import_nothing_heavy(imported, arguments):
    assert imported(*arguments) == (0, set())


@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_flag_imports_nothing_heavy(imported, command):
    assert imported(command, "--nonsense", "x") == (2, set())


def test_only_new_imports_copier_and_nothing_imports_torch(imported):
    code, found = imported("new", "leaf", "-y", "--no-git")
    assert code == 0
    assert {"copier", "jinja2"} <= found <= {"copier", "jinja2", "questionary", "prompt_toolkit"}
    for arguments in (
        ["add", "loss", "focal"],
        ["status"],
        ["diff"],
        ["set", "optimizer", "muon"],
        ["update"],
        ["remove", "loss", "focal"],
    ):
        assert imported(*arguments, "-C", "leaf") == (0, {"jinja2"}), arguments
    assert imported("undo", "-C", "leaf") == (0, set())
