"""Numerator and denominator of each indicator, from facts; figures are those of C, A and B."""

from fractions import Fraction

import pytest

from services.appraisal.figures import Figures, Term, added, figures, summed, windows
from services.appraisal.measures import Fact, Kind, Measure, closing_flag, resolution_flag
from tests.appraisal.unit.building import BODIES, A, B, at, day, end_of, fact, figures_of, seen, tallied

YEAR = seen("2014")


def term(indicator: str, days: int = 0, cap: int = 0) -> Term:
    return Term(indicator, Fraction(10), Fraction(1), days, cap)


def registered(n: int, when: str = "2014-01-10", county: str = A, first: int = 1) -> list[Fact]:
    return [fact(Kind.VOLUNTEER_REGISTERED, when, subject=first + i, county=county) for i in range(n)]


def tip(number: int, reported: str, triaged: str | None = None, county: str = A) -> list[Fact]:
    facts = [fact(Kind.TIP_REPORTED, reported, subject=number, county=county)]
    return [*facts, fact(Kind.TIP_TRIAGED, triaged, subject=number, sequence=2)] if triaged else facts


def solved(number: int, reported: str, at: str, outcome: str = "answered", answered: bool = True) -> list[Fact]:
    flag = resolution_flag(outcome, answered)
    return [*tip(number, reported), fact(Kind.TIP_RESOLVED, at, subject=number, flag=flag, sequence=2)]


def case(number: int, opened: str, at: str | None = None, outcome: str = "clarified") -> list[Fact]:
    facts = [fact(Kind.CORRECTION_OPENED, opened, subject=number)]
    closing = fact(Kind.CORRECTION_CLOSED, at or opened, subject=number, flag=closing_flag(outcome), sequence=2)
    return [*facts, closing] if at else facts


def share(number: int, when: str, volunteer: int = 1, county: str = A) -> Fact:
    return fact(Kind.REPOST_LOGGED, when, subject=number, volunteer=volunteer, county=county)


# roster_fill and the stock


def test_roster_fill_is_stock_over_quotas() -> None:
    facts = [*registered(3), *registered(2, county=B, first=10)]
    assert figures_of(term("roster_fill"), facts, YEAR, {A: 4, "359999": 7}) == Figures([0, 3, 2], [0, 4, 0])


def test_the_stock_is_that_of_the_end_of_the_eval_day() -> None:
    facts = [*registered(1), *registered(1, "2014-06-30", first=2), *registered(1, "2014-07-01", first=3)]
    assert figures_of(term("roster_fill"), facts, seen("2014-H1")).numerators == [0, 2, 0]
    assert figures_of(term("roster_fill"), facts, seen("2014-H2")).numerators == [0, 3, 0]
    assert figures_of(term("roster_fill"), facts, seen("2014", end_of("2014-06-29"))).numerators == [0, 1, 0]


def test_volunteers_of_earlier_years_are_in_the_stock() -> None:
    assert figures_of(term("roster_fill"), registered(2, "2009-01-01"), YEAR).numerators == [0, 2, 0]


def test_the_whole_day_of_a_transfer_belongs_to_the_new_county() -> None:
    facts = [*registered(1), fact(Kind.VOLUNTEER_TRANSFERRED, "2014-06-30", county=B, former=A, sequence=2)]
    assert figures_of(term("roster_fill"), facts, seen("2014", end_of("2014-06-29"))).numerators == [0, 1, 0]
    assert figures_of(term("roster_fill"), facts, seen("2014", end_of("2014-06-30"))).numerators == [0, 0, 1]


def test_a_stock_is_never_below_zero_but_a_debt_is_kept() -> None:
    facts = [fact(Kind.VOLUNTEER_LEFT, "2014-02-01", subject=9), *registered(2, "2014-03-01")]
    assert figures_of(term("roster_fill"), facts, seen("2014-02")).numerators == [0, 0, 0]
    assert figures_of(term("roster_fill"), facts, seen("2014-03")).numerators == [0, 1, 0]


