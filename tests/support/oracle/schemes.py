"""The default scheme, written out, and the exact reading of a scheme's numbers."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

NINGDE_2014: dict[str, Any] = {
    "scheme_id": "ningde-2014",
    "version": 1,
    "name": {"zh": "宁德2014", "en": "Ningde 2014"},
    "valid_from": "2014-01-01",
    "indicators": [
        {"indicator": "roster_fill", "weight": "10", "target": "1"},
        {
            "indicator": "training_coverage",
            "weight": "20",
            "target": "0.30",
            "min_sample": "20",
            "small_sample": "redistribute",
        },
        {"indicator": "tips_reported", "weight": "10", "target": "0.50"},
        {
            "indicator": "tips_triaged_in_time",
            "weight": "10",
            "target": "0.90",
            "params": {"days": 3},
            "min_sample": "5",
            "small_sample": "shrink",
            "prior": "5",
        },
        {
            "indicator": "tips_resolved_in_time",
            "weight": "20",
            "target": "0.80",
            "params": {"days": 30},
            "min_sample": "5",
            "small_sample": "shrink",
            "prior": "5",
        },
        {
            "indicator": "tips_answered",
            "weight": "10",
            "target": "0.95",
            "min_sample": "5",
            "small_sample": "shrink",
            "prior": "5",
        },
        {
            "indicator": "corrections_closed_in_time",
            "weight": "10",
            "target": "1",
            "params": {"days": 10},
            "min_sample": "1",
            "small_sample": "redistribute",
        },
        {"indicator": "sharing_participation", "weight": "5", "target": "0.50", "params": {"cap": 2}},
        {"indicator": "posts_published", "weight": "5", "target": "1"},
    ],
}


def exact(number: int | float | str | Decimal) -> Fraction:
    # "numbers in a scheme are read as decimals, so 0.30 is 3/10"
    return Fraction(Decimal(str(number)))
