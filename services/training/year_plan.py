"""A year's plan against what was held: pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COUNTS = ("planned", "held", "cancelled", "open", "hours", "attendances")


def told(year: int, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The figures of units and quarters (rows of ``queries.plan``), with the sums of each unit and of all."""
    units: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        units.setdefault(row["unit_id"], []).append(row)
    shown = [
        {
            "unit_id": unit_id,
            "name": quarters[0]["name"] or {"zh": unit_id},
            "county": quarters[0]["county"],
            "quarters": [
                {"quarter": row["quarter"]} | {name: row[name] for name in COUNTS}
                for row in sorted(quarters, key=lambda row: row["quarter"])
            ],
        }
        | _sums(quarters)
        for unit_id, quarters in units.items()
    ]
    return {"year": year, "units": shown} | _sums(rows)


def _sums(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    kept = list(rows)
    return {name: sum(row[name] for row in kept) for name in COUNTS}
