"""Curves over sizes as SVG text, both axes logarithmic, each beside the line of a cost that grows as its size does."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, MARGIN = 420, 300, 60  # pixels of a panel, and what is left around its curve
COLUMNS = 2
OURS, LINEAR, GRID = "#ee4c2c", "#9aa5b1", "#e3e7eb"


@dataclass(frozen=True)
class Curve:
    """x, y: above 0; high: what y was at most"""

    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    y: Sequence[float]
    high: Sequence[float]


class Axis:
    """Powers of ten on so many pixels, from `first` on; `pixels` is negative where up is more."""

    def __init__(self, values: Sequence[float], first: float, pixels: float) -> None:
        self.least = math.floor(math.log10(min(values)) + 1e-9)
        self.most = max(self.least + 1, math.ceil(math.log10(max(values)) - 1e-9))
        self.first, self.pixels = first, pixels

    def at(self, value: float) -> float:
        share = (math.log10(value) - self.least) / (self.most - self.least)
        return self.first + share * self.pixels

    @property
    def ticks(self) -> list[int]:
        return [*range(self.least, self.most + 1)]


def curves(panels: Sequence[Curve]) -> str:
    """A panel a curve, two in a row."""
    height = HEIGHT * math.ceil(len(panels) / COLUMNS)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * COLUMNS} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH * COLUMNS}" height="{height}" fill="white"/>',
    ]
    for number, curve in enumerate(panels):
        row, column = divmod(number, COLUMNS)
        lines.append(f'<g transform="translate({column * WIDTH} {row * HEIGHT})">')
        lines += [*panel(curve), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def panel(curve: Curve) -> Iterator[str]:
    bottom, right = HEIGHT - MARGIN, WIDTH - MARGIN / 2
    across = Axis(curve.x, MARGIN, right - MARGIN)
    up = Axis([*curve.y, *curve.high], bottom, MARGIN - bottom)
    yield f'<text x="{MARGIN}" y="24" font-weight="bold">{escape(curve.title)}</text>'
    yield f'<text x="{MARGIN}" y="42" fill="#555">{escape(curve.y_label)}</text>'
    yield f'<text x="{right}" y="{bottom + 36}" text-anchor="end">{escape(curve.x_label)}</text>'
    for power in across.ticks:
        x = across.at(10.0**power)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{MARGIN}" y2="{bottom}" stroke="{GRID}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{named(power)}</text>'
    for power in up.ticks:
        y = up.at(10.0**power)
        yield f'<line x1="{MARGIN}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>'
        yield f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{named(power)}</text>'
    yield polyline(linear(curve, up), across, up, f'stroke="{LINEAR}" stroke-dasharray="4 4"')
    yield polyline([*zip(curve.x, curve.y, strict=True)], across, up, f'stroke="{OURS}"')
    for x, y, high in zip(curve.x, curve.y, curve.high, strict=True):
        place = f"{across.at(x):.1f}"
        yield f'<line x1="{place}" x2="{place}" y1="{up.at(y):.1f}" y2="{up.at(high):.1f}" stroke="black"/>'
        yield f'<circle cx="{place}" cy="{up.at(y):.1f}" r="3.5" fill="{OURS}"/>'


def linear(curve: Curve, up: Axis) -> list[tuple[float, float]]:
    """The line from the first point on as which a cost grows that is proportional to its size, as far as the panel goes."""
    times = min(curve.x[-1] / curve.x[0], 10.0**up.most / curve.y[0])
    return [(curve.x[0], curve.y[0]), (curve.x[0] * times, curve.y[0] * times)]


def polyline(points: Sequence[tuple[float, float]], across: Axis, up: Axis, style: str) -> str:
    places = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points)
    return f'<polyline points="{places}" fill="none" stroke-width="2" {style}/>'


def named(power: int) -> str:
    """0.01, 1, 100, 10k, 1M"""
    if power >= 3:
        return f"{10 ** (power % 3)}{'kMGT'[power // 3 - 1]}"
    return f"{10.0**power:g}"
