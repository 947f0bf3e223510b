"""Who may be registered, moved, disclosed: pure decisions."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.roster import rules
from services.roster.rules import Volunteer
from shared.contracts.refusals import Refusal

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2014, 9, 29, 12, tzinfo=SHANGHAI)
MAY = date(2014, 5, 1)
DAYS = st.dates(date(2014, 1, 1), date(2014, 12, 31))


def volunteer(state: Any = "registered", moved_on: date | None = MAY) -> Volunteer:
    return Volunteer(UUID(int=1), "350902", "county", "reviewer", state, moved_on, 1)


def why(refusal: Refusal | None) -> tuple[str, str | None] | None:
    return None if refusal is None else (refusal.code, refusal.pointer)


def test_c1_consent_comes_before_registration() -> None:
    assert rules.may_consent(MAY, MAY) is None
    assert rules.may_consent(MAY - timedelta(days=1), MAY) is None
    for consented_on in (None, MAY + timedelta(days=1)):
        assert why(rules.may_consent(consented_on, MAY)) == ("no_consent", "/consented_on")


def test_c1_who_leaves_can_leave_today() -> None:
    today = MAY + timedelta(days=30)
    assert rules.leaving_day(volunteer(), today) == today
    # Registered for tomorrow, and no longer wanting to: nothing holds anybody.
    tomorrow = today + timedelta(days=1)
    ahead = volunteer(moved_on=tomorrow)
    assert rules.leaving_day(ahead, today) == tomorrow
    assert rules.may_move(ahead, rules.leaving_day(ahead, today), "/left_on") is None


@pytest.mark.parametrize(
    ("state", "register", "decline", "move"),
    [
        ("nominated", True, True, False),
        ("registered", False, False, True),
        ("declined", False, False, False),
        ("left", True, False, False),
    ],
)
def test_what_each_state_allows(state: Any, register: bool, decline: bool, move: bool) -> None:
    someone = volunteer(state)
    told = (rules.may_register(someone, MAY), rules.may_decline(someone), rules.may_move(someone, MAY, "/left_on"))
    assert [refusal is None for refusal in told] == [register, decline, move]
    assert {refusal.code for refusal in told if refusal} <= {"invalid_state"}


def test_movements_in_date_order() -> None:
    before = MAY - timedelta(days=1)
    assert why(rules.may_move(volunteer(), before, "/left_on")) == ("out_of_order_date", "/left_on")
    assert why(rules.may_register(volunteer("left"), before)) == ("out_of_order_date", "/registered_on")
    assert rules.may_move(volunteer(), MAY, "/left_on") is None  # on the same day, one after the other


@pytest.mark.parametrize(
    ("day", "timely"),
    [
        (date(1999, 12, 31), False),
        (date(2000, 1, 2), True),
        (date(2014, 9, 30), True),
        (date(2014, 10, 1), False),
        (date.min, False),
        (date.max, False),
    ],
)
def test_days_from_2000_to_tomorrow(day: date, timely: bool) -> None:
    refusal = rules.timely_day(day, NOW, SHANGHAI, "/left_on")
    assert why(refusal) == (None if timely else ("time_out_of_range", "/left_on"))


def test_a_disclosure_was_made_and_seen() -> None:
    past, future = NOW - timedelta(days=1), NOW + timedelta(seconds=1)
    assert rules.may_disclose(past, NOW, NOW) is None
    assert rules.may_disclose(NOW, past, NOW) is None
    assert why(rules.may_disclose(future, past, NOW)) == ("time_out_of_range", "/disclosed_at")
    assert why(rules.may_disclose(past, future, NOW)) == ("time_out_of_range", "/verified_at")
    ancient = datetime(1999, 12, 31, tzinfo=UTC)
    assert why(rules.may_disclose(ancient, NOW, NOW)) == ("time_out_of_range", "/disclosed_at")


@pytest.mark.parametrize(
    ("quota", "room"),
    [(None, True), (0, False), (5, False), (6, True)],
)
def test_a_quota_counts_its_year_and_those_who_stayed(quota: int | None, room: bool) -> None:
    assert rules.has_room(quota, {2013: 2, 2014: 3, 2015: 9}, 2014) is room


def test_a_unit_is_no_part_of_itself() -> None:
    assert rules.may_belong("350902-1", {"350902", "350900"}) is None
    assert why(rules.may_belong("350902", {"350902-1", "350902"})) == ("schema", "/parent_id")


@pytest.mark.parametrize("kind", ["county", "city"])
def test_a_county_has_its_code(kind: Any) -> None:
    assert rules.may_define("350902", kind, "350902") is None
    assert why(rules.may_define("350902-1", kind, "350902")) == ("schema", "/unit_id")
    assert rules.may_define("350902-1", "township", "350902") is None


@pytest.mark.parametrize("row_ref", ["1", "r1", "350981-C-017", "350981-C-017-2", "2014/05.3_a", "20140501"])
def test_references_that_are_codes(row_ref: str) -> None:
    assert rules.may_refer(row_ref) is None


@pytest.mark.parametrize(
    ("row_ref", "code"),
    [
        ("张三", "schema"),
        ("a b", "schema"),
        ("-1", "schema"),
        ("x" * 41, "schema"),
        ("13800138000", "personal_data"),
        ("no-13800138000", "personal_data"),
        ("35090219900101001X", "personal_data"),
        ("350902900101001", "personal_data"),
    ],
)
def test_references_that_are_somebodys(row_ref: str, code: str) -> None:
    refusal = rules.may_refer(row_ref)
    assert why(refusal) == (code, "/row_ref")
    assert refusal is not None
    assert row_ref not in str(refusal.message)


@given(st.lists(st.tuples(DAYS, st.sampled_from("ABC"))), DAYS)
def test_the_unit_of_a_day_is_that_of_the_last_movement(movements: list[tuple[date, str]], day: date) -> None:
    movements.sort(key=lambda movement: movement[0])
    expected = movements[0][1] if movements else "D"
    for moved_on, unit_id in movements:
        if moved_on <= day:
            expected = unit_id
    assert rules.unit_on(movements, day, "D") == expected
