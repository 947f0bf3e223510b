"""Periods of appraisal, and the moment from which a report looks at one: pure."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

_CODE = re.compile(r"([1-9][0-9]{3})(?:-(?:H([12])|Q([1-4])|(0[1-9]|1[0-2])))?")
_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True)
class Period:
    """``start`` and ``end``: first and last local day, both included."""

    code: str
    start: date
    end: date

    @classmethod
    def parse(cls, code: str) -> Self:
        """Read ``2014``, ``2014-H1``, ``2014-Q3`` or ``2014-07``; ValueError for anything else."""
        match = _CODE.fullmatch(code)
        if match is None or code.startswith("9999"):
            raise ValueError(f"not a period: {code[:20]!r}; write it like 2014, 2014-H1, 2014-Q3 or 2014-07")
        year, half, quarter, month = match.groups()
        if half:
            first, length = 6 * int(half) - 5, 6
        elif quarter:
            first, length = 3 * int(quarter) - 2, 3
        elif month:
            first, length = int(month), 1
        else:
            first, length = 1, 12
        return cls(code, date(int(year), first, 1), _month_end(int(year), first + length - 1))

    @property
    def length(self) -> int:
        """In months: 12, 6, 3 or 1."""
        return self.end.month - self.start.month + 1

    @property
    def months(self) -> list[tuple[date, date]]:
        """First and last day of each month, in order."""
        year = self.start.year
        return [(date(year, m, 1), _month_end(year, m)) for m in range(self.start.month, self.end.month + 1)]

    def neighbour(self, step: int) -> "Period":
        """The period of the same length ``step`` further on, or back. ValueError beyond the years that can be written."""
        at = (self.start.year * 12 + self.start.month - 1) // self.length + step
        year, place = divmod(at, 12 // self.length)
        part = {12: "", 6: f"-H{place + 1}", 3: f"-Q{place + 1}", 1: f"-{place + 1:02}"}[self.length]
        return Period.parse(f"{year:04}{part}")

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The first instant of the period, and the first instant after it."""
        return start_of(self.start, zone), start_of(self.end + _DAY, zone)


def _month_end(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


class Moment(NamedTuple):
    """Up to where times count: all before ``at``, and ``at`` itself unless it is the end of a day."""

    at: datetime
    ends_day: bool = False

    @classmethod
    def end_of(cls, day: date, zone: ZoneInfo) -> Self:
        """The end of a local day: the first instant of the next one, which no longer counts."""
        return cls(start_of(day + _DAY, zone), ends_day=True)

    @property
    def last(self) -> datetime:
        """The last time that counts; times have microseconds and nothing finer."""
        return self.at - _TICK if self.ends_day else self.at


class Month(NamedTuple):
    """A month of the period that has begun. ``counted_to``: its last day, or the eval day if that is earlier."""

    first: date
    counted_to: date
    passed: Fraction


@dataclass(frozen=True)
class Evaluation:
    """A period seen from a moment. ``until``: the last time that counts into it; ``day``: the eval day; ``due_until``:
    the last local day that has ended by then; ``months``: those begun. Where not ``begun``, only that is of use."""

    period: Period
    begun: bool
    until: datetime
    day: date
    due_until: date
    months: tuple[Month, ...]

    @property
    def months_passed(self) -> Fraction:
        """How many months of the period have passed, a running one in part."""
        return sum((month.passed for month in self.months), Fraction(0))


def evaluation(period: Period, instant: Moment, zone: ZoneInfo) -> Evaluation:
    """``instant``: ``Moment(now)``, ``Moment(closing instant)`` or ``Moment.end_of(as_of day, zone)``; aware times."""
    seen = min(instant, Moment.end_of(period.end, zone), key=lambda moment: (moment.at, not moment.ends_day))
    day = seen.last.astimezone(zone).date()
    months = (
        Month(first, min(last, day), Fraction((min(last, day) - first).days + 1, last.day))
        for first, last in period.months
        if first <= day
    )
    due_until = day if seen.ends_day else day - _DAY
    return Evaluation(period, day >= period.start, seen.last, day, due_until, tuple(months))
