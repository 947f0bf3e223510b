"""What training takes and refuses: pure decisions."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.training.rules import Attendance, Counted, Missing, Session, is_timely, judge
from shared.contracts.refusals import Refusal
from shared.roster_view.rules import Movement

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2014, 9, 29, 12, tzinfo=SHANGHAI)
HELD = Session(venue_count=10, cancelled=False)
REGISTERED = Movement(1, date(2014, 5, 1), "350902-01", "350902")


def attendance(**change: Any) -> Attendance:
    told: dict[str, Any] = {"venue_no": 10, "hours": 3.5, "held_on": date(2014, 5, 27)}
    return Attendance(UUID(int=1), UUID(int=2), **(told | change))


def judged(told: Attendance, session: Session | None = HELD, movements: Any = (REGISTERED,)) -> Any:
    verdict = judge(told, session, movements, NOW, SHANGHAI)
    match verdict:
        case Refusal():
            return verdict.code, verdict.pointer
        case Missing(what, refusal):
            return "missing", what, refusal.code
        case _:
            return verdict


def test_an_attendance_counts_for_the_county_on_its_day() -> None:
    assert judged(attendance()) == Counted("350902")
    moved = (REGISTERED, Movement(2, date(2014, 5, 27), "350921", "350921"))
    assert judged(attendance(), movements=moved) == Counted("350921")
    assert judged(attendance(held_on=date(2014, 5, 26)), movements=moved) == Counted("350902")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"held_on": date(2014, 10, 1)}, ("time_out_of_range", "/held_on")),
        ({"held_on": date(1999, 12, 31)}, ("time_out_of_range", "/held_on")),
        ({"held_on": date(2014, 4, 30)}, ("volunteer_not_active", "/volunteer_id")),
        ({"hours": 0}, ("schema", "/hours")),
        ({"hours": 24.5}, ("schema", "/hours")),
        ({"venue_no": 0}, ("schema", "/venue_no")),
        ({"venue_no": 11}, ("schema", "/venue_no")),
    ],
)
def test_attendances_refused(change: dict[str, Any], refusal: Any) -> None:
    assert judged(attendance(**change)) == refusal


def test_the_edges_are_taken() -> None:
    assert isinstance(judged(attendance(held_on=date(2014, 9, 30), hours=24, venue_no=1)), Counted)


def test_nothing_can_be_reported_of_a_cancelled_session() -> None:
    assert judged(attendance(), Session(10, cancelled=True)) == ("unknown_session", "/session_id")


def test_what_may_still_come_is_missing() -> None:
    assert judged(attendance(), None) == ("missing", "session", "unknown_session")
    assert judged(attendance(), movements=()) == ("missing", "volunteer", "unknown_volunteer")
    # A departure may be seen before the registration it follows.
    assert judged(attendance(), movements=(Movement(2, date(2014, 8, 1), None, "350902"),))[1] == "volunteer"


def test_what_is_certainly_wrong_is_not_waited_for() -> None:
    assert judged(attendance(hours=25), None, ()) == ("schema", "/hours")
    assert judged(attendance(venue_no=11), movements=()) == ("schema", "/venue_no")
    assert judged(attendance(), Session(10, cancelled=True), ()) == ("unknown_session", "/session_id")
    assert judged(attendance(held_on=date(2014, 4, 30)), None) == ("volunteer_not_active", "/volunteer_id")


@given(st.datetimes(timezones=st.just(UTC)))
def test_timely_means_from_2000_to_a_day_ahead(when: datetime) -> None:
    assert is_timely(when, NOW) == (datetime(2000, 1, 1, tzinfo=UTC) <= when <= NOW + timedelta(days=1))


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(told: Any, rng: Any) -> None:
    movements = [
        Movement(number, date(2014, 4, 27) + timedelta(days=day), "350902" if enters else None, "350902")
        for number, (day, enters) in enumerate(told, 1)
    ]
    first = judged(attendance(), HELD, movements)
    rng.shuffle(movements)
    assert judged(attendance(), HELD, movements) == first
