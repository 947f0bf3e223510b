"""How far a rank hangs on the scheme's weights: pure, and the same on every run.

Schemes are drawn near the given one (each weight times a factor from 0.8 to 1.2, then all to a sum of 100) and keep the
charter's rule on sharing; the share of them under which a county has the rank that it has is its sensitivity.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import TypedDict

from services.appraisal.exact import shown
from services.appraisal.figures import Figures, Term
from services.appraisal.quotas import Body
from services.appraisal.scoring import SHARING, measured, ranks, weighed

SAMPLES = 200
_FEWEST = 20
_WORK = 9 * SAMPLES
_LISTENING = ("tips_", "needs_acted", "corrections_")


class Sensitivity(TypedDict):
    """``holds``: the share of ``samples`` under which ``rank`` is the county's; ``best`` and ``worst``: among them. Null
    for the unranked."""

    rank: int | None
    holds: float | int | None
    best: int | None
    worst: int | None
    samples: int


def sensitivities(
    terms: Sequence[Term], found: Sequence[Figures], bodies: Sequence[Body], seed: str
) -> dict[str, Sensitivity]:
    """By county. Of many counties fewer schemes are drawn, so that the work stays the same."""
    samples = max(_FEWEST, min(SAMPLES, _WORK // max(1, len(bodies))))
    schemes = [terms, *neighbours(terms, seed, samples)]
    result = weighed(measured(terms, found), schemes)
    here, *near = [ranks(result, bodies, scheme) for scheme in range(len(schemes))]
    return {
        body.county: _told(rank, [there[at] for there in near])
        for at, (body, rank) in enumerate(zip(bodies, here, strict=True))
    }


def neighbours(terms: Sequence[Term], seed: str, samples: int) -> list[list[Term]]:
    """The schemes drawn. A scheme at the very edge of the charter's rule may leave few to draw: each is tried 50 times."""
    rng = Random(seed)
    drawn: list[list[Term]] = []
    for _ in range(samples):
        for _ in range(50):
            weights = [term.weight * rng.randint(800, 1200) for term in terms]
            total = sum(weights, Fraction(0))
            near = [replace(term, weight=100 * w / total) for term, w in zip(terms, weights, strict=True)]
            if _keeps_c7(near):
                drawn.append(near)
                break
    return drawn


def _keeps_c7(terms: Sequence[Term]) -> bool:
    sharing = sum((term.weight for term in terms if term.indicator == SHARING), Fraction(0))
    listening = sum((term.weight for term in terms if term.indicator.startswith(_LISTENING)), Fraction(0))
    return sharing <= 20 and listening >= 2 * sharing


def _told(rank: int | None, met: Sequence[int | None]) -> Sensitivity:
    ranks = [each for each in met if each is not None]
    if rank is None or not met:
        return {"rank": rank, "holds": None, "best": None, "worst": None, "samples": len(met)}
    return {
        "rank": rank,
        "holds": shown((sum(each == rank for each in met), len(met)), 2),
        "best": min(ranks, default=None),
        "worst": max(ranks, default=None),
        "samples": len(met),
    }
