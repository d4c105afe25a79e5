"""Plots as SVG, with no library and nothing to load: lines over time, and bars over a log scale.

Owns: scales, ticks, and the elements of a plot. Refuses to know what is plotted. Colours and fonts
are classes of a style sheet (`STYLE`), so that a page in dark shows them as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor, log10
from typing import Final

from attrs import frozen

WIDTH: Final = 860
HEIGHT: Final = 260
_LEFT: Final = 64
_RIGHT: Final = 16
_TOP: Final = 30
_BOTTOM: Final = 34
_TICKS: Final = 6
_WIDE: Final = 300.0
"""Largest by smallest value of a logarithmic scale above which only powers of ten have a tick."""

STYLE: Final = """
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .axis { stroke: var(--soft); stroke-width: 1; }
svg path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
svg .c0 { stroke: #2f6fde; fill: #2f6fde; } svg .c1 { stroke: #18915a; fill: #18915a; }
svg .c2 { stroke: #d9822b; fill: #d9822b; } svg .c3 { stroke: #c4314b; fill: #c4314b; }
svg .c4 { stroke: #7d53c7; fill: #7d53c7; } svg .c5 { stroke: #8b94a3; fill: #8b94a3; }
svg path.c0, svg path.c1, svg path.c2, svg path.c3, svg path.c4, svg path.c5 { fill: none; }
svg path.dashed { stroke-dasharray: 5 4; }
svg rect.bar { stroke: none; fill-opacity: 0.75; }
"""
"""For the pages that show plots; `--soft` and `--line` are colours of the page."""


@frozen
class Line:
    """One line of a plot; None leaves a gap. `colour` is 0 to 5."""

    name: str
    values: Sequence[float | None]
    colour: int = 0
    dashed: bool = False


class Scale:
    """From values to coordinates, straight or logarithmic, with ticks at round values.

    It ends at round values, too, unless `exact`.
    """

    def __init__(
        self,
        least: float,
        most: float,
        begin: float,
        end: float,
        *,
        log: bool = False,
        exact: bool = False,
    ) -> None:
        self._log = log
        self._begin, self._end = begin, end
        if log:
            least, most = _round_down(max(least, 1e-6)), _round_up(max(most, least, 2e-6))
            wide = most / least > _WIDE
            powers = range(floor(log10(least)), ceil(log10(most)) + 1)
            factors = (1,) if wide else (1, 2, 5)
            ticks = [factor * 10.0**power for power in powers for factor in factors]
            slack = 1e-9
            self.ticks = [one for one in ticks if least * (1 - slack) <= one <= most * (1 + slack)]
        else:
            step = _step((most - least) or 1.0)
            if not exact:
                most = step * ceil(most / step - 1e-9)
            most = max(most, least + step)
            count = floor((most - least) / step + 1e-9)
            self.ticks = [least + step * place for place in range(count + 1)]
        self._least, self._most = least, most

    def __call__(self, value: float) -> float:
        least, most = self._least, self._most
        value = min(max(value, least), most)
        if self._log:
            value, least, most = log10(value), log10(least), log10(most)
        share = (value - least) / (most - least)
        return round(self._begin + share * (self._end - self._begin), 1)


def lines_plot(
    title: str,
    seconds: Sequence[float],
    lines: Sequence[Line],
    *,
    unit: str,
    log: bool = False,
) -> str:
    """Lines over time as an SVG element; `unit` is that of the values."""
    values = [value for line in lines for value in line.values if value is not None]
    positive = [value for value in values if value > 0] or [1.0]
    across = Scale(0.0, max(seconds, default=1.0), _LEFT, WIDTH - _RIGHT, exact=True)
    up = Scale(
        min(positive) if log else 0.0,
        max(positive),
        HEIGHT - _BOTTOM,
        _TOP,
        log=log,
    )
    drawn = [_path(line, seconds, across, up) for line in lines]
    legend = _legend([(line.name, line.colour) for line in lines])
    return _svg(title, unit, across, up, _time_name, [*drawn, legend])


def histogram_plot(
    title: str, kinds: Sequence[tuple[str, int, Sequence[tuple[float, float]]]], *, unit: str
) -> str:
    """How many over how long, both logarithmic, as an SVG element.

    `kinds` are names with a colour and (upper limit, count) of each bucket, in order; buckets are
    put together until a bar can be seen. The first kind is bars, the others are outlines.
    """
    uppers = [upper for _, _, buckets in kinds for upper, _ in buckets] or [1.0, 10.0]
    across = Scale(min(uppers), max(uppers), _LEFT, WIDTH - _RIGHT, log=True)
    gathered = [(name, colour, _gather(buckets, across)) for name, colour, buckets in kinds]
    counts = [count for _, _, bars in gathered for count in bars.values()] or [1.0]
    up = Scale(1.0, max(counts), HEIGHT - _BOTTOM, _TOP, log=True)
    floor_ = up(1.0)
    drawn = []
    for place, (_, colour, bars) in enumerate(gathered):
        # One of a kind is to be seen as well.
        tops = {x: min(up(count), floor_ - 2) for x, count in bars.items()}
        if place:
            drawn.append(_outline(tops, colour, floor_))
            continue
        drawn += [
            f'<rect class="bar c{colour}" x="{x:g}" y="{top:.1f}" width="{_BAR - 1}"'
            f' height="{floor_ - top:.1f}"/>'
            for x, top in tops.items()
        ]
    legend = _legend([(name, colour) for name, colour, _ in gathered])
    return _svg(title, unit, across, up, _plain_name, [*drawn, legend])


_BAR: Final = 6
"""Width of a bar, and what keeps it apart from the next."""


def _gather(buckets: Sequence[tuple[float, float]], across: Scale) -> dict[float, float]:
    bars: dict[float, float] = {}
    for upper, count in buckets:
        place = _LEFT + _BAR * floor((across(upper) - _LEFT) / _BAR)
        bars[place] = bars.get(place, 0.0) + count
    return bars


def _outline(tops: dict[float, float], colour: int, floor_: float) -> str:
    """The upper edge of bars."""
    steps = []
    end = None
    for x, top in sorted(tops.items()):
        if end != x:
            steps.append(f"M{x:g} {floor_:g}" if end is None else f"V{floor_:g}M{x:g} {floor_:g}")
        end = x + _BAR
        steps.append(f"V{top:.1f}H{end:g}")
    return f'<path class="c{colour}" d="{"".join(steps)}V{floor_:g}"/>' if steps else ""


def _path(line: Line, seconds: Sequence[float], across: Scale, up: Scale) -> str:
    steps, pen = [], "M"
    for second, value in zip(seconds, line.values, strict=True):
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{across(second):.1f} {up(value):.1f}")
        pen = "L"
    if len(steps) == 1:
        steps.append("h2")
    dashed = " dashed" if line.dashed else ""
    return f'<path class="c{line.colour}{dashed}" d="{"".join(steps)}"/>'


def _svg(
    title: str,
    unit: str,
    across: Scale,
    up: Scale,
    across_name: Callable[[float], str],
    drawn: Sequence[str],
) -> str:
    bottom = HEIGHT - _BOTTOM
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f'<text x="{_LEFT}" y="16">{escape(unit)}</text>',
    ]
    for tick in up.ticks:
        y = up(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_plain_name(tick)}</text>'
        )
    for tick in across.ticks:
        x = across(tick)
        parts.append(f'<line class="axis" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{across_name(tick)}</text>'
        )
    axis = f'<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>'
    return "\n".join([*parts, *drawn, axis, "</svg>"])


def _legend(names: Sequence[tuple[str, int]]) -> str:
    parts, x = [], float(WIDTH - _RIGHT)
    for name, colour in reversed(names):
        x -= 7.0 * len(name)
        parts.append(f'<text x="{x:g}" y="16">{escape(name)}</text>')
        x -= 16
        parts.append(f'<rect class="c{colour}" x="{x:g}" y="8" width="10" height="8" rx="2"/>')
        x -= 14
    return "".join(parts)


def _round_down(value: float) -> float:
    """The next of 1, 2, 5, 10 ... that is not above a value."""
    power = 10.0 ** floor(log10(value) + 1e-9)
    return max(factor * power for factor in (1, 2, 5) if factor * power <= value * (1 + 1e-9))


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10 ... above a value."""
    power = 10.0 ** floor(log10(value) + 1e-9)
    return min(factor * power for factor in (1, 2, 5, 10) if factor * power > value * (1 + 1e-9))


def _step(span: float) -> float:
    """A round step, so that about `_TICKS` fit into the span."""
    rough = span / _TICKS
    power = 10.0 ** floor(log10(rough))
    for factor in (1, 2, 5, 10):
        if factor * power >= rough:
            return factor * power
    return 10 * power


def _plain_name(value: float) -> str:
    """A value of an axis, short."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _time_name(seconds: float) -> str:
    """An instant of the run: `90`, `0:20:00`."""
    if seconds < 600:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
