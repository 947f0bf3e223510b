"""Local days, periods, and the two moments every figure hangs on: `instant` and `eval`."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    # "Dates, days and months are local ...; an event's day is the local date of its `time`."
    return moment.astimezone(zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    # "its end is the first instant of the next day, exclusive" (in UTC)
    return start_of(day + timedelta(days=1), zone)


@dataclass(frozen=True)
class Moment:
    """A point up to which things count: a clock reading (inclusive) or the end of a whole day (exclusive)."""

    at: datetime
    ends_a_day: bool
    zone: ZoneInfo

    @property
    def day(self) -> date:
        """The moment's local date; the end of a day belongs to that day."""
        inside = self.at - timedelta(microseconds=1) if self.ends_a_day else self.at
        return local_day(inside, self.zone)

    def reaches(self, time: datetime) -> bool:
        """Whether something that happened at `time` has happened by this moment."""
        return time < self.at if self.ends_a_day else time <= self.at

    def has_seen_the_end_of(self, day: date) -> bool:
        """Whether that local day has ended by this moment."""
        return end_of(day, self.zone) <= self.at


@dataclass(frozen=True)
class Month:
    """One calendar month, by its first and last day."""

    first: date
    last: date


@dataclass(frozen=True)
class Period:
    # "`P = [start, end]`: the period's first and last day."

    start: date
    end: date

    def months(self) -> list[Month]:
        found: list[Month] = []
        first = self.start
        while first <= self.end:
            last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
            found.append(Month(first, last))
            first = last + timedelta(days=1)
        return found


def period_named(name: str) -> Period:
    # "(`{period}`: `2014`, `2014-H1`, `2014-Q3`, `2014-07`)"; anything else is a ValueError.
    parts = re.fullmatch(r"(\d{4})(?:-(?:H([12])|Q([1-4])|(0[1-9]|1[0-2])))?", name, re.ASCII)
    if parts is None:
        raise ValueError(f"not a period: {name!r}")
    year, half, quarter, month = parts.groups()
    if half:
        first, last = int(half) * 6 - 5, int(half) * 6
    elif quarter:
        first, last = int(quarter) * 3 - 2, int(quarter) * 3
    elif month:
        first = last = int(month)
    else:
        first, last = 1, 12
    return Period(date(int(year), first, 1), date(int(year), last, calendar.monthrange(int(year), last)[1]))


def instant_of(now: datetime, as_of: date | None, zone: ZoneInfo) -> Moment:
    # "`instant`: now, the end of the local day `as_of`, or the closing instant." (pass the last as `now`)
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    if as_of is None:
        return Moment(now.astimezone(UTC), False, zone)
    # "`as_of` is a past or present local date (a later one is refused)"
    if as_of > local_day(now, zone):
        raise ValueError(f"as_of {as_of} lies after today")
    return Moment(end_of(as_of, zone), True, zone)


def eval_of(instant: Moment, period: Period) -> Moment:
    # "`eval`: the earlier of `instant` and the end of day `end`"
    end = Moment(end_of(period.end, instant.zone), True, instant.zone)
    return instant if instant.at < end.at else end


def not_begun(instant: Moment, period: Period) -> bool:
    # "Status is `not_begun` ... while `instant` lies before P."
    return instant.day < period.start


def months_begun(period: Period, evaluated: Moment) -> list[Month]:
    # "a month of P begun by eval"
    return [month for month in period.months() if month.first <= evaluated.day]


def passed(month: Month, evaluated: Moment) -> Fraction:
    # "`f(m)`: the share of month m ... that has passed: days of m up to the eval day, that day included, over all its
    # days; 1 for a whole month."
    last_counted = min(month.last, evaluated.day)
    return Fraction((last_counted - month.first).days + 1, (month.last - month.first).days + 1)
