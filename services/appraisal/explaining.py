"""A county's score told plainly, from the numbers of its report by templates: pure but for the words.

Every sentence stands in Chinese and English beside the numbers that it was made from.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import Any

from services.appraisal.exact import Number, shown
from services.appraisal.moves import less
from services.appraisal.scoring import SHARING
from services.appraisal.sensitivity import Sensitivity
from shared.web.i18n import LANGUAGES, catalogue

Row = Mapping[str, Any]
_GROUP = "appraisal_explain"
_MOST = 3
"""How many of the indicators that moved are told."""


def explanation(
    row: Row, ranked: int, previous: tuple[str, Row | None] | None, near: Sensitivity | None
) -> dict[str, Any]:
    """``ranked``: how many counties have a rank; ``previous``: the period before this one, and the county's row in it;
    None: this is the first period with figures."""
    moved = _moved(row, previous)
    lost = points_lost(row)
    by_loss = _by_loss(row, lost)
    return {
        "summary": _summary(row, ranked),
        "why": [_why(each, lost[each["indicator"]]) for each in by_loss],
        "moved": moved,
        "not_moved": None if moved else _not_moved(row, previous),
        "gain": _gain(row, by_loss[0], lost[by_loss[0]["indicator"]]) if any(lost.values()) else None,
        "fairness": _fairness(row),
        "sensitivity": {**near, "text": _held(near)} if near else None,
    }


def points_lost(row: Row) -> dict[str, Fraction]:
    """By indicator with a case: how many points more the score would have with the target reached, all else unchanged."""
    weights = {
        each["indicator"]: _exact(each["weight"]) for each in row["indicators"] if each["attainment"] is not None
    }
    if SHARING in weights:
        others = sum((w for name, w in weights.items() if name != SHARING), Fraction(0))
        weights[SHARING] = min(weights[SHARING], others / 4)
    total = sum(weights.values(), Fraction(0))
    points = {each["indicator"]: each["points"] for each in row["indicators"]}
    return {
        name: max(Fraction(0), 100 * weight / total - _exact(points[name])) if total else Fraction(0)
        for name, weight in weights.items()
    }


def _exact(number: Number) -> Fraction:
    return Fraction(repr(number))


def _two(number: Fraction) -> Number:
    return shown((number.numerator, number.denominator), 2)


def _by_loss(row: Row, lost: Mapping[str, Fraction]) -> list[Row]:
    cases = [each for each in row["indicators"] if each["indicator"] in lost]
    return sorted(cases, key=lambda each: -lost[each["indicator"]])


def _summary(row: Row, ranked: int) -> dict[str, str]:
    if row["score"] is None:
        return _say("summary.no_score", row)
    if row["rank"] is None:
        return _say(f"summary.{row['note'] or 'city_level'}", row, score=_plain(row["score"]))
    return _say("summary.ranked", row, score=_plain(row["score"]), rank=row["rank"], ranked=ranked)


def _why(each: Row, lost: Fraction) -> dict[str, Any]:
    full = lost == 0 or each["attainment"] == 1
    base = "ratio" if each["denominator"] is not None else "count"
    text = _say(
        f"why.{'full' if full else base}",
        None,
        each["indicator"],
        points=_plain(each["points"]),
        most=_plain(_two(_exact(each["points"]) + lost)),
        numerator=_plain(each["numerator"]),
        denominator=_plain(each["denominator"]),
        value=_plain(each["value"]),
        target=_plain(each["target"]),
    )
    return {"indicator": each["indicator"], "points": each["points"], "points_lost": _two(lost), "text": text}


def _gain(row: Row, each: Row, gain: Fraction) -> dict[str, Any]:
    name, more = each["indicator"], _missing(each)
    told = {
        "gain": _plain(_two(gain)),
        "value": _plain(each["value"]),
        "target": _plain(each["target"]),
        "score": _plain(_two(_exact(row["score"]) + gain)),
        "more": more,
    }
    text = _say("gain.counted" if more else "gain.plain", None, name, **told)
    return {"indicator": name, "points": _two(gain), "more": more, "text": text}


def _missing(each: Row) -> int | None:
    """How much more would have to be counted above for the target; None where that cannot be told from what is shown."""
    if each["note"] == "small_sample_shrunk" or (each["denominator"] is None and each["indicator"] != "needs_acted"):
        return None
    base = _exact(each["denominator"]) if each["denominator"] is not None else Fraction(1)
    return max(0, ceil(_exact(each["target"]) * base - _exact(each["numerator"]))) or None


def _not_moved(row: Row, previous: tuple[str, Row | None] | None) -> dict[str, str]:
    """Why there is no comparison."""
    if row["score"] is None:
        return _say("not_moved.no_score", None)
    if previous:
        return _say("not_moved.before", None, period=previous[0])
    return _say(f"not_moved.{'first' if any(each['numerator'] for each in row['indicators']) else 'nothing'}", None)


def _moved(row: Row, previous: tuple[str, Row | None] | None) -> dict[str, Any] | None:
    period, before = previous or ("", None)
    if before is None or before["score"] is None or row["score"] is None:
        return None
    change = less(row["score"], before["score"])
    earlier = {each["indicator"]: each["points"] for each in before["indicators"]}
    moved = [(each["indicator"], less(each["points"], earlier.get(each["indicator"]))) for each in row["indicators"]]
    most = sorted((m for m in moved if m[1]), key=lambda m: -abs(m[1] or 0))[:_MOST]
    told = {"period": period, "before": _plain(before["score"]), "change": _plain(abs(change or 0))}
    way = "same" if not change else "up" if change > 0 else "down"
    return {
        "period": period,
        "score_change": change,
        "rank_before": before["rank"],
        "text": _say(f"moved.{way}", None, **told),
        "indicators": [
            {
                "indicator": name,
                "points_change": points,
                "text": _say(
                    f"moved.indicator_{'up' if points > 0 else 'down'}", None, name, points=_plain(abs(points))
                ),
            }
            for name, points in most
            if points is not None
        ],
    }


def _fairness(row: Row) -> list[dict[str, Any]]:
    """Where a rule for small samples, or the limit on sharing, acted."""
    found = [
        {
            "indicator": each["indicator"],
            "note": each["note"],
            "text": _say(
                f"fairness.{each['note'] if each['denominator'] != 0 else 'no_case'}",
                None,
                each["indicator"],
                denominator=_plain(each["denominator"] or 0),
            ),
        }
        for each in row["indicators"]
        if each["note"]
    ]
    if row["note"]:
        found.append({"indicator": None, "note": row["note"], "text": _say(f"fairness.{row['note']}", None)})
    return found


def _held(near: Sensitivity) -> dict[str, str]:
    if near["holds"] is None:
        return _say("sensitivity.unranked", None)
    share = round(near["holds"] * 100)
    if near["best"] == near["worst"]:
        return _say("sensitivity.always", None, samples=near["samples"], rank=near["rank"])
    told: dict[str, Any] = {name: near[name] for name in ("samples", "rank", "best", "worst")}
    return _say("sensitivity.often", None, share=share, **told)


def _say(key: str, row: Row | None, indicator: str | None = None, **values: Any) -> dict[str, str]:
    """In every language; ``{county}`` and ``{indicator}`` by their names."""
    told: dict[str, str] = {}
    for language in LANGUAGES:
        words = catalogue(language)
        named = dict(values)
        if row is not None:
            named["county"] = row["name"].get(language) or row["name"]["zh"]
        if indicator is not None:
            named["indicator"] = words(f"appraisal.indicator.{indicator}.name")
        told[language] = words(f"{_GROUP}.{key}", **named)
    return told


def _plain(number: Number | None) -> str:
    return (
        "" if number is None else f"{number:.4f}".rstrip("0").rstrip(".") if isinstance(number, float) else str(number)
    )


def ranked_among(rows: Sequence[Row]) -> int:
    return sum(row["rank"] is not None for row in rows)
