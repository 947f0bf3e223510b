"""What the facts of one subject add to the tallies, rule by rule."""

from typing import Any
from uuid import UUID

import pytest

from services.appraisal.measures import (
    NOTHING,
    Contribution,
    Fact,
    Flag,
    Kind,
    Measure,
    PersonKey,
    TallyKey,
    closing_flag,
    of,
    of_one,
    of_person,
    person_change,
    resolution_flag,
)
from tests.appraisal.unit.building import A, B, at, day, fact, tallied

ACTED = int(Flag.ACTED | Flag.ANSWERED)
REGISTERED, TRANSFERRED, LEFT = Kind.VOLUNTEER_REGISTERED, Kind.VOLUNTEER_TRANSFERRED, Kind.VOLUNTEER_LEFT


def counts(facts: list[Fact], until: str | None = None) -> dict[tuple[Measure, str, str, int], int]:
    contribution = of(facts, at(until) if until else None)
    assert not contribution.persons
    return {
        (Measure(key.measure), key.county, key.day.isoformat(), key.bucket): n for key, n in contribution.counts.items()
    }


def tip(when: str = "2014-03-05 10:00", **more: Any) -> Fact:
    return fact(Kind.TIP_REPORTED, when, **more)


def triaged(when: str, **more: Any) -> Fact:
    return fact(Kind.TIP_TRIAGED, when, county=B, **more)  # its county is not asked


def resolved(when: str, flag: int = int(Flag.ANSWERED), **more: Any) -> Fact:
    return fact(Kind.TIP_RESOLVED, when, county=B, flag=flag, **more)


REPORTED_5TH = {(Measure.TIP_REPORTED, A, "2014-03-05", 0): 1}


# Movements


def test_registering_adds_to_the_stock_of_the_day() -> None:
    assert counts([fact(REGISTERED, "2014-05-01")]) == {(Measure.STOCK, A, "2014-05-01", 0): 1}


def test_leaving_takes_from_the_stock_of_its_own_county() -> None:
    facts = [fact(REGISTERED, "2014-05-01", sequence=1), fact(LEFT, "2014-06-01", county=B, sequence=2)]
    assert counts(facts) == {(Measure.STOCK, A, "2014-05-01", 0): 1, (Measure.STOCK, B, "2014-06-01", 0): -1}


def test_a_transfer_moves_one_from_the_former_to_the_new_county() -> None:
    assert counts([fact(TRANSFERRED, "2014-06-01", county=B, former=A)]) == {
        (Measure.STOCK, A, "2014-06-01", 0): -1,
        (Measure.STOCK, B, "2014-06-01", 0): 1,
    }


def test_a_transfer_within_a_county_changes_nothing() -> None:
    assert counts([fact(TRANSFERRED, "2014-06-01", county=A, former=A)]) == {}


def test_movements_of_one_day_that_cancel_out_leave_nothing() -> None:
    assert counts([fact(REGISTERED, "2014-05-01"), fact(LEFT, "2014-05-01", sequence=2)]) == {}


def test_of_two_registrations_in_a_row_the_lower_sequence_counts() -> None:
    first, second = fact(REGISTERED, "2014-05-01", sequence=3), fact(REGISTERED, "2014-04-01", county=B, sequence=4)
    assert counts([first, second]) == counts([second, first]) == counts([first])


def test_a_transfer_between_them_does_not_make_a_second_registration_a_first() -> None:
    first = fact(REGISTERED, "2014-05-01", sequence=1)
    transfer = fact(TRANSFERRED, "2014-05-02", county=B, former=A, sequence=2)
    second = fact(REGISTERED, "2014-05-03", county=B, sequence=3)
    assert counts([second, transfer, first]) == counts([first, transfer])


def test_equal_sequences_are_told_apart_by_id() -> None:
    first, second = fact(REGISTERED, "2014-05-01", id=10), fact(REGISTERED, "2014-04-01", id=11)
    assert counts([second, first]) == counts([first])


def test_of_two_departures_in_a_row_the_lower_sequence_counts() -> None:
    first, second = fact(LEFT, "2014-05-02", sequence=2), fact(LEFT, "2014-05-03", sequence=3)
    registered = fact(REGISTERED, "2014-05-01", sequence=1)
    assert counts([second, registered, first]) == counts([registered, first])


