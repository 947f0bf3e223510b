"""Facts, tallies and reports in few words: counties A and B, city level C, times in the default time zone."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from itertools import count
from uuid import UUID
from zoneinfo import ZoneInfo

from services.appraisal.county_table import Report, report
from services.appraisal.figures import Figures, Term, figures, summed, windows
from services.appraisal.measures import Fact, Kind, TallyKey, of, tallies
from services.appraisal.periods import Evaluation, Moment, Period, evaluation
from services.appraisal.quotas import Body
from services.appraisal.schemes import Scheme

ZONE = ZoneInfo("Asia/Shanghai")
A, B, C = "350902", "350921", "350900"
BODIES = [Body(C, True, {"zh": "宁德"}), Body(A, False, {"zh": "蕉城"}), Body(B, False, {"zh": "霞浦"})]
_ids = count(1)


def at(text: str) -> datetime:
    """A local time: ``2014-03-05`` (noon) or ``2014-03-05 10:00``."""
    return datetime.fromisoformat(text if ":" in text else f"{text} 12:00").replace(tzinfo=ZONE)


def fact(
    kind: Kind,
    when: str,
    *,
    subject: int = 1,
    county: str = A,
    former: str | None = None,
    volunteer: int | None = None,
    sequence: int = 1,
    flag: int = 0,
    id: int | None = None,
) -> Fact:
    """``volunteer`` is needed for shares and attendances only."""
    time = at(when)
    who = None if volunteer is None else UUID(int=volunteer)
    own = UUID(int=next(_ids) + 1_000_000 if id is None else id)
    return Fact(own, kind, UUID(int=subject), county, former, who, time, time.date(), time, sequence, flag)


def day(text: str) -> date:
    return date.fromisoformat(text)


def tallied(facts: Iterable[Fact], until: datetime | None = None) -> dict[TallyKey, int]:
    """The tallies that these facts of any subjects make."""
    subjects: dict[UUID, list[Fact]] = {}
    for each in facts:
        subjects.setdefault(each.subject, []).append(each)
    return tallies(of(of_subject, until) for of_subject in subjects.values())


def seen(code: str, moment: str | Moment | None = None) -> Evaluation:
    """A period looked at from a local time; without one, from the end of its last day."""
    period = Period.parse(code)
    if moment is None:
        moment = Moment.end_of(period.end, ZONE)
    return evaluation(period, Moment(at(moment)) if isinstance(moment, str) else moment, ZONE)


def end_of(text: str) -> Moment:
    return Moment.end_of(day(text), ZONE)


def figures_of(
    term: Term, facts: Iterable[Fact], looked: Evaluation, quotas: Mapping[str, int] | None = None
) -> Figures:
    """One indicator's figures for the bodies C, A and B."""
    sums = summed(tallied(facts, looked.until), windows([term], looked))
    return figures([term], sums, quotas or {}, BODIES, looked)[0]


def report_of(scheme: Scheme, facts: Iterable[Fact], looked: Evaluation, quotas: Mapping[str, int]) -> Report:
    terms = scheme.terms()
    sums = summed(tallied(facts, looked.until), windows(terms, looked))
    return report(terms, sums, quotas, BODIES, looked)
