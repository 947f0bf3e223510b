"""Which days a period has, and what is known of it at a moment."""

from datetime import UTC, date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from services.appraisal.periods import Moment, Period, evaluation, start_of
from tests.appraisal.unit.building import ZONE, at, day, end_of, seen


@pytest.mark.parametrize(
    ("code", "start", "end", "months"),
    [
        ("2014", "2014-01-01", "2014-12-31", 12),
        ("2014-H1", "2014-01-01", "2014-06-30", 6),
        ("2014-H2", "2014-07-01", "2014-12-31", 6),
        ("2014-Q1", "2014-01-01", "2014-03-31", 3),
        ("2014-Q3", "2014-07-01", "2014-09-30", 3),
        ("2014-Q4", "2014-10-01", "2014-12-31", 3),
        ("2014-07", "2014-07-01", "2014-07-31", 1),
        ("2012-02", "2012-02-01", "2012-02-29", 1),
        ("2014-12", "2014-12-01", "2014-12-31", 1),
    ],
)
def test_a_code_names_whole_months(code: str, start: str, end: str, months: int) -> None:
    period = Period.parse(code)
    assert (period.code, period.start, period.end) == (code, day(start), day(end))
    assert period.length == len(period.months) == months
    assert period.months[0][0] == period.start
    assert period.months[-1][1] == period.end


def test_months_are_given_with_first_and_last_day() -> None:
    assert Period.parse("2014-Q1").months == [
        (date(2014, 1, 1), date(2014, 1, 31)),
        (date(2014, 2, 1), date(2014, 2, 28)),
        (date(2014, 3, 1), date(2014, 3, 31)),
    ]


@pytest.mark.parametrize(
    "code",
    [
        "",
        "14",
        "20145",
        "0014",
        "9999",
        "２０１４",
        " 2014",
        "2014\n",
        "2014-",
        "2014-Q",
        "2014-07-01",
        "2014-H0",
        "2014-H3",
        "2014-h1",
        "2014-H1 ",
        "2014-Q0",
        "2014-Q5",
        "2014-00",
        "2014-13",
        "2014-7",
    ],
)
def test_other_codes_are_refused(code: str) -> None:
    with pytest.raises(ValueError):
        Period.parse(code)


def test_bounds_are_local_midnights_the_second_one_outside() -> None:
    assert Period.parse("2014").bounds(ZONE) == (
        datetime(2013, 12, 31, 16, tzinfo=UTC),
        datetime(2014, 12, 31, 16, tzinfo=UTC),
    )


def test_a_day_without_midnight_begins_when_the_clocks_went_forward() -> None:
    # São Paulo, 19 October 2014: 23:59:59 was followed by 01:00:00.
    assert start_of(date(2014, 10, 19), ZoneInfo("America/Sao_Paulo")) == datetime(2014, 10, 19, 3, tzinfo=UTC)


def test_a_running_period_is_seen_up_to_now() -> None:
    looked = seen("2014", "2014-09-15 10:30")
    assert looked.begun
    assert looked.until == at("2014-09-15 10:30")
    assert looked.day == day("2014-09-15")
    assert looked.due_until == day("2014-09-14"), "today has not ended"
    assert len(looked.months) == 9
    assert looked.months[7] == (day("2014-08-01"), day("2014-08-31"), 1)
    assert looked.months[8] == (day("2014-09-01"), day("2014-09-15"), Fraction(15, 30))
    assert looked.months_passed == Fraction(17, 2)


def test_the_end_of_a_day_includes_it_whole() -> None:
    looked = seen("2014", end_of("2014-09-29"))
    assert looked.until == at("2014-09-29 23:59:59.999999")
    assert looked.day == looked.due_until == day("2014-09-29")
    assert looked.months[-1].passed == Fraction(29, 30)


def test_after_its_end_a_period_is_seen_at_its_end() -> None:
    for moment in ("2015-01-01 00:00", "2016-05-05"):
        looked = seen("2014", moment)
        assert looked.until == at("2014-12-31 23:59:59.999999")
        assert looked.day == looked.due_until == day("2014-12-31")
        assert looked.months_passed == 12


def test_the_last_microsecond_of_a_period_is_not_yet_its_end() -> None:
    looked = seen("2014-07", "2014-07-31 23:59:59.999999")
    assert looked.day == day("2014-07-31")
    assert looked.due_until == day("2014-07-30")
    assert seen("2014-07", "2014-08-01 00:00").due_until == day("2014-07-31")


def test_midnight_belongs_to_the_day_that_begins() -> None:
    looked = seen("2014", "2014-09-01 00:00")
    assert looked.day == day("2014-09-01")
    assert looked.due_until == day("2014-08-31")
    assert looked.months[-1].passed == Fraction(1, 30), "the eval day is included"


def test_a_period_has_begun_at_its_first_instant() -> None:
    assert not seen("2014-07", "2014-06-30 23:59:59.999999").begun
    assert not seen("2014-07", end_of("2014-06-30")).begun
    assert seen("2014-07", "2014-07-01 00:00").begun
    assert seen("2014-07", end_of("2014-07-01")).begun


def test_days_are_those_of_the_time_zone() -> None:
    moment = Moment(datetime(2014, 7, 1, 1, tzinfo=UTC))
    assert evaluation(Period.parse("2014"), moment, ZoneInfo("America/Lima")).day == date(2014, 6, 30)
    assert evaluation(Period.parse("2014"), moment, ZONE).day == date(2014, 7, 1)