def test_who_left_may_be_registered_again() -> None:
    facts = [
        fact(REGISTERED, "2014-05-01", sequence=1),
        fact(LEFT, "2014-05-02", sequence=2),
        fact(REGISTERED, "2014-05-03", county=B, sequence=3),
    ]
    assert counts(facts) == {
        (Measure.STOCK, A, "2014-05-01", 0): 1,
        (Measure.STOCK, A, "2014-05-02", 0): -1,
        (Measure.STOCK, B, "2014-05-03", 0): 1,
    }


def test_a_departure_without_a_known_registration_counts_by_the_formula() -> None:
    assert counts([fact(LEFT, "2014-05-02")]) == {(Measure.STOCK, A, "2014-05-02", 0): -1}


def test_the_telling_is_chosen_before_times_are_cut() -> None:
    late, early = fact(REGISTERED, "2014-05-09", sequence=1), fact(REGISTERED, "2014-05-01", sequence=2)
    assert counts([late, early], until="2014-05-05") == {}


# Tips


def test_a_tip_alone_counts_as_reported() -> None:
    assert counts([tip()]) == REPORTED_5TH


@pytest.mark.parametrize(
    ("when", "waited"),
    [
        ("2014-03-05 23:59", 0),
        ("2014-03-06 00:00", 1),
        ("2014-03-08 23:59", 3),
        ("2014-03-05 09:00", 0),
        ("2014-03-04 09:00", 0),
        ("2015-03-06", 366),
    ],
)
def test_a_triage_is_counted_on_the_day_of_the_report_by_days_waited(when: str, waited: int) -> None:
    assert counts([triaged(when), tip()]) == {**REPORTED_5TH, (Measure.TIP_TRIAGED, A, "2014-03-05", waited): 1}


def test_a_wait_that_no_scheme_may_ask_about_is_not_kept() -> None:
    assert counts([tip(), triaged("2015-03-07")]) == REPORTED_5TH


def test_a_resolution_counts_by_days_waited_and_on_its_own_day() -> None:
    assert counts([tip(), resolved("2014-03-25", flag=resolution_flag("acted", True))]) == {
        **REPORTED_5TH,
        (Measure.TIP_RESOLVED_IN_TIME, A, "2014-03-05", 20): 1,
        (Measure.TIP_RESOLVED, A, "2014-03-25", 0): 1,
        (Measure.TIP_ANSWERED, A, "2014-03-25", 0): 1,
        (Measure.NEED_ACTED, A, "2014-03-25", 0): 1,
    }


def test_declined_without_an_answer_is_resolved_but_never_in_time() -> None:
    assert counts([tip(), resolved("2014-03-06", flag=resolution_flag("declined", False))]) == {
        **REPORTED_5TH,
        (Measure.TIP_RESOLVED, A, "2014-03-06", 0): 1,
    }


def test_declined_with_an_answer_is_in_time() -> None:
    assert counts([tip(), resolved("2014-03-06", flag=resolution_flag("declined", True))]) == {
        **REPORTED_5TH,
        (Measure.TIP_RESOLVED_IN_TIME, A, "2014-03-05", 1): 1,
        (Measure.TIP_RESOLVED, A, "2014-03-06", 0): 1,
        (Measure.TIP_ANSWERED, A, "2014-03-06", 0): 1,
    }


def test_referred_without_an_answer_is_in_time_but_not_answered() -> None:
    assert counts([tip(), resolved("2014-03-06", flag=resolution_flag("referred", False))]) == {
        **REPORTED_5TH,
        (Measure.TIP_RESOLVED_IN_TIME, A, "2014-03-05", 1): 1,
        (Measure.TIP_RESOLVED, A, "2014-03-06", 0): 1,
    }


def test_answered_is_the_field_not_the_outcome_of_that_name() -> None:
    assert resolution_flag("answered", False) == 0
    assert resolution_flag("answered", True) == resolution_flag("referred", True) == Flag.ANSWERED


def test_triage_and_resolution_wait_for_their_report() -> None:
    assert counts([triaged("2014-03-06"), resolved("2014-03-07")]) == {}


