"""Figures and a scheme -> values, points, scores and ranks: pure.

By columns, a number for each body, so that 3,000 counties take no longer than a look at them; and exact until shown: a
number is a ratio of whole numbers, not reduced.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, lcm
from typing import Literal, NamedTuple

import numpy as np

from services.appraisal.exact import Ratios, Which, Whole, plus, times, whole
from services.appraisal.figures import Figures, Term
from services.appraisal.quotas import Body

Note = Literal["no_case", "small_sample_shrunk", "small_sample_redistributed", "sharing_limited"]

SHARING = "sharing_participation"
ENOUGH_EVIDENCE = 60
"""Of the scheme's 100: bodies whose cases weigh less are not ranked."""
_SHARING_TO_OTHERS = 4
"""Sharing weighs at most this part of what the other cases weigh: a fifth of all."""


class Case(NamedTuple):
    """One indicator of every body, before the cases are weighed against each other.

    A denominator is ``denominators[i] / parts``. Where ``holds`` is false there is no case: value and attainment mean
    nothing there.
    """

    indicator: str
    numerators: Whole
    denominators: Whole | None
    parts: int
    holds: Which
    value: Ratios
    attainment: Ratios
    notes: Sequence[Note | None]


class Weighed(NamedTuple):
    """The cases of all bodies (columns) under one scheme or several (rows).

    ``weights``: what each indicator weighs, 0 where it has no case; ``limited``: where sharing was; ``hundredths``: the
    score as shown, times 100, where ``total`` is not 0; ``enough``: whether the evidence is.
    """

    weights: list[Whole]
    total: Whole
    limited: Which
    hundredths: Whole
    enough: Which

    def points(self, case: Case, at: int) -> Ratios:
        """Of the indicator at this place, under the first scheme; they mean something where it weighs."""
        reached, asked = case.attainment
        weight, total = self.weights[at][0], np.where(self.total[0] == 0, 1, self.total[0])
        return times(times(reached, weight), 100), times(asked, total)


def measured(terms: Sequence[Term], found: Sequence[Figures]) -> list[Case]:
    """In the order of ``terms``; their weights do not matter here."""
    return [_case(term, of_term) for term, of_term in zip(terms, found, strict=True)]


def _case(term: Term, of_term: Figures) -> Case:
    n = whole(of_term.numerators)
    if of_term.denominators is None:
        holds = np.ones(len(n), np.bool_)
        over, under = times(n, of_term.divisor.denominator), np.full_like(n, of_term.divisor.numerator)
        return Case(term.indicator, n, None, 1, holds, (over, under), _attained(term, over, under), [None] * len(n))
    d, parts = whole(of_term.denominators), of_term.parts
    small = ceil(term.min_sample * parts)
    holds = (d != 0) & (d >= small)
    over, under = times(n, parts), np.where(holds, d, 1)
    small_ones = ~holds & (d < small)
    note: Note = "small_sample_redistributed"
    if term.shrink:
        all_counted, all_base = sum(n.tolist()) * parts, sum(d.tolist())
        if all_base:
            # (n + prior * all_counted / all_base) / (d / parts + prior), multiplied out
            prior, of_prior = term.prior.numerator, term.prior.denominator
            drawn = times(plus(times(n, of_prior * all_base), prior * all_counted), parts)
            over = np.where(small_ones, drawn, over)
            under = np.where(small_ones, times(plus(times(d, of_prior), prior * parts), all_base), under)
            holds = holds | small_ones
            note = "small_sample_shrunk"
        else:
            small_ones = np.zeros_like(holds)
    notes: list[Note | None] = [
        note if is_small else None if has else "no_case"
        for has, is_small in zip(holds.tolist(), small_ones.tolist(), strict=True)
    ]
    return Case(term.indicator, n, d, parts, holds, (over, under), _attained(term, over, under), notes)


def _attained(term: Term, over: Whole, under: Whole) -> Ratios:
    """Value over target, at most 1."""
    reached, asked = times(over, term.target.denominator), times(under, term.target.numerator)
    below = reached < asked
    return np.where(below, reached, 1), np.where(below, asked, 1)


def weighed(cases: Sequence[Case], schemes: Sequence[Sequence[Term]]) -> Weighed:
    """The cases weighed against each other. ``schemes``: terms that differ in their weights only."""
    units = [_SHARING_TO_OTHERS * lcm(*(term.weight.denominator for term in terms)) for terms in schemes]
    weights: list[Whole] = []
    for at, case in enumerate(cases):
        told = [int(terms[at].weight * unit) for terms, unit in zip(schemes, units, strict=True)]
        weights.append(times(whole(told)[:, None], case.holds.astype(np.int64)))
    evidence = _sum(weights)
    limited = np.zeros(evidence.shape, np.bool_)
    for at, case in enumerate(cases):
        if case.indicator == SHARING:
            limit = plus(evidence, -weights[at]) // _SHARING_TO_OTHERS  # exact: weights are multiples of this
            limited = weights[at] > limit
            weights[at] = np.where(limited, limit, weights[at])
    enough = evidence >= times(whole(units), ENOUGH_EVIDENCE)[:, None]
    total = _sum(weights)
    return Weighed(weights, total, limited, _hundredths(cases, weights, total), enough)


def _sum(columns: Sequence[Whole]) -> Whole:
    found, *others = columns
    for other in others:
        found = plus(found, other)
    return found


def _hundredths(cases: Sequence[Case], weights: Sequence[Whole], total: Whole) -> Whole:
    """The scores, times 100: in floating point where its error cannot matter to the rounding, else exactly."""
    rough = np.zeros(total.shape)
    for case, weight in zip(cases, weights, strict=True):
        reached, asked = case.attainment
        rough += weight.astype(np.float64) * (reached / asked).astype(np.float64)
    rough *= _FULL / np.where(total == 0, 1, total).astype(np.float64)
    found = np.floor(rough + 0.5).astype(np.int64)
    in_doubt = np.abs(rough - np.floor(rough) - 0.5) < _DOUBT
    for scheme, body in np.argwhere(in_doubt):
        points = Fraction(0)
        for case, weight in zip(cases, weights, strict=True):
            reached, asked = case.attainment
            points += Fraction(int(weight[scheme, body]) * int(reached[body]), int(asked[body]))
        found[scheme, body] = round(_FULL * points / int(total[scheme, body]))  # half to even
    return found


_FULL = 100 * 100
"""A score of 100, in hundredths."""
_DOUBT = 1e-6
"""How near to a half a rough score, in hundredths, is computed exactly; its own error is below 1e-10."""


def ranks(found: Weighed, bodies: Sequence[Body], scheme: int = 0) -> list[int | None]:
    """Equal as shown is equal in rank. The city level and bodies with too little evidence or no score have none."""
    scores = found.hundredths[scheme].tolist()
    ranked = (found.enough[scheme] & (found.total[scheme] != 0)).tolist()
    places = sorted((-scores[at], at) for at, body in enumerate(bodies) if ranked[at] and not body.is_city)
    told: list[int | None] = [None] * len(bodies)
    rank, above = 0, 1
    for place, (score, at) in enumerate(places, start=1):
        if score != above:
            rank, above = place, score
        told[at] = rank
    return told