def test_a_registration_of_today_counts_from_its_time_on() -> None:
    facts = registered(1, "2014-03-05")
    assert figures_of(term("roster_fill"), facts, seen("2014", "2014-03-05 11:59")).numerators == [0, 0, 0]
    assert figures_of(term("roster_fill"), facts, seen("2014", "2014-03-05 12:00")).numerators == [0, 1, 0]


# training_coverage


def attended(number: int, when: str, volunteer: int, county: str = A) -> Fact:
    return fact(Kind.ATTENDANCE_RECORDED, when, subject=number, volunteer=volunteer, county=county)


def test_training_counts_volunteers_by_the_county_of_the_event() -> None:
    facts = [attended(101, "2014-05-27", 1), attended(102, "2014-08-01", 1), attended(103, "2014-08-01", 1, B)]
    facts += [attended(104, "2014-05-27", 2), *registered(4)]
    assert figures_of(term("training_coverage"), facts, YEAR) == Figures([0, 2, 1], [0, 4, 0])


@pytest.mark.parametrize(
    ("code", "trained"),
    [("2014", 3), ("2014-H1", 2), ("2014-H2", 2), ("2014-Q1", 0), ("2014-Q2", 2), ("2014-05", 1), ("2014-06", 1)],
)
def test_training_is_asked_of_each_length_of_period(code: str, trained: int) -> None:
    facts = [attended(101, "2014-05-27", 1), attended(102, "2014-06-30", 2), attended(103, "2014-07-01", 3)]
    facts += [attended(104, "2014-07-02", 1), attended(105, "2013-12-31", 4), attended(106, "2015-01-01", 5)]
    assert figures_of(term("training_coverage"), facts, seen(code)).numerators == [0, trained, 0]


# Tips


def test_tips_reported_per_hundred_volunteers() -> None:
    facts = [
        *registered(3),
        *tip(101, "2014-01-01 00:00"),
        *tip(102, "2014-12-31 23:59"),
        *tip(103, "2015-01-01 00:00"),
    ]
    found = figures_of(term("tips_reported"), facts, YEAR)
    assert found == Figures([0, 2, 0], [0, 3, 0], parts=100)


def test_a_tip_belongs_to_the_period_in_which_it_falls_due() -> None:
    facts = [
        *tip(101, "2014-06-27", "2014-06-30"),  # due on 30 June
        *tip(102, "2014-06-28", "2014-06-28"),  # due on 1 July, though triaged in June
        *tip(103, "2013-12-29", "2014-01-01"),  # due on 1 January
        *tip(104, "2013-12-28", "2013-12-28"),  # due on 31 December
    ]
    assert figures_of(term("tips_triaged_in_time", 3), facts, seen("2014-H1")) == Figures([0, 2, 0], [0, 2, 0])
    assert figures_of(term("tips_triaged_in_time", 3), facts, seen("2014-H2")) == Figures([0, 1, 0], [0, 1, 0])
    assert figures_of(term("tips_triaged_in_time", 3), facts, seen("2013")) == Figures([0, 1, 0], [0, 1, 0])


def test_in_time_is_by_local_dates_to_the_end_of_the_due_day() -> None:
    facts = [
        *tip(101, "2014-03-01 00:01", "2014-03-04 23:59:59"),
        *tip(102, "2014-03-01 23:59", "2014-03-05 00:00"),
        *tip(103, "2014-03-01 12:00"),
    ]
    assert figures_of(term("tips_triaged_in_time", 3), facts, YEAR) == Figures([0, 1, 0], [0, 3, 0])


