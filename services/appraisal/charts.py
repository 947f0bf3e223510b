"""Small pictures drawn on the server, as coordinates: pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

WIDTH, HEIGHT = 72, 20
_EDGE = 2


class Sparkline(NamedTuple):
    """In a box of ``WIDTH`` × ``HEIGHT``: the lines between neighbours that both have a score, and the last dot."""

    lines: list[str]
    dots: list[tuple[float, float]]


def sparkline(scores: Sequence[float | None]) -> Sparkline:
    """Scores of 0 to 100 from left to right; gaps stay gaps."""
    step = (WIDTH - 2 * _EDGE) / max(1, len(scores) - 1)
    places = [None if score is None else _place(i * step, score) for i, score in enumerate(scores)]
    runs: list[list[tuple[float, float]]] = [[]]
    for place in places:
        if place is None:
            runs.append([])
        else:
            runs[-1].append(place)
    lines = [" ".join(f"{x},{y}" for x, y in run) for run in runs if len(run) > 1]
    alone = [run[0] for run in runs if len(run) == 1]
    last = places[-1] if places else None
    return Sparkline(lines, alone + ([last] if last and last not in alone else []))


def _place(x: float, score: float) -> tuple[float, float]:
    return round(_EDGE + x, 1), round(HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * score / 100, 1)


def spread(counties: Sequence[Mapping[str, Any]], columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per indicator the counties in order of how far they reach its target, those without a case last."""
    found: list[dict[str, Any]] = []
    for place, column in enumerate(columns):
        rows = [(row, row["indicators"][place]) for row in counties]
        rows.sort(key=lambda each: (each[1]["attainment"] is None, -(each[1]["attainment"] or 0)))
        found.append({"column": column, "rows": rows})
    return found
