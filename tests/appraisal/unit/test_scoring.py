"""Values, points, scores, ranks and notes, with numbers worked out by hand."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from services.appraisal.county_table import county_rows, report
from services.appraisal.exact import Number, Ratios, shown
from services.appraisal.figures import Figures, Term, summed, windows
from services.appraisal.measures import Kind
from services.appraisal.quotas import Body
from services.appraisal.schemes import DEFAULT
from services.appraisal.scoring import measured, weighed
from tests.appraisal.unit.building import BODIES, A, B, C, end_of, fact, report_of, seen, tallied


def term(indicator: str, weight: int | str = 100, target: str = "1", **more: Any) -> Term:
    return Term(indicator, Fraction(weight), Fraction(target), **more)


class Result(NamedTuple):
    """One indicator of one body: shown or not as in the county table, in exact numbers. No case: the last three None."""

    numerator: int
    denominator: Fraction | None
    value: Fraction | None
    attainment: Fraction | None
    points: Fraction | None
    note: str | None


class Row(NamedTuple):
    county: str
    results: list[Result]
    score: Number | None
    rank: int | None
    note: str | None


def scored(terms: Sequence[Term], found: Sequence[Figures], bodies: Sequence[Body]) -> list[Row]:
    """The rows of the county table; what is shown there must be the exact number, rounded."""
    cases = measured(terms, found)
    result = weighed(cases, [terms])
    told: list[Row] = []
    for row in county_rows(terms, found, bodies):
        at = next(at for at, body in enumerate(bodies) if body.county == row.county)
        results: list[Result] = []
        for place, (case, is_shown) in enumerate(zip(cases, row.indicators, strict=True)):

            def exact(ratios: Ratios, shown: Number | None, digits: int, at: int = at) -> Fraction | None:
                number = None if shown is None else Fraction(int(ratios[0][at]), int(ratios[1][at]))
                assert shown == (None if number is None else float(round(number, digits)))
                return number

            base = None if case.denominators is None else Fraction(int(case.denominators[at]), case.parts)
            assert (is_shown.numerator, is_shown.denominator) == (
                case.numerators[at],
                None if base is None else float(round(base, 2)),
            )
            value = exact(case.value, is_shown.value, 4)
            attainment = exact(case.attainment, is_shown.attainment, 4)
            points = exact(result.points(case, place), is_shown.points, 2)
            results.append(Result(int(case.numerators[at]), base, value, attainment, points, is_shown.note))
        told.append(Row(row.county, results, row.score, row.rank, row.note))
    return told


def two(*figures: tuple[Term, Figures]) -> dict[str, Row]:
    """Rows of A and B by county."""
    rows = scored([each for each, _ in figures], [found for _, found in figures], BODIES[1:])
    return {row.county: row for row in rows}


def value(row: Row, at: int = 0) -> Fraction | None:
    return row.results[at].value


def points(row: Row) -> list[Fraction | None]:
    return [result.points for result in row.results]


# Rounding


@pytest.mark.parametrize(
    ("ratio", "digits", "expected"),
    [
        ((1, 3), 4, 0.3333),
        ((2, 3), 4, 0.6667),
        ((1, 200), 2, 0),  # 0.005: half to even
        ((3, 200), 2, 0.02),  # 0.015
        ((5, 200), 2, 0.02),  # 0.025
        ((20001, 4_000_000), 2, 0.01),  # just above the half
        ((267, 200), 2, 1.34),  # 1.335 is below that as a float
        ((1, 20000), 4, 0),
        ((3, 20000), 4, 0.0002),
        ((700, 7), 2, 100),
        ((199_999, 2000), 2, 100),  # 99.9995
        ((0, 9), 2, 0),
    ],
)
def test_numbers_are_rounded_half_to_even(ratio: tuple[int, int], digits: int, expected: float) -> None:
    assert shown(ratio, digits) == expected


def test_whole_numbers_are_shown_as_such() -> None:
    assert isinstance(shown((4, 2), 2), int)
    assert isinstance(shown((5, 2), 2), float)


# Attainment, points, score


def test_attainment_is_value_over_target_and_at_most_one() -> None:
    rows = two((term("tips_answered", target="0.8"), Figures([2, 9], [4, 10])))
    assert value(rows[A]) == Fraction(1, 2)
    assert rows[A].results[0].attainment == Fraction(5, 8)
    assert rows[B].results[0].attainment == 1
    assert (rows[A].score, rows[B].score) == (62.5, 100)


def test_points_add_up_to_the_score() -> None:
    row = two(
        (term("roster_fill", 30), Figures([1, 0], [3, 0])),
        (term("tips_answered", 70), Figures([5, 0], [7, 1])),
    )[A]
    assert points(row) == [10, 50]
    assert row.score == 60


@pytest.mark.parametrize("n", range(12401, 12601, 2))
def test_a_score_amid_two_hundredths_goes_to_the_even_one(n: int) -> None:
    """In floating point many of these would go the other way: sevenths are not exact there."""
    above, below = Fraction(n, 20_000) + Fraction(1, 7), Fraction(n, 20_000) - Fraction(1, 7)
    row = two(
        (term("roster_fill", 50), Figures([above.numerator, 0], [above.denominator, 1])),
        (term("tips_answered", 50), Figures([below.numerator, 0], [below.denominator, 1])),
    )[A]
    assert row.score == float(round(Fraction(n, 200), 2))


def test_an_indicator_without_denominator_is_measured_by_its_number() -> None:
    rows = two((term("needs_acted", target="4"), Figures([3, 5], None)))
    assert (rows[A].score, rows[B].score) == (75, 100)
    assert rows[A].results[0].denominator is None


def test_posts_are_measured_by_month() -> None:
    rows = two((term("posts_published", target="2"), Figures([3, 0], None, divisor=Fraction(5, 2))))
    assert value(rows[A]) == Fraction(6, 5)
    assert rows[A].score == 60
    assert rows[B].score == 0, "no post is a case, with the value 0"


def test_a_denominator_in_parts_is_exact() -> None:
    rows = two((term("tips_reported", target="0.5"), Figures([1, 1], [250, 1000], parts=100)))
    assert value(rows[A]) == Fraction(2, 5)
    assert value(rows[B]) == Fraction(1, 10)
    assert rows[A].results[0].denominator == Fraction(5, 2)


# No case


def test_without_denominator_there_is_no_case_and_the_weight_goes_to_the_others() -> None:
    row = two(
        (term("roster_fill", 40), Figures([1, 1], [2, 2])),
        (term("training_coverage", 20), Figures([0, 1], [0, 2])),
        (term("tips_answered", 40), Figures([1, 1], [1, 2])),
    )[A]
    assert row.results[1] == (0, 0, None, None, None, "no_case")
    assert points(row) == [25, None, 50]
    assert row.score == 75
    assert row.note is None, "80 of 100 is evidence enough"


def test_no_case_at_all_gives_no_score() -> None:
    rows = two((term("roster_fill"), Figures([5, 1], [0, 1])))
    assert rows[A].score is None
    assert rows[A].rank is None
    assert rows[A].note == "too_little_evidence"
    assert rows[B].rank == 1


# Small samples


def test_redistribute_takes_the_case_away_below_min_sample_only() -> None:
    asked = term("training_coverage", min_sample=Fraction(20))
    rows = two((asked, Figures([19, 20], [19, 20])))
    assert rows[A].results[0] == (19, 19, None, None, None, "small_sample_redistributed")
    assert rows[B].results[0].note is None
    assert value(rows[B]) == 1


def test_a_denominator_of_zero_is_a_small_sample_too() -> None:
    rows = two((term("corrections_closed_in_time", min_sample=Fraction(1)), Figures([0, 1], [0, 1])))
    assert rows[A].results[0].note == "small_sample_redistributed"


def test_the_exact_denominator_is_compared() -> None:
    asked = term("tips_reported", min_sample=Fraction("2.5"))
    rows = two((asked, Figures([1, 1], [249, 250], parts=100)))
    assert rows[A].results[0].note == "small_sample_redistributed", "2.49, though it would round to 2.5"
    assert rows[B].results[0].note is None
    rows = two((term("tips_answered", min_sample=Fraction("2.5")), Figures([1, 1], [2, 3])))
    assert [rows[county].results[0].note for county in (A, B)] == ["small_sample_redistributed", None]


def test_shrink_draws_a_small_sample_towards_that_of_all_bodies() -> None:
    asked = term("tips_answered", min_sample=Fraction(5), shrink=True, prior=Fraction(5))
    rows = two((asked, Figures([1, 7], [2, 8])))
    # q = 8/10; (1 + 5 * 8/10) / (2 + 5) = 5/7
    assert value(rows[A]) == Fraction(5, 7)
    assert rows[A].results[0].note == "small_sample_shrunk"
    assert rows[A].results[0][:2] == (1, 2), "shown as counted"
    assert value(rows[B]) == Fraction(7, 8)
    assert rows[B].results[0].note is None


def test_shrink_includes_the_city_level_and_the_body_itself_in_all_bodies() -> None:
    asked = term("tips_answered", min_sample=Fraction(5), shrink=True, prior=Fraction("2.5"))
    rows = scored([asked], [Figures([30, 0, 0], [40, 0, 10])], BODIES)
    # q = 30/50; B: (0 + 0) / 10 is no small sample; A: 2.5 * 3/5 / 2.5 = 3/5
    assert {row.county: value(row) for row in rows} == {C: Fraction(3, 4), A: Fraction(3, 5), B: Fraction(0)}


def test_shrink_works_on_denominators_in_parts() -> None:
    asked = term("tips_reported", min_sample=Fraction(1), shrink=True, prior=Fraction(2))
    rows = two((asked, Figures([1, 3], [50, 350], parts=100)))
    # q = 4 / 4 = 1; (1 + 2 * 1) / (0.5 + 2) = 6/5
    assert value(rows[A]) == Fraction(6, 5)


def test_shrink_without_any_sample_is_no_case() -> None:
    asked = term("tips_answered", min_sample=Fraction(5), shrink=True, prior=Fraction(5))
    rows = two((asked, Figures([0, 0], [0, 0])))
    assert rows[A].results[0] == (0, 0, None, None, None, "no_case")


def test_shrink_without_min_sample_leaves_zero_without_case() -> None:
    rows = two((term("tips_answered", shrink=True, prior=Fraction(5)), Figures([0, 1], [0, 2])))
    assert rows[A].results[0].note == "no_case"


# Sharing


def sharing(weight: int, found: Figures, **more: Any) -> tuple[Term, Figures]:
    return term("sharing_participation", weight, **more), found


def test_c7_sharing_weighs_at_most_a_fifth_when_others_have_no_case() -> None:
    row = two(
        (term("roster_fill", 40), Figures([1, 1], [2, 2])),
        (term("tips_answered", 40), Figures([0, 1], [0, 2])),
        sharing(20, Figures([3, 1], [3, 2])),
    )[A]
    # the other case weighs 40, so sharing 10: (40 * 1/2 + 10 * 1) / 50
    assert row.score == 60
    assert points(row) == [40, None, 20]
    assert row.results[2].note == "sharing_limited"
    assert row.note is None, "evidence is 60 of the scheme's 100, before the limit"
    assert row.rank == 1


def test_c7_sharing_at_just_a_fifth_is_not_limited() -> None:
    rows = two((term("tips_answered", 80), Figures([1, 1], [2, 2])), sharing(20, Figures([1, 1], [1, 1])))
    assert rows[A].results[1].note is None
    assert points(rows[A]) == [40, 20]


def test_c7_sharing_alone_is_no_case() -> None:
    row = two((term("tips_answered", 80), Figures([0, 1], [0, 2])), sharing(20, Figures([3, 1], [4, 2])))[A]
    assert row.results[1] == (3, 4, None, None, None, "sharing_limited")
    assert row.score is None
    assert row.note == "too_little_evidence"


def test_c7_the_limit_is_noted_before_anything_else() -> None:
    rows = two(
        (term("tips_answered", 80), Figures([1, 0], [2, 0])),
        (term("roster_fill", 10), Figures([1, 1], [2, 2])),
        sharing(10, Figures([1, 1], [2, 8]), min_sample=Fraction(5), shrink=True, prior=Fraction(5)),
    )
    assert rows[A].results[2].note == "small_sample_shrunk"
    assert rows[B].results[2].note == "sharing_limited"
    small = two(
        (term("tips_answered", 80), Figures([1, 0], [2, 0])),
        (term("roster_fill", 10), Figures([1, 1], [2, 2])),
        sharing(10, Figures([1, 1], [8, 2]), min_sample=Fraction(5), shrink=True, prior=Fraction(5)),
    )[B]
    assert small.results[2].note == "sharing_limited"
    assert value(small, 2) == Fraction(2, 7), "(1 + 5 * 2/10) / (2 + 5): shrunk all the same"


def test_sharing_without_a_case_of_its_own_is_not_limited() -> None:
    row = two((term("roster_fill", 80), Figures([1, 1], [2, 2])), sharing(20, Figures([0, 1], [0, 2])))[A]
    assert row.results[1].note == "no_case"


def test_c7_weights_that_are_no_whole_numbers_are_limited_exactly() -> None:
    row = two(
        (term("roster_fill", "0.1"), Figures([0, 1], [1, 1])),
        (term("tips_answered", "99.7"), Figures([0, 1], [0, 1])),
        (term("sharing_participation", "0.2"), Figures([1, 1], [1, 1])),
    )[A]
    # 0.1 / 4 = 0.025; 0.025 / 0.125 = 1/5
    assert row.score == 20


# Ranks


def ranks(scores: dict[str, Figures]) -> list[tuple[str, int | None]]:
    bodies = [Body(county, county == C, {"zh": county}) for county in scores]
    numerators = [found.numerators[0] for found in scores.values()]
    denominators = [found.denominators[0] for found in scores.values() if found.denominators]
    rows = scored([term("tips_answered")], [Figures(numerators, denominators)], bodies)
    return [(row.county, row.rank) for row in rows]


def of(n: int, d: int) -> Figures:
    return Figures([n], [d])


def test_equal_scores_share_a_rank_and_the_next_one_is_left_out() -> None:
    found = ranks({"350922": of(1, 2), "350921": of(1, 2), "350902": of(1, 4), "350923": of(3, 4)})
    assert found == [("350923", 1), ("350921", 2), ("350922", 2), ("350902", 4)]


def test_ranks_go_by_scores_as_shown() -> None:
    # 66.666… and 66.67 are shown alike; 66.66 is not
    found = ranks({"350921": of(2, 3), "350902": of(6667, 10000), "350922": of(6666, 10000)})
    assert found == [("350902", 1), ("350921", 1), ("350922", 3)]


def test_the_city_level_is_scored_but_not_ranked_and_hides_nobody() -> None:
    assert ranks({C: of(1, 1), A: of(1, 2)}) == [(A, 1), (C, None)]


def test_the_unranked_come_last_by_code() -> None:
    found = ranks({"350982": of(0, 0), C: of(1, 1), "350902": of(0, 0), "350921": of(1, 3)})
    assert found == [("350921", 1), (C, None), ("350902", None), ("350982", None)]


@pytest.mark.parametrize(("weight", "note"), [(60, None), ("59.99", "too_little_evidence")])
def test_less_than_sixty_of_a_hundred_is_too_little_evidence(weight: int | str, note: str | None) -> None:
    row = two(
        (term("roster_fill", weight), Figures([1, 1], [2, 2])),
        (term("tips_answered", str(100 - Fraction(weight))), Figures([0, 1], [0, 2])),
    )[A]
    assert row.note == note
    assert (row.rank is None) == (note is not None)
    assert row.score == 50


def test_the_city_level_is_told_of_too_little_evidence_as_well() -> None:
    rows = scored([term("roster_fill")], [Figures([0, 1, 1], [0, 1, 2])], BODIES)
    assert rows[-1].county == C
    assert rows[-1].note == "too_little_evidence"


# Whole reports


def test_a_county_under_the_default_scheme() -> None:
    """Numerators and denominators of A; those of B matter for what A's small samples are drawn towards."""
    found = [
        Figures([200, 100], [250, 100]),  # roster_fill: 0.8
        Figures([30, 10], [200, 100]),  # training_coverage: 0.15 of 0.30
        Figures([1, 0], [200, 100], parts=100),  # tips_reported: 0.5 of 0.50
        Figures([3, 6], [4, 6]),  # tips_triaged: q 9/10, (3 + 4.5) / 9 = 0.8333 of 0.90
        Figures([0, 3], [4, 6]),  # tips_resolved: q 3/10, (0 + 1.5) / 9 = 0.1667 of 0.80
        Figures([2, 3], [2, 3]),  # tips_answered: q 1, 1 of 0.95
        Figures([0, 0], [0, 0]),  # corrections: below 1
        Figures([40, 0], [400, 200]),  # sharing: 0.1 of 0.50
        Figures([6, 0], None, divisor=Fraction(12)),  # posts: 0.5
    ]
    row = {row.county: row for row in scored(DEFAULT.terms(), found, BODIES[1:])}[A]
    assert [value(row, at) for at in range(9)] == [
        Fraction(4, 5), Fraction(3, 20), Fraction(1, 2), Fraction(5, 6), Fraction(1, 6), 1, None, Fraction(1, 10),
        Fraction(1, 2),
    ]  # fmt: skip
    assert [result.note for result in row.results] == [
        None, None, None, "small_sample_shrunk", "small_sample_shrunk", "small_sample_shrunk",
        "small_sample_redistributed", None, None,
    ]  # fmt: skip
    # 8 + 10 + 10 + 250/27 + 25/6 + 10 + 1 + 2.5 of 90
    assert (
        row.score
        == float(round((Fraction("41.5") + Fraction(250, 27) + Fraction(25, 6)) * Fraction(10, 9), 2))
        == 61.03
    )
    assert [float(round(points, 2)) for points in points(row) if points] == [
        8.89, 11.11, 11.11, 10.29, 4.63, 11.11, 1.11, 2.78,
    ]  # fmt: skip


