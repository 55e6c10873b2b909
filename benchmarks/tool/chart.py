"""A bar chart as SVG text: medians with a line from the first to the third quartile."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABELS, VALUES = (
    860,
    330,
    70,
)  # pixels: of all, of the names on the left, of the numbers on the right
ROW, GAP = 22, 16
OURS, THEIRS = "#ee4c2c", "#9aa5b1"


@dataclass(frozen=True)
class Bar:
    """first, median, third: quartiles, in seconds"""

    label: str
    first: float
    median: float
    third: float


def bars(title: str, groups: Sequence[Sequence[Bar]]) -> str:
    """Groups of bars, one below the other; the first bar of each group stands out."""
    longest = max(bar.third for group in groups for bar in group)
    scale = (WIDTH - LABELS - VALUES) / longest  # pixels a second
    rows = sum(len(group) for group in groups)
    height = 2 * GAP + ROW + rows * ROW + len(groups) * GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{GAP}" y="{GAP + 13}" font-weight="bold">{escape(title)}</text>',
    ]
    top = 2 * GAP + ROW
    for group in groups:
        for bar in group:
            lines += drawn(bar, top, scale, OURS if bar is group[0] else THEIRS)
            top += ROW
        top += GAP
    return "\n".join([*lines, "</svg>", ""])


def drawn(bar: Bar, top: int, scale: float, colour: str) -> list[str]:
    """One bar; its top edge is at `top` pixels."""
    middle = top + ROW // 2
    first, median, third = (
        LABELS + seconds * scale for seconds in (bar.first, bar.median, bar.third)
    )
    text = f'y="{middle + 4}"'
    return [
        f'<text x="{LABELS - 8}" {text} text-anchor="end">{escape(bar.label)}</text>',
        f'<rect x="{LABELS}" y="{top + 3}" width="{median - LABELS:.1f}" height="{ROW - 6}" fill="{colour}"/>',
        f'<line x1="{first:.1f}" x2="{third:.1f}" y1="{middle}" y2="{middle}" stroke="black"/>',
        f'<text x="{third + 6:.1f}" {text}>{bar.median:.2f}</text>',
    ]