def test_a_tip_counts_once_its_due_day_has_ended() -> None:
    facts, asked = tip(101, "2014-03-01", "2014-03-02"), term("tips_triaged_in_time", 3)
    nothing, counted = Figures([0, 0, 0], [0, 0, 0]), Figures([0, 1, 0], [0, 1, 0])
    assert figures_of(asked, facts, seen("2014", "2014-03-04 23:59:59.999999")) == nothing
    assert figures_of(asked, facts, seen("2014", "2014-03-05 00:00")) == counted
    assert figures_of(asked, facts, seen("2014", end_of("2014-03-04"))) == counted
    assert figures_of(asked, facts, seen("2014", end_of("2014-03-03"))) == nothing


def test_before_anything_could_fall_due_nothing_is_asked() -> None:
    assert figures_of(term("tips_triaged_in_time", 3), tip(1, "2013-12-28"), seen("2014", "2014-01-01 08:00")) == (
        Figures([0, 0, 0], [0, 0, 0])
    )


def test_resolved_in_time_leaves_out_what_was_declined_without_answer() -> None:
    facts = [
        *solved(101, "2014-03-01", "2014-03-31"),
        *solved(102, "2014-03-01", "2014-04-01"),  # a day late
        *solved(103, "2014-03-01", "2014-03-02", "declined", answered=False),
        *solved(104, "2014-03-01", "2014-03-02", "declined", answered=True),
        *solved(105, "2014-03-01", "2014-03-02", "referred", answered=False),
    ]
    assert figures_of(term("tips_resolved_in_time", 30), facts, YEAR) == Figures([0, 3, 0], [0, 5, 0])


def test_answers_and_needs_are_those_of_tips_resolved_in_the_period() -> None:
    facts = [
        *solved(101, "2013-11-01", "2014-01-01"),
        *solved(102, "2014-03-01", "2014-03-05", "acted", answered=False),
        *solved(103, "2014-03-01", "2014-03-05", "acted"),
        *solved(104, "2014-12-31", "2015-01-01", "acted"),
    ]
    assert figures_of(term("tips_answered"), facts, YEAR) == Figures([0, 2, 0], [0, 3, 0])
    assert figures_of(term("needs_acted"), facts, YEAR) == Figures([0, 2, 0], None)


# Corrections


def test_cases_closed_without_action_in_time_are_left_out() -> None:
    facts = [
        *case(101, "2014-03-01", "2014-03-11"),
        *case(102, "2014-03-01", "2014-03-12"),
        *case(103, "2014-03-01", "2014-03-11", "no_action"),
        *case(104, "2014-03-01", "2014-03-12", "no_action"),  # too late to be left out
        *case(105, "2014-03-01"),
    ]
    assert figures_of(term("corrections_closed_in_time", 10), facts, YEAR) == Figures([0, 1, 0], [0, 4, 0])


def test_c6_clarified_and_right_fixed_score_equally() -> None:
    asked = term("corrections_closed_in_time", 10)
    found = [
        figures_of(asked, case(101, "2014-03-01", "2014-03-05", outcome), YEAR)
        for outcome in ("clarified", "partly_right_fixed", "right_fixed")
    ]
    assert found == [Figures([0, 1, 0], [0, 1, 0])] * 3


# Sharing and posts


def test_shares_count_up_to_the_cap_per_volunteer_month_and_county() -> None:
    facts = [
        *registered(4),
        *(share(100 + n, "2014-03-05") for n in range(5)),  # 5 in March: 2 count
        share(110, "2014-03-06", volunteer=2),
        share(111, "2014-04-01"),
        *(share(120 + n, "2014-03-07", county=B) for n in range(3)),  # the same volunteer with another county
    ]
    found = figures_of(term("sharing_participation", cap=2), facts, YEAR)
    assert found == Figures([0, 2 + 1 + 1, 2], [0, 2 * 4 * 12, 0])


