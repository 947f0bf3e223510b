"""The report of a period: which scheme, which moment, what is read, what is shown."""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import rfc8785

from services.appraisal import queries, scoring
from services.appraisal.evidence import KINDS, Evidence, evidence
from services.appraisal.figures import windows
from services.appraisal.periods import Evaluation, Moment, Period, evaluation
from services.appraisal.quotas import Setting
from services.appraisal.schemes import DEFAULT, Scheme
from services.appraisal.storage import KIND_OF
from shared.contracts.envelope import rfc3339
from shared.contracts.refusals import Refusal
from shared.contracts.roster import QuotaSet
from shared.contracts.topics import events_topic
from shared.postgres import Connection


@dataclass(frozen=True)
class Question:
    """What is asked: a period, seen at a moment, under a scheme. ``as_of``: only what was recorded by that day's end."""

    period: Period
    scheme: Scheme
    as_of: date | None
    moment: Moment
    seen: Evaluation

    @property
    def status(self) -> str:
        return "running" if self.seen.begun else "not_begun"


def question(code: str, scheme: str | None, as_of: date | None, now: datetime, zone: ZoneInfo) -> Question:
    """Raises Refusal: not_found for a code that is no period, schema for a scheme not known or a day to come."""
    try:
        period = Period.parse(code)
    except ValueError:
        raise Refusal("not_found", pointer="path:period") from None
    if as_of is not None and as_of > now.astimezone(zone).date():
        raise Refusal("schema", pointer="query:as_of", reason="a past or the present day")
    if scheme not in (None, DEFAULT.scheme_id, f"{DEFAULT.scheme_id}@{DEFAULT.version}"):
        raise Refusal("schema", pointer="query:scheme", reason=f"known is {DEFAULT.scheme_id}@{DEFAULT.version}")
    moment = Moment(now) if as_of is None else Moment.end_of(as_of, zone)
    return Question(period, DEFAULT, as_of, moment, evaluation(period, moment, zone))


def under(asked: Question, scheme: Scheme) -> Question:
    """The same question under another scheme."""
    return replace(asked, scheme=scheme)


async def report(
    connection: Connection, asked: Question, *, prefix: str, now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """The report as contracts.md shows it. Computed within one snapshot; the caller opens it."""
    terms = asked.scheme.terms()
    wanted = windows(terms, asked.seen)
    if asked.as_of is None:
        found = await queries.inputs_now(connection, wanted, asked.seen, now)
    else:
        found = await queries.inputs_as_of(connection, wanted, asked.seen, asked.moment.at)
    fresh = await queries.freshness(connection, prefix)
    shown = scoring.report(terms, found.sums, found.quotas, found.bodies, asked.seen)
    told: dict[str, Any] = {
        "period": asked.period.code,
        "status": asked.status,
        "revision": None,
        "scheme": asked.scheme.scheme_id,
        "scheme_version": asked.scheme.version,
        "as_of": asked.as_of.isoformat() if asked.as_of else None,
        "counties": shown["counties"],
        "city": shown["city"],
    }
    return {
        **told,
        "provisional": queries.is_provisional(fresh, asked.as_of, asked.moment.at, now, zone),
        "freshness": fresh,
        "digest": hashlib.sha256(rfc8785.dumps(told)).hexdigest(),
    }


async def evidence_page(
    connection: Connection, asked: Question, county: str, indicator: str, start: list[str] | None, limit: int
) -> list[dict[str, Any]]:
    """Up to ``limit`` + 1 events behind a figure, from the sort key ``start`` (part, time, id) on. Raises not_found."""
    term = next((term for term in asked.scheme.terms() if term.indicator == indicator), None)
    if term is None:
        raise Refusal("not_found", pointer="path:indicator")
    cut = asked.moment.at if asked.as_of else None
    subjects = await queries.facts_behind(connection, KINDS[indicator], county, asked.seen, cut)
    told = [_told(found) for found in evidence(term, county, subjects, asked.seen, asked.moment.last)]
    if indicator == "roster_fill" and asked.seen.begun:
        told += [_quota_told(*found) for found in await queries.quotas_behind(connection, county, asked.seen, cut)]
    told.sort(key=sort_key)
    behind = [item for item in told if start is None or sort_key(item) > tuple(start)]
    return behind[: limit + 1]


def sort_key(item: dict[str, Any]) -> tuple[str, ...]:
    """The numerator first; within a part by time, then id."""
    return ("0" if item["part"] == "numerator" else "1", item["time"], item["id"])


_TYPES: dict[int, tuple[str, str]] = {
    fact_kind: (event_type.TYPE, event_type.SUBJECT[0]) for event_type, fact_kind in KIND_OF.items()
}


def _told(found: Evidence) -> dict[str, Any]:
    fact = found.fact
    type_name, subject_kind = _TYPES[fact.kind]
    return {
        "id": str(fact.id),
        "type": type_name,
        "time": rfc3339(fact.time),
        "subject": f"{subject_kind}/{fact.subject}",
        "part": found.part,
        "counted": found.counted,
        "why_not": found.why_not,
        "topic": events_topic(type_name.split(".")[1]),
        "partition": fact.partition,
        "offset": fact.offset,
    }


def _quota_told(setting: Setting, counted: bool) -> dict[str, Any]:
    return {
        "id": str(setting.event_id),
        "type": QuotaSet.TYPE,
        "time": rfc3339(setting.time),
        "subject": f"unit/{setting.unit_id}",
        "part": "denominator",
        "counted": counted,
        "why_not": None if counted else "superseded",
        "topic": events_topic("roster"),
        "partition": None,
        "offset": None,
    }
