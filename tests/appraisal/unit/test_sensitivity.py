"""How far ranks hang on weights: drawn near the scheme, within the charter, the same on every run, and counted rightly."""

from fractions import Fraction

import pytest

from services.appraisal.county_table import county_rows
from services.appraisal.figures import Figures, Term
from services.appraisal.quotas import Body
from services.appraisal.schemes import DEFAULT
from services.appraisal.sensitivity import SAMPLES, neighbours, sensitivities

BODIES = [Body("350900", True, {"zh": "市"}), *(Body(f"35092{n}", False, {"zh": str(n)}) for n in range(1, 5))]
TERMS = [
    Term("tips_answered", Fraction(50), Fraction(1)),
    Term("training_coverage", Fraction(50), Fraction(1)),
]


def figures(*of_tips: int) -> list[Figures]:
    """Tips answered as told, of 100; trained: the rest to 100."""
    return [
        Figures(list(of_tips), [100] * len(of_tips)),
        Figures([100 - n for n in of_tips], [100] * len(of_tips)),
    ]


def test_the_same_seed_draws_the_same_schemes_and_another_seed_others() -> None:
    terms = DEFAULT.terms()
    assert neighbours(terms, "2014-H1 abc", 30) == neighbours(terms, "2014-H1 abc", 30)
    assert neighbours(terms, "2014-H1 abc", 30) != neighbours(terms, "2014-H2 abc", 30)
    found = [sensitivities(TERMS, figures(50, 30, 60, 90, 10), BODIES, "x") for _ in range(2)]
    assert found[0] == found[1]


def test_every_scheme_drawn_lies_near_sums_to_100_and_keeps_c7() -> None:
    terms = DEFAULT.terms()
    drawn = neighbours(terms, "any", SAMPLES)
    assert len(drawn) == SAMPLES
    for near in drawn:
        assert sum(term.weight for term in near) == 100
        listening = sum(t.weight for t in near if t.indicator.startswith(("tips_", "corrections_", "needs_")))
        sharing = sum(t.weight for t in near if t.indicator == "sharing_participation")
        assert sharing <= 20
        assert listening >= 2 * sharing
        # Each weight within ±20 % before all are brought to a sum of 100: so ratios lie within 0.8/1.2 and 1.2/0.8.
        factors = [new.weight / old.weight for new, old in zip(near, terms, strict=True)]
        assert max(factors) / min(factors) <= Fraction(3, 2)
        assert [t.target for t in near] == [t.target for t in terms]
    assert len({tuple(term.weight for term in near) for near in drawn}) == SAMPLES


@pytest.mark.parametrize("sharing", [20, 19])
def test_a_scheme_at_the_edge_of_c7_draws_only_what_keeps_it(sharing: int) -> None:
    terms = [
        Term("tips_answered", Fraction(2 * sharing), Fraction(1)),
        Term("sharing_participation", Fraction(sharing), Fraction(1), cap=2),
        Term("training_coverage", Fraction(100 - 3 * sharing), Fraction(1)),
    ]
    drawn = neighbours(terms, "edge", 50)
    assert drawn
    for near in drawn:
        assert near[1].weight <= 20
        assert near[0].weight >= 2 * near[1].weight


def test_what_holds_is_the_share_of_schemes_with_the_same_rank() -> None:
    found_figures = figures(50, 52, 48, 90, 10)
    found = sensitivities(TERMS, found_figures, BODIES, "seed")
    met: dict[str, list[int | None]] = {body.county: [] for body in BODIES}
    for near in neighbours(TERMS, "seed", SAMPLES):
        for row in county_rows(near, found_figures, BODIES):
            met[row.county].append(row.rank)
    for body in BODIES[1:]:
        ranks = [rank for rank in met[body.county] if rank is not None]
        told = found[body.county]
        assert told["rank"] == next(
            row.rank for row in county_rows(TERMS, found_figures, BODIES) if row.county == body.county
        )
        assert told["holds"] == float(round(Fraction(ranks.count(told["rank"] or 0), len(ranks)), 2))
        assert (told["best"], told["worst"]) == (min(ranks), max(ranks))
    city = found["350900"]
    assert (city["rank"], city["holds"], city["best"], city["worst"]) == (None, None, None, None)
    assert any(0 < (each["holds"] or 0) < 1 or each["best"] != each["worst"] for each in found.values())


def test_who_leads_everywhere_leads_under_every_scheme() -> None:
    leading = [Figures([0, 90, 50, 40, 30], [100] * 5) for _ in TERMS]
    found = sensitivities(TERMS, leading, BODIES, "seed")
    for rank, body in enumerate(BODIES[1:], start=1):
        told = found[body.county]
        assert (told["rank"], told["holds"], told["best"], told["worst"]) == (rank, 1, rank, rank)