def test_a_voided_tip_counts_nowhere() -> None:
    void = fact(Kind.TIP_VOIDED, "2014-03-04")
    assert counts([tip(), triaged("2014-03-06"), resolved("2014-03-07"), void]) == {}
    assert counts([void, tip()]) == {}
    assert counts([void]) == {}


def test_of_two_tellings_of_a_report_the_lower_sequence_gives_county_and_day() -> None:
    second = fact(Kind.TIP_REPORTED, "2014-03-01", county=B, sequence=2)
    assert counts([second, tip(), triaged("2014-03-06", sequence=3)]) == {
        **REPORTED_5TH,
        (Measure.TIP_TRIAGED, A, "2014-03-05", 1): 1,
    }


def test_of_two_resolutions_the_lower_sequence_counts_not_the_earlier_one() -> None:
    facts = [
        tip(),
        resolved("2014-03-10", flag=0, sequence=2),
        resolved("2014-03-06", flag=ACTED, sequence=3),
    ]
    assert counts(facts) == {
        **REPORTED_5TH,
        (Measure.TIP_RESOLVED_IN_TIME, A, "2014-03-05", 5): 1,
        (Measure.TIP_RESOLVED, A, "2014-03-10", 0): 1,
    }


def test_what_lies_after_until_is_dropped_and_what_depends_on_it() -> None:
    facts = [tip(), triaged("2014-03-06 12:00")]
    assert counts(facts, until="2014-03-06 11:59") == REPORTED_5TH
    assert counts(facts, until="2014-03-06 12:00") == counts(facts)
    assert counts(facts, until="2014-03-05 09:00") == {}
    assert counts([tip("2014-03-07"), triaged("2014-03-06")], until="2014-03-06 18:00") == {}


def test_a_second_telling_does_not_step_in_for_one_that_is_cut() -> None:
    facts = [tip(), triaged("2014-03-09", sequence=2), triaged("2014-03-06", sequence=3)]
    assert counts(facts, until="2014-03-07") == REPORTED_5TH


def test_an_undoing_counts_whatever_its_time() -> None:
    assert counts([tip(), fact(Kind.TIP_VOIDED, "2014-04-01")], until="2014-03-06") == {}


# Cases


def case(when: str = "2014-07-20 09:00", **more: Any) -> Fact:
    return fact(Kind.CORRECTION_OPENED, when, **more)


def closed(when: str, outcome: str = "clarified", **more: Any) -> Fact:
    return fact(Kind.CORRECTION_CLOSED, when, county=B, flag=closing_flag(outcome), **more)


OPENED_20TH = {(Measure.CASE_OPENED, A, "2014-07-20", 0): 1}


def test_a_case_counts_as_opened_then_by_days_until_it_was_closed() -> None:
    assert counts([case()]) == OPENED_20TH
    assert counts([case(), closed("2014-07-30 23:00")]) == {
        **OPENED_20TH,
        (Measure.CASE_CLOSED, A, "2014-07-20", 10): 1,
    }
    assert counts([closed("2014-07-30")]) == {}


def test_c6_that_the_report_was_right_is_worth_as_much_as_a_clarification() -> None:
    assert closing_flag("clarified") == closing_flag("right_fixed") == closing_flag("partly_right_fixed")
    for outcome in ("right_fixed", "partly_right_fixed"):
        assert counts([case(), closed("2014-07-25", outcome)]) == counts([case(), closed("2014-07-25")])


def test_a_case_closed_without_action_is_told_apart() -> None:
    assert counts([case(), closed("2014-07-21", "no_action")]) == {
        **OPENED_20TH,
        (Measure.CASE_NO_ACTION, A, "2014-07-20", 1): 1,
    }


# Posts, shares, attendances


def test_a_post_counts_on_its_day_unless_withdrawn() -> None:
    post = fact(Kind.POST_PUBLISHED, "2014-08-01")
    assert counts([post]) == {(Measure.POST, A, "2014-08-01", 0): 1}
    assert counts([fact(Kind.POST_WITHDRAWN, "2014-09-01"), post]) == {}