def test_a_report_has_the_shape_of_the_contract() -> None:
    looked = seen("2014", end_of("2014-09-29"))
    found = report_of(DEFAULT, [], looked, {A: 200, B: 100})
    assert [row["county"] for row in found["counties"]] == [C, A, B]
    city, county = found["counties"][:2]
    assert {key: told for key, told in county.items() if key != "indicators"} == {
        "county": A,
        "name": {"zh": "蕉城"},
        "score": 0,
        "rank": None,
        "note": "too_little_evidence",
    }
    assert county["indicators"][0] == {
        "indicator": "roster_fill",
        "numerator": 0,
        "denominator": 200,
        "value": 0,
        "target": 1,
        "attainment": 0,
        "weight": 10,
        "points": 0,
        "note": None,
    }
    assert county["indicators"][3] == {
        "indicator": "tips_triaged_in_time",
        "numerator": 0,
        "denominator": 0,
        "value": None,
        "target": 0.9,
        "attainment": None,
        "weight": 10,
        "points": None,
        "note": "no_case",
    }
    assert city["indicators"][0]["note"] == "no_case"
    assert found["city"][0] == {"indicator": "roster_fill", "numerator": 0, "denominator": 300, "value": 0}
    assert found["city"][3] == {
        "indicator": "tips_triaged_in_time", "numerator": 0, "denominator": 0, "value": None
    }  # fmt: skip
    # January to August and 29 of September's 30 days; no post yet
    assert found["city"][8] == {"indicator": "posts_published", "numerator": 0, "denominator": None, "value": 0}


