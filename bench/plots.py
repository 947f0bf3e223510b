"""Plain SVG plots: lines over time, no script, readable on light and dark ground."""

from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 760, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 210, 40, 46
_COLOURS = ("#1f6f8b", "#c2571a", "#3f7d3a", "#8a3f8f", "#a08a12", "#555c66", "#b3263a")
Points = Sequence[tuple[float, float]]


def lines(
    title: str, across: str, up: str, series: Mapping[str, Points], limits: Mapping[str, float] | None = None
) -> str:
    """``series``: (x, y) points by name; ``limits``: values to be marked, by name."""
    limits = limits or {}
    shown = {name: list(points) for name, points in series.items() if points}
    right = _step(max((x for points in shown.values() for x, _ in points), default=1.0))
    top = _step(max([*(y for points in shown.values() for _, y in points), *limits.values(), 1e-9]))
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(x: float, y: float) -> str:
        return f"{_LEFT + x / right * wide:.1f},{_TOP + high - y / top * high:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-size="12" '
        f'font-family="system-ui, sans-serif"><title>{escape(title)}</title>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="22" font-size="14" font-weight="600">{escape(title)}</text>',
    ]
    for number in range(6):
        x, y = _LEFT + wide * number / 5, _TOP + high - high * number / 5
        parts += [
            f'<path d="M{_LEFT} {y:.1f}h{wide}" stroke="#e3e6ea"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_said(top * number / 5)}</text>',
            f'<text x="{x:.1f}" y="{_TOP + high + 18}" text-anchor="middle">{_said(right * number / 5)}</text>',
        ]
    parts += [
        f'<text x="{_LEFT + wide / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(across)}</text>',
        f'<text transform="translate(16 {_TOP + high / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>',
    ]
    for name, limit in limits.items():
        x, y = at(0, limit).split(",")
        parts += [
            f'<path d="M{x} {y}h{wide}" stroke="#b3263a" stroke-dasharray="5 4" fill="none"/>',
            f'<text x="{_LEFT + wide + 8}" y="{float(y) + 4:.1f}" fill="#b3263a">{escape(name)}</text>',
        ]
    for number, (name, points) in enumerate(shown.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        way = " ".join(at(x, y) for x, y in points)
        parts += [
            f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="1.8"/>',
            f'<path d="M{_LEFT + wide + 8} {_TOP + 14 + 20 * number}h18" stroke="{colour}" stroke-width="3"/>',
            f'<text x="{_LEFT + wide + 32}" y="{_TOP + 18 + 20 * number}">{escape(name)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def _step(highest: float) -> float:
    """The next round number."""
    power = 1.0
    while power * 10 <= highest:
        power *= 10
    while power > highest:
        power /= 10
    return next(power * each for each in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if power * each >= highest)


def _said(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.3g}"
