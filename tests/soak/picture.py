"""The chart of a soak, as an SVG that is readable on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from flatness import Point

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 920, 58, 16, 62, 34
PANEL, GAP = 104, 30
TICKS_MAX = 4
STYLE = """
.page { fill: #ffffff } .text { fill: #24292f } .soft { fill: #57606a }
.grid { stroke: #d0d7de } .frame { stroke: #8c959f; fill: none }
.calm { fill: #eaf5ea } .kill { stroke: #cf222e; opacity: .55 }
.stop { stroke: #9a6700; opacity: .8; stroke-dasharray: 3 2 }
.a { stroke: #0969da } .b { stroke: #bc4c00 } .c { stroke: #1a7f37 }
.fa { fill: #0969da } .fb { fill: #bc4c00 } .fc { fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .text { fill: #e6edf3 } .soft { fill: #9198a1 }
.grid { stroke: #2a313c } .frame { stroke: #6e7681 }
.calm { fill: #12261a } .kill { stroke: #f85149 } .stop { stroke: #d29922 }
.a { stroke: #58a6ff } .b { stroke: #f0883e } .c { stroke: #3fb950 }
.fa { fill: #58a6ff } .fb { fill: #f0883e } .fc { fill: #3fb950 }
}
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity, in pieces: one for each life, or a single one."""

    name: str
    pieces: Sequence[Sequence[Point]]
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines that share a scale, beginning at 0 unless it is logarithmic."""

    title: str
    lines: Sequence[Line]
    logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels above one time axis, in seconds; kills and stops are moments on it."""

    title: str
    below: str
    panels: Sequence[Panel]
    end_s: float
    kills: Sequence[float] = ()
    stops: Sequence[float] = ()
    calm_s: float | None = None
    """From when on nothing was killed."""


def draw(chart: Chart) -> str:
    """Return the picture."""
    height = TOP + len(chart.panels) * (PANEL + GAP) + BOTTOM
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="12" role="img">'
    )
    parts = [
        head,
        f"<title>{escape(chart.title)}</title><style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        _text(LEFT, 24, chart.title, size=16, weight=600),
        _text(LEFT, 43, chart.below, kind="soft"),
    ]
    for number, panel in enumerate(chart.panels):
        parts += _panel(chart, panel, TOP + GAP - 8 + number * (PANEL + GAP))
    parts += _axis(chart, height - BOTTOM)
    return "\n".join([*parts, "</svg>\n"])


def _panel(chart: Chart, panel: Panel, top: float) -> Iterator[str]:
    values = [y for line in panel.lines for piece in line.pieces for _, y in piece]
    scale = _Scale(values, top, logarithmic=panel.logarithmic)
    right = WIDTH - RIGHT
    if chart.calm_s is not None:
        x = _x(chart, chart.calm_s)
        yield f'<rect class="calm" x="{x:.1f}" y="{top}" width="{right - x:.1f}" height="{PANEL}"/>'
    for tick in scale.ticks:
        y = scale.y(tick)
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 6, y + 4, f"{tick:g}", kind="soft", anchor="end")
    for kind, moments in (("kill", chart.kills), ("stop", chart.stops)):
        for moment in moments:
            x = _x(chart, moment)
            yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + PANEL}"/>'
    x = LEFT + _text_width(panel.title) * 1.1 + 22
    yield _text(LEFT, top - 7, panel.title, weight=600)
    for letter, line in zip("abc", panel.lines, strict=False):
        yield f'<circle class="f{letter}" cx="{x:.1f}" cy="{top - 11}" r="4"/>'
        yield _text(x + 8, top - 7, line.name)
        x += _text_width(line.name) + 28
        for piece in line.pieces:
            yield from _piece(chart, scale, piece, letter, dots=line.dots)
    yield f'<rect class="frame" x="{LEFT}" y="{top}" width="{right - LEFT}" height="{PANEL}"/>'


def _piece(
    chart: Chart, scale: _Scale, piece: Sequence[Point], letter: str, *, dots: bool
) -> Iterator[str]:
    places = [(_x(chart, at_s), scale.y(value)) for at_s, value in piece]
    if dots or len(places) == 1:
        for x, y in places:
            yield f'<circle class="f{letter}" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>'
    elif places:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield (
            f'<polyline class="{letter}" points="{path}" fill="none" stroke-width="1.6" '
            f'stroke-linejoin="round"/>'
        )


def _axis(chart: Chart, bottom: float) -> Iterator[str]:
    minutes = chart.end_s / 60
    step = next(
        one for one in (0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 60) if minutes / one <= 12 or one == 60
    )
    for number in range(int(minutes / step) + 1):
        x = _x(chart, number * step * 60)
        yield _text(x, bottom + 4, f"{number * step:g}", kind="soft", anchor="middle")
    yield _text(LEFT, bottom + 22, "minutes", kind="soft")
    legend = [("kill", "kill -9"), ("stop", "SIGTERM, in order")]
    x = LEFT + 90
    for kind, name in legend:
        yield f'<line class="{kind}" x1="{x}" x2="{x}" y1="{bottom + 11}" y2="{bottom + 25}"/>'
        yield _text(x + 7, bottom + 22, name, kind="soft")
        x += _text_width(name) + 34
    if chart.calm_s is not None:
        yield f'<rect class="calm" x="{x}" y="{bottom + 12}" width="16" height="12"/>'
        yield f'<rect class="frame" x="{x}" y="{bottom + 12}" width="16" height="12"/>'
        yield _text(x + 22, bottom + 22, "one life, without kills", kind="soft")


class _Scale:
    def __init__(self, values: Sequence[float], top: float, *, logarithmic: bool) -> None:
        self._top = top
        self._logarithmic = logarithmic
        most = max(values, default=1.0) or 1.0
        if logarithmic:
            least = max(min((one for one in values if one > 0), default=1.0), most / 1e5)
            steps = [one * 10.0**n for n in range(-3, 9) for one in (1, 2, 5)]
            below = max(one for one in steps if one <= least)
            above = min(one for one in steps if one >= most and one > below)
            self._low, self._high = math.log10(below), math.log10(above)
            inside = [one for one in steps if below <= one <= above]
            self.ticks = [inside[0], *inside[1:-1][:: 1 + len(inside) // 6], inside[-1]]
        else:
            step = _round_up(most / TICKS_MAX)
            count = math.ceil(most / step - 1e-9)
            self._low, self._high = 0.0, step * count
            self.ticks = [round(step * n, 10) for n in range(count + 1)]

    def y(self, value: float) -> float:
        place = math.log10(max(value, 1e-9)) if self._logarithmic else value
        part = (place - self._low) / (self._high - self._low)
        return self._top + PANEL * (1 - min(1.0, max(0.0, part)))


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(one * power for one in (1, 2, 2.5, 5, 10) if one * power >= value * (1 - 1e-9))


def _x(chart: Chart, at_s: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, at_s / chart.end_s))


def _text(
    x: float, y: float, text: str, *, kind: str = "text", size: int = 12, weight: int = 400,
    anchor: str = "start",
) -> str:  # fmt: skip
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
        f'font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _text_width(text: str) -> float:
    """Return about how wide a text is."""
    return 6.6 * len(text)
