"""The report of a period: which scheme, which moment, what is read, what is shown."""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import rfc8785

from services.appraisal import queries, scoring
from services.appraisal.figures import windows
from services.appraisal.periods import Evaluation, Moment, Period, evaluation
from services.appraisal.schemes import DEFAULT, Scheme
from shared.contracts.refusals import Refusal
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


async def report(connection: Connection, asked: Question, *, prefix: str, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
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
