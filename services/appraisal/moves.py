"""What differs between two reports on one period, as their readers get them: pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypedDict

from services.appraisal.exact import Number

Row = Mapping[str, Any]


class Move(TypedDict):
    """``score_change``: after less before; ``rank_change``: places gained (negative: lost). Null where either is."""

    county: str
    name: Mapping[str, str]
    score_before: Number | None
    score_after: Number | None
    score_change: Number | None
    rank_before: int | None
    rank_after: int | None
    rank_change: int | None


def moves(before: Sequence[Row], after: Sequence[Row]) -> list[Move]:
    """One a county, in the order of ``after``; a county that only one side knows has null on the other."""
    earlier = {row["county"]: row for row in before}
    return [_move(earlier.get(row["county"]), row) for row in after]


def differing(before: Sequence[Row], after: Sequence[Row], key: str) -> list[Row]:
    """The rows of ``after`` that do not stand so in ``before``."""
    earlier = {row[key]: row for row in before}
    return [row for row in after if earlier.get(row[key]) != row]


def less(after: Number | None, before: Number | None) -> Number | None:
    """The difference of two numbers as shown, exact in their decimals."""
    if after is None or before is None:
        return None
    change = Decimal(repr(after)) - Decimal(repr(before))
    return int(change) if change == change.to_integral_value() else float(change)


def _move(before: Row | None, after: Row) -> Move:
    score, rank = (before["score"], before["rank"]) if before else (None, None)
    gained = None if rank is None or after["rank"] is None else rank - after["rank"]
    return {
        "county": after["county"],
        "name": after["name"],
        "score_before": score,
        "score_after": after["score"],
        "score_change": less(after["score"], score),
        "rank_before": rank,
        "rank_after": after["rank"],
        "rank_change": gained,
    }