def test_a_share_counts_for_its_volunteer_month_and_county_unless_voided() -> None:
    share = fact(Kind.REPOST_LOGGED, "2014-08-31 23:59", volunteer=7)
    counted = {PersonKey(Measure.SHARE, UUID(int=7), A, day("2014-08-01")): 1}
    void = fact(Kind.REPOST_VOIDED, "2014-10-01", volunteer=7)
    assert of([share]) == ({}, counted)
    assert of([share, share]) == ({}, counted), "a copy"
    assert of([share, fact(Kind.REPOST_LOGGED, "2014-09-01", volunteer=8, sequence=2)]) == ({}, counted)
    assert of([share, void]) == of([void, share]) == of([void]) == NOTHING
    assert of([share], until=at("2014-08-31")) == NOTHING


def test_an_attendance_counts_in_its_month_quarter_half_and_year() -> None:
    seven = UUID(int=7)
    attendance = fact(Kind.ATTENDANCE_RECORDED, "2014-11-20", volunteer=7, county=B)
    assert of([attendance]).persons == {
        PersonKey(Measure.TRAINED_MONTH, seven, B, day("2014-11-01")): 1,
        PersonKey(Measure.TRAINED_QUARTER, seven, B, day("2014-10-01")): 1,
        PersonKey(Measure.TRAINED_HALF, seven, B, day("2014-07-01")): 1,
        PersonKey(Measure.TRAINED_YEAR, seven, B, day("2014-01-01")): 1,
    }
    assert of([attendance, fact(Kind.ATTENDANCE_VOIDED, "2014-12-01", volunteer=7)]) == NOTHING


def test_shares_of_a_volunteer_fill_buckets_from_the_first_up_to_ten() -> None:
    assert of_person(Measure.SHARE, 0) == {}
    assert of_person(Measure.SHARE, 3) == {1: 1, 2: 1, 3: 1}
    assert of_person(Measure.SHARE, 25) == dict.fromkeys(range(1, 11), 1)


def test_a_volunteer_is_trained_once_however_often() -> None:
    assert of_person(Measure.TRAINED_YEAR, 0) == {}
    assert of_person(Measure.TRAINED_YEAR, 1) == of_person(Measure.TRAINED_YEAR, 9) == {0: 1}


def test_a_change_touches_only_the_buckets_between() -> None:
    assert person_change(Measure.SHARE, 1, 3) == {2: 1, 3: 1}
    assert person_change(Measure.SHARE, 3, 1) == {2: -1, 3: -1}
    assert person_change(Measure.SHARE, 9, 12) == {10: 1}
    assert person_change(Measure.SHARE, 12, 11) == {}
    assert person_change(Measure.TRAINED_HALF, 0, 2) == {0: 1}
    assert person_change(Measure.TRAINED_HALF, 2, 0) == {0: -1}
    assert person_change(Measure.TRAINED_HALF, 1, 2) == {}


def test_tallies_put_volunteers_together() -> None:
    facts = [fact(Kind.REPOST_LOGGED, "2014-08-02", subject=n, volunteer=7 + n // 3) for n in range(4)]
    assert tallied(facts) == {
        TallyKey(Measure.SHARE, A, day("2014-08-01"), 1): 2,
        TallyKey(Measure.SHARE, A, day("2014-08-01"), 2): 1,
        TallyKey(Measure.SHARE, A, day("2014-08-01"), 3): 1,
    }


# Whatever comes


@pytest.mark.parametrize("kind", list(Kind))
def test_one_fact_alone_takes_the_short_way_to_the_same(kind: Kind) -> None:
    alone = fact(kind, "2014-08-02", former=B, volunteer=7, flag=int(Flag.ACTED))
    assert of_one(alone) == of([alone, alone]) == of([alone], until=at("2014-12-31"))


def test_a_kind_that_is_not_counted_adds_nothing() -> None:
    unknown = fact(Kind.TIP_REPORTED, "2014-08-02")._replace(kind=99)
    assert of([unknown]) == of([unknown, unknown]) == of([]) == NOTHING


def test_things_of_several_kinds_may_have_one_id() -> None:
    facts = [tip(), case(), fact(Kind.REPOST_LOGGED, "2014-08-02", volunteer=7), fact(Kind.TIP_VOIDED, "2014-08-02")]
    assert of(facts) == Contribution(of([facts[1]]).counts, of([facts[2]]).persons)
