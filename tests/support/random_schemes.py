"""Scoring schemes made by chance, valid by the validator's rules; plain JSON."""

from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

LISTENING = (
    "tips_reported",
    "tips_triaged_in_time",
    "tips_resolved_in_time",
    "tips_answered",
    "needs_acted",
    "corrections_closed_in_time",
)
OTHERS = ("roster_fill", "training_coverage", "posts_published")
SHARING = "sharing_participation"
DAYS = ("tips_triaged_in_time", "tips_resolved_in_time", "corrections_closed_in_time")
COUNTS = ("needs_acted", "posts_published")


def random_scheme(rng: Random, *, scheme_id: str = "by-chance") -> dict[str, Any]:
    """One valid scheme: some of the indicators in any order, weights in halves, small samples of every sort."""
    listening = rng.sample(LISTENING, rng.randint(0, len(LISTENING)))
    others = rng.sample(OTHERS, rng.randint(0 if listening else 1, len(OTHERS)))
    halves: dict[str, int] = {}
    left = 200
    # Sharing at most 20, and listening at least twice as much.
    if listening and rng.randrange(4) < 3:
        halves[SHARING] = rng.randint(1, 40)
        left -= halves[SHARING]
    if not listening:
        halves |= parts(rng, others, left)
    elif not others:
        halves |= parts(rng, listening, left)
    else:
        least = max(2 * halves.get(SHARING, 0), len(listening))
        heard = rng.randint(least, left - len(others))
        halves |= parts(rng, listening, heard) | parts(rng, others, left - heard)
    names = rng.sample(sorted(halves), len(halves))
    return {
        "scheme_id": scheme_id,
        "version": 1,
        "name": {"zh": "随机方案", "en": "By chance"},
        "valid_from": "2013-01-01",
        "indicators": [rule(rng, name, halves[name]) for name in names],
    }


def parts(rng: Random, names: Sequence[str], total: int) -> dict[str, int]:
    """The total cut into as many positive parts as there are names."""
    cuts = sorted(rng.sample(range(1, total), len(names) - 1))
    return {name: end - start for name, start, end in zip(names, [0, *cuts], [*cuts, total], strict=True)}


def rule(rng: Random, indicator: str, halves: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "indicator": indicator,
        "weight": halves / 2 if halves % 2 else halves // 2,
        "target": rng.choice([0.05, 0.3, 0.333, 0.5, 0.95, 1, 1.5, 3]),
    }
    if indicator in DAYS:
        made["params"] = {"days": rng.choice([1, 2, 3, 10, 30, 31])}
    if indicator == SHARING:
        made["params"] = {"cap": rng.choice([1, 1, 2, 2, 3, 10])}
    if indicator not in COUNTS:
        sort = rng.randrange(5)
        least = [0.01, 0.02, 0.1] if indicator == "tips_reported" else [1, 2, 2.5, 5]
        if sort in (1, 2):
            made |= {"min_sample": rng.choice(least), "small_sample": "shrink", "prior": rng.choice([0.5, 1, 5, 0.07])}
        elif sort == 3:
            made |= {"min_sample": rng.choice(least), "small_sample": "redistribute"}
        elif sort == 4:
            made["min_sample"] = rng.choice([0, *least])
    return made


def schemes() -> st.SearchStrategy[dict[str, Any]]:
    """Valid schemes for hypothesis."""
    return st.integers(0, 2**32).map(lambda seed: random_scheme(Random(seed)))