def test_before_the_period_only_bodies_weights_and_targets_are_shown() -> None:
    found = report_of(DEFAULT, [], seen("2014-H2", "2014-06-30"), {A: 200})
    assert [(row["county"], row["score"], row["rank"], row["note"]) for row in found["counties"]] == [
        (C, None, None, None),
        (A, None, None, None),
        (B, None, None, None),
    ]
    assert found["counties"][0]["indicators"][1] == {
        "indicator": "training_coverage",
        "numerator": None,
        "denominator": None,
        "value": None,
        "target": 0.3,
        "attainment": None,
        "weight": 20,
        "points": None,
        "note": None,
    }
    assert found["city"][1] == {
        "indicator": "training_coverage", "numerator": None, "denominator": None, "value": None
    }  # fmt: skip


def test_c7_a_limited_sharing_shows_the_weight_of_the_scheme() -> None:
    terms = [term("roster_fill", 40), term("tips_answered", 40), term("sharing_participation", 20, cap=1)]
    facts = [
        fact(Kind.VOLUNTEER_REGISTERED, "2014-07-01"),
        fact(Kind.REPOST_LOGGED, "2014-07-02", subject=9, volunteer=1),
    ]
    looked = seen("2014-07")
    sums = summed(tallied(facts), windows(terms, looked))
    row = report(terms, sums, {A: 2}, BODIES, looked)["counties"][0]
    assert (row["county"], row["score"], row["rank"]) == (A, 60, 1)
    limited = row["indicators"][2]
    assert (limited["numerator"], limited["denominator"], limited["value"], limited["attainment"]) == (1, 1, 1, 1)
    assert (limited["weight"], limited["points"], limited["note"]) == (20, 20, "sharing_limited")


def test_weights_and_targets_are_shown_as_numbers() -> None:
    looked, terms = seen("2014", "2013-05-05"), [term("roster_fill", "33.335", "0.125")]
    shown_row = report(terms, {}, {}, BODIES, looked)["counties"][0]["indicators"][0]
    assert (shown_row["weight"], shown_row["target"]) == (33.34, 0.125), "33.335 is nearer to an even 33.34"
