"""The benchmark of growth runs, its trainings do what they should, and its page says what was measured.

No test holds a time to a limit: the page shows the times.
"""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks.growth import chart, page
from benchmarks.growth.measure import measure, prepare, write_pixels
from benchmarks.growth.series import SERIES, Point, parameters
from benchmarks.tool.record import newest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("growth") / "project")


@pytest.fixture(scope="module")
def pixels(tmp_path_factory):
    return write_pixels(tmp_path_factory.mktemp("growth") / "pixels.bin", 1_000)


def trained(project, pixels, **what):
    return measure(Point(**{"size": 1, "samples": 1_000, "steps": 30, **what}), project, pixels)


@pytest.mark.slow
def test_where_samples_are_changes_no_loss(project, pixels):
    """Nor do the parts of a batch, but for rounding in the first of them."""
    in_memory = trained(project, pixels)
    mapped = trained(project, pixels, kept="mapped")
    assert len({*in_memory.losses}) == 30
    assert mapped.losses == in_memory.losses
    assert in_memory.step_microseconds > 0
    parts = trained(project, pixels, settings={"micro_batches": 4})
    assert len(parts.losses) == 30
    assert parts.losses != in_memory.losses


@pytest.mark.slow
def test_who_decodes_changes_no_loss(project, pixels):
    alone, helped = (
        trained(project, pixels, kept="decoded", samples=200, settings={"workers": workers})
        for workers in (0, 1)
    )
    assert len({*alone.losses}) > 20
    assert helped.losses == alone.losses


@pytest.mark.slow
def test_the_model_is_as_large_as_its_point_says(project):
    width, (size, *_) = 64, [p.size for s in SERIES if s.name == "parameters" for p in s.points]
    assert size == parameters(width)
    command = [sys.executable, "-c", "from leaf.models.mlp import MLP; print(sum(p.numel() for p in MLP(64, 10).parameters()))"]  # fmt: skip
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert int(done.stdout) == size


def test_points_of_a_series_differ_and_grow():
    for series in SERIES:
        sizes = [point.size for point in series.points]
        assert sizes == sorted({*sizes}), series.name
        assert len({str(replace(point, size=0)) for point in series.points}) == len(sizes)


# --- the page ---


def made_up(exponent):
    points = [
        {"size": size, **dict.fromkeys(("step_microseconds", "start_seconds"), [size**exponent] * 2)}
        for size in (10, 100, 1000)
    ]  # fmt: skip
    return {"figure": "step_microseconds", "points": points}


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_the_page_says_how_a_cost_grows(exponent):
    assert page.steepest(made_up(exponent)) == pytest.approx(exponent)
    assert ("**worse than linear**" in page.verdict(made_up(exponent))) == (exponent > 1)


def test_one_jump_is_enough_to_be_worse_than_linear():
    series = made_up(0.0)
    series["points"][2]["step_microseconds"] = [20.0, 30.0]
    assert "**worse than linear**" in page.verdict(series)


def test_a_curve_lies_where_its_numbers_are():
    drawn = chart.curves([chart.Curve("a < b", "x", "y", [1, 100], [1, 10], [1, 10])])
    circles = ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}circle")
    places = [(float(c.get("cx")), float(c.get("cy"))) for c in circles]
    bottom, right = chart.HEIGHT - chart.MARGIN, chart.WIDTH - chart.MARGIN / 2
    assert places == [(chart.MARGIN, bottom), (right, chart.MARGIN)]


@pytest.mark.parametrize(
    ("power", "name"), [(-2, "0.01"), (0, "1"), (2, "100"), (4, "10k"), (6, "1M")]
)
def test_powers_of_ten_have_names(power, name):
    assert chart.named(power) == name


@pytest.mark.parametrize("name", [page.PAGE, page.CHART])
def test_the_page_is_what_the_stored_results_give(name):
    stored = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert stored == page.pages(newest(page.RESULTS))[name], "run: python -m benchmarks.growth.page"


def test_stored_results_name_no_path_of_a_machine():
    for file in page.RESULTS.glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|tmp|usr|Users|work)/", text), file.name


@pytest.mark.slow
def test_it_runs(tmp_path):
    """One round of the smallest points."""
    options = ["--rounds", "1", "--most", "1", "--results", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks.growth.run", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("*.json")
    results = json.loads(file.read_text())
    assert [len(one["points"]) for one in results["series"]] == [0, 0, 0, 1, 0, 2]
