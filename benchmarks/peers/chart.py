"""Bar charts as SVG, readable on light and on dark pages."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 640
LABELS: Final = 190
VALUES: Final = 110
BAR: Final = 22
GAP: Final = 8
TOP: Final = 58
_STYLE: Final = """
    .page { fill: #ffffff; stroke: #d0d7de }
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .title { font-size: 15px; font-weight: 600 }
    .note { fill: #59636e }
    .ours { fill: #2f7d4f }
    .theirs { fill: #8c959f }
    @media (prefers-color-scheme: dark) {
      .page { fill: #15181c; stroke: #3d444d }
      text { fill: #e6edf3 }
      .note { fill: #9198a1 }
      .ours { fill: #4cc38a }
      .theirs { fill: #6e7681 }
    }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One engine."""

    label: str
    value: float
    shown: str
    ours: bool


def draw(title: str, note: str, bars: list[Bar]) -> str:
    """Return a chart of horizontal bars, the longest as wide as there is room."""
    longest = max((bar.value for bar in bars), default=1.0) or 1.0
    room = WIDTH - LABELS - VALUES
    height = TOP + len(bars) * (BAR + GAP) + GAP
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
        f'<text class="title" x="16" y="26">{escape(title)}</text>',
        f'<text class="note" x="16" y="45">{escape(note)}</text>',
    ]
    for number, bar in enumerate(bars):
        y = TOP + number * (BAR + GAP)
        length = max(2.0, room * bar.value / longest)
        size = f'width="{length:.1f}" height="{BAR}"'
        kind = "ours" if bar.ours else "theirs"
        parts += [
            f'<text x="{LABELS - 8}" y="{y + 16}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{LABELS}" y="{y}" {size} rx="3"/>',
            f'<text x="{LABELS + length + 8:.1f}" y="{y + 16}">{escape(bar.shown)}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