def test_the_cap_is_of_the_whole_month_and_begins_anew_with_the_next() -> None:
    days = ["2014-03-03", "2014-03-12", "2014-03-31 23:59", "2014-04-01 00:00"]
    shares = [
        fact(Kind.REPOST_LOGGED, day, subject=number, volunteer=1, sequence=number)
        for number, day in enumerate(days, start=1)
    ]
    term = Term("sharing_participation", Fraction(1), Fraction(1), cap=2)
    assert figures_of(term, shares, seen("2014-03")).numerators == [0, 2, 0]
    assert figures_of(term, shares, seen("2014-04")).numerators == [0, 1, 0]
    assert figures_of(term, shares, seen("2014-Q2")).numerators == [0, 1, 0]
    assert figures_of(term, shares, seen("2014")).numerators == [0, 3, 0]


def test_the_stock_of_each_month_is_weighed_by_the_part_of_it_that_has_passed() -> None:
    facts = [
        *registered(3, "2014-07-31"),
        *registered(2, "2014-08-10", first=10),
        *registered(9, "2014-09-16", first=20),
    ]
    found = figures_of(term("sharing_participation", cap=2), facts, seen("2014-Q3", end_of("2014-09-15")))
    # cap 2 * (3 at the end of July + 5 at the end of August + 15/30 * 5 on 15 September) = 21
    assert found.denominators is not None
    assert Fraction(found.denominators[1], found.parts) == 21


def test_only_months_begun_are_asked_about() -> None:
    facts = [*registered(1), share(101, "2014-01-31"), share(102, "2014-02-01")]
    found = figures_of(term("sharing_participation", cap=10), facts, seen("2014", end_of("2014-01-31")))
    assert found == Figures([0, 1, 0], [0, 10, 0])


def test_the_period_is_that_of_the_local_day() -> None:
    facts = [share(101, "2014-06-30 23:59:59"), share(102, "2014-07-01 00:00")]
    assert figures_of(term("sharing_participation", cap=10), facts, seen("2014-Q2")).numerators == [0, 1, 0]
    assert figures_of(term("sharing_participation", cap=10), facts, seen("2014-Q3")).numerators == [0, 1, 0]


def test_posts_are_counted_per_month_passed() -> None:
    facts = [fact(Kind.POST_PUBLISHED, when, subject=n) for n, when in enumerate(["2014-01-05", "2014-02-07"])]
    assert figures_of(term("posts_published"), facts, seen("2014", end_of("2014-02-07"))) == Figures(
        [0, 2, 0], None, divisor=Fraction(5, 4)
    )


# What is asked of the tallies


def test_every_window_is_asked_once_and_stock_days_are_read_once() -> None:
    asked = windows([term("tips_triaged_in_time", 3), term("tips_resolved_in_time", 3)], seen("2014-Q1"))
    assert len(asked) == len(set(asked)) == 3 + 3
    stock = [(window.first, window.last) for window in asked if window.measure == Measure.STOCK]
    assert stock == [
        (day("0001-01-01"), day("2014-01-31")),
        (day("2014-02-01"), day("2014-02-28")),
        (day("2014-03-01"), day("2014-03-31")),
    ]


def test_an_indicator_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError):
        windows([term("shares")], YEAR)


def test_sums_can_be_corrected_by_what_lies_in_the_future() -> None:
    """What a report of now adds: ``of(facts, until) - of(facts)`` of the subjects dated later."""
    looked, asked = seen("2014", "2014-03-05 10:00"), [term("posts_published")]
    facts = [
        fact(Kind.POST_PUBLISHED, when, subject=n) for n, when in enumerate(["2014-03-05 09:00", "2014-03-05 11:00"])
    ]
    wanted = windows(asked, looked)
    early = tallied(facts[1:], looked.until)
    assert early == {}
    correction = {key: -n for key, n in tallied(facts[1:]).items()}
    sums = added(summed(tallied(facts), wanted), summed(correction, wanted))
    assert figures(asked, sums, {}, BODIES, looked)[0].numerators == [0, 1, 0]
    assert figures_of(asked[0], facts, looked).numerators == [0, 1, 0]
    assert looked.until == at("2014-03-05 10:00")
