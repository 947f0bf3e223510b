"""The report of a period: which scheme, which moment, what is read, what is shown."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from services.appraisal import behind, county_table, period_storage, queries, scheme_storage
from services.appraisal.canonical import canonical
from services.appraisal.closings import Closing, Known, is_closed, scheme_of
from services.appraisal.evidence import Evidence
from services.appraisal.figures import Sums, Term, windows
from services.appraisal.measures import Fact
from services.appraisal.moves import differing, moves
from services.appraisal.periods import Evaluation, Moment, Period, evaluation
from services.appraisal.queries import Inputs
from services.appraisal.quotas import Body, Setting
from services.appraisal.schemes import DEFAULT, Scheme
from services.appraisal.storage import KIND_OF
from shared.contracts.envelope import rfc3339
from shared.contracts.refusals import Refusal
from shared.contracts.roster import QuotaSet
from shared.contracts.topics import events_topic
from shared.postgres import Connection


@dataclass(frozen=True)
class Question:
    """What is asked: a period, seen at a moment, under a scheme. ``as_of``: only what was recorded by that day's end.

    ``named``: the scheme that was asked for, None for the period's own. ``closing``: the revision that is asked about;
    None of a period that is not closed. Whoever asks ``settled`` first gets these from the database.
    """

    period: Period
    scheme: Scheme
    as_of: date | None
    moment: Moment
    seen: Evaluation
    named: str | None = None
    closing: Closing | None = None

    @property
    def status(self) -> str:
        if self.closing is not None and self.as_of is None:
            return "closed"
        return "running" if self.seen.begun else "not_begun"

    @property
    def is_stored(self) -> bool:
        """Whether the answer stands in a record, and is not computed."""
        return self.closing is not None and self.as_of is None and self.named is None


def question(code: str, scheme: str | None, as_of: date | None, now: datetime, zone: ZoneInfo) -> Question:
    """Raises Refusal: not_found for a code that is no period, schema for a day to come."""
    try:
        period = Period.parse(code)
    except ValueError:
        raise Refusal("not_found", pointer="path:period") from None
    if as_of is not None and as_of > now.astimezone(zone).date():
        raise Refusal("schema", pointer="query:as_of", reason="a past or the present day")
    moment = Moment(now) if as_of is None else Moment.end_of(as_of, zone)
    return Question(period, DEFAULT, as_of, moment, evaluation(period, moment, zone), scheme)


async def settled(connection: Connection, asked: Question, zone: ZoneInfo, revision: int | None = None) -> Question:
    """The question with the period's scheme and, where it is closed, its closing instant. ``revision``: one that was
    closed, reopened or not. Raises Refusal: not_found for a revision, schema for a scheme not known."""
    if revision is not None and asked.as_of is not None:
        raise Refusal("schema", pointer="query:revision", reason=_ONE_OF_BOTH)
    if revision is None:
        closing = await period_storage.latest_closing(connection, asked.period.code)
        closing = closing if is_closed(closing) else None
    else:
        closing = await period_storage.closing_of(connection, asked.period.code, revision)
        if closing is None:
            raise Refusal("not_found", pointer="query:revision")
    scheme = scheme_of(closing.record) if closing else await scheme_storage.of_period(connection, asked.period)
    if asked.named is not None:
        scheme = await _named(connection, asked.named)
    if closing is None or asked.as_of is not None:
        return replace(asked, scheme=scheme, closing=closing)
    moment = Moment(closing.closed_at)
    seen = evaluation(asked.period, moment, zone)
    return replace(asked, scheme=scheme, closing=closing, moment=moment, seen=seen)


_ONE_OF_BOTH = {"zh": "revision 与 as_of 只能用其一", "en": "either revision or as_of, not both"}


async def _named(connection: Connection, name: str) -> Scheme:
    scheme_id, _, told = name.partition("@")
    version = int(told) if told.isascii() and told.isdecimal() and len(told) < 8 else None
    if not told:
        version = await scheme_storage.latest_version(connection, scheme_id)
    found = await scheme_storage.find(connection, scheme_id, version) if version else None
    if found is None:
        reason = {"zh": "没有这个方案；写作 编号@版本", "en": "no such scheme; name it as id@version"}
        raise Refusal("schema", pointer="query:scheme", reason=reason)
    return found


def under(asked: Question, scheme: Scheme) -> Question:
    """The same question under another scheme."""
    return replace(asked, scheme=scheme, named=f"{scheme.scheme_id}@{scheme.version}")


async def inputs(connection: Connection, asked: Question, *schemes: Scheme) -> Inputs:
    """What reports under these schemes are computed from; the question's own without any."""
    terms = [term for scheme in schemes or (asked.scheme,) for term in scheme.terms()]
    wanted = windows(terms, asked.seen)
    if asked.as_of is None:
        return await queries.inputs_now(connection, wanted, asked.seen, asked.moment.at)
    return await queries.inputs_as_of(connection, wanted, asked.seen, asked.moment.at)


def computed(asked: Question, found: Inputs) -> county_table.Report:
    return county_table.report(*_figured(asked, found))


def _figured(
    asked: Question, found: Inputs
) -> tuple[Sequence[Term], Sums, Mapping[str, int], Sequence[Body], Evaluation]:
    return asked.scheme.terms(), found.sums, found.quotas, found.bodies, asked.seen


async def report(
    connection: Connection, asked: Question, *, prefix: str, now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """The report as contracts.md shows it. Computed within one snapshot; the caller opens it."""
    fresh = await queries.freshness(connection, prefix)
    shown = computed(asked, await inputs(connection, asked))
    if asked.closing is not None and asked.is_stored:
        return _closed(asked.closing, shown, fresh)
    return _told_report(asked, shown, fresh, now, zone)


async def report_json(connection: Connection, asked: Question, *, prefix: str, now: datetime, zone: ZoneInfo) -> bytes:
    """The same as JSON. Of thousands of counties it is megabytes, so it is written once, for its digest and for this."""
    if asked.closing is not None and asked.is_stored:
        return msgspec.json.encode(await report(connection, asked, prefix=prefix, now=now, zone=zone))
    fresh = await queries.freshness(connection, prefix)
    shown = county_table.table(*_figured(asked, await inputs(connection, asked)))
    text = canonical(_digested(asked, shown.counties, shown.city))
    return text[:-1] + b"," + msgspec.json.encode(_beside(asked, text, fresh, now, zone))[1:]


async def as_told(
    connection: Connection, asked: Question, shown: county_table.Report, *, prefix: str, now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """A computed report, as its readers get it."""
    return _told_report(asked, shown, await queries.freshness(connection, prefix), now, zone)


async def rows(connection: Connection, asked: Question) -> Sequence[Mapping[str, Any]]:
    """The rows of the counties: as closed, or as they stand."""
    if asked.closing is not None and asked.is_stored:
        return asked.closing.record["counties"]
    return computed(asked, await inputs(connection, asked))["counties"]


def counting(told: Sequence[Mapping[str, Any]]) -> bool:
    """Whether anything was counted for any body: before the programme began, nothing is."""
    return any(each["numerator"] for row in told for each in row["indicators"])


def day(told: str | None) -> date | None:
    """Raises Refusal for what is not written like 2014-09-29."""
    if not told:
        return None
    try:
        found = date.fromisoformat(told)
    except ValueError:
        found = None
    if found is None or found.isoformat() != told:
        raise Refusal("schema", pointer="query:as_of", reason="YYYY-MM-DD")
    return found


def _told_report(
    asked: Question, shown: county_table.Report, fresh: dict[str, Any], now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    told = _digested(asked, shown["counties"], shown["city"])
    return told | _beside(asked, canonical(told), fresh, now, zone)


def _digested(asked: Question, counties: Sequence[Any], city: Sequence[Any]) -> dict[str, Any]:
    """What the digest is made of."""
    revision = asked.closing.revision if asked.closing and asked.as_of is None else None
    return {
        "period": asked.period.code,
        "status": asked.status,
        "revision": revision,
        "scheme": asked.scheme.scheme_id,
        "scheme_version": asked.scheme.version,
        "as_of": asked.as_of.isoformat() if asked.as_of else None,
        "counties": counties,
        "city": city,
    }


def _beside(asked: Question, text: bytes, fresh: dict[str, Any], now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """What stands beside it. ``text``: what the digest is made of."""
    return {
        "provisional": queries.is_provisional(fresh, asked.as_of, asked.moment.at, now, zone),
        "freshness": fresh,
        "digest": hashlib.sha256(text).hexdigest(),
    }


def _closed(closing: Closing, now: county_table.Report, fresh: dict[str, Any]) -> dict[str, Any]:
    """As it was closed; ``now``: the same with all events now known."""
    record = closing.record
    return {
        "period": closing.period,
        "status": "closed",
        "revision": closing.revision,
        "scheme": record["scheme"]["scheme_id"],
        "scheme_version": record["scheme"]["version"],
        "as_of": None,
        "counties": record["counties"],
        "city": record["city"],
        "provisional": False,
        "freshness": fresh,
        "closed_at": record["closed_at"],
        "previous_digest": closing.previous_digest,
        "digest": closing.digest,
        "restated": _restated(record, now),
    }


def _restated(record: dict[str, Any], now: county_table.Report) -> dict[str, Any] | None:
    """What events that came after the closing would change: the rows and sums that would stand otherwise, as they would
    stand, and the moves; None where nothing."""
    counties = differing(record["counties"], now["counties"], "county")
    city = differing(record["city"], now["city"], "indicator")
    if not counties and not city:
        return None
    moved = [
        move
        for move in moves(record["counties"], now["counties"])
        if move["county"] in {row["county"] for row in counties}
    ]
    return {"counties": counties, "city": city, "moves": moved}


async def evidence_page(
    connection: Connection, asked: Question, county: str, indicator: str, start: list[str] | None, limit: int
) -> list[dict[str, Any]]:
    """Up to ``limit`` + 1 events behind a figure, from the sort key ``start`` (part, time, id) on. Raises not_found.

    Of a closed period: the events that it was closed with, and the late ones with why_not ``after_closing``."""
    term = next((term for term in asked.scheme.terms() if term.indicator == indicator), None)
    if term is None:
        raise Refusal("not_found", pointer="path:indicator")
    cut = asked.moment.at if asked.as_of else None
    known = Known(asked.closing.record) if asked.closing is not None and asked.is_stored else None
    if not asked.seen.begun:
        return []
    is_late = (lambda fact: not known.holds(*_place_of(fact))) if known else None
    events = behind.Behind(connection, term, county, asked.seen, asked.moment.last, cut, is_late)
    found = [_told(each) for each in await events.page(start, limit + 1)]
    if indicator == "roster_fill" and len(found) <= limit:
        late_setting = (lambda setting: _is_late(known, setting)) if known else None
        quotas = await queries.quotas_behind(connection, county, asked.seen, cut, late_setting)
        told = sorted((_quota_told(*each) for each in quotas), key=sort_key)
        found += [item for item in told if start is None or sort_key(item) > tuple(start)]
    return found[: limit + 1]


def _place_of(fact: Fact) -> tuple[str, int, int]:
    return topic_of(fact.kind), fact.partition, fact.offset


def topic_of(kind: int | None) -> str:
    """The topic of a kind of fact; None: of units and quotas."""
    return events_topic(_TYPES[kind][0].split(".")[1] if kind is not None else "roster")


def _is_late(known: Known, setting: Setting) -> bool:
    """A setting whose place is not known was taken in before places were kept."""
    if setting.partition is None or setting.offset is None:
        return False
    return not known.holds(events_topic("roster"), setting.partition, setting.offset)


def sort_key(item: dict[str, Any]) -> tuple[str, ...]:
    """What a page ends with: part, time and id. The numerator comes first; within a part events come by time, what was done
    of something that falls due by the time of its opening."""
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


def _quota_told(setting: Setting, why_not: str | None) -> dict[str, Any]:
    return {
        "id": str(setting.event_id),
        "type": QuotaSet.TYPE,
        "time": rfc3339(setting.time),
        "subject": f"unit/{setting.unit_id}",
        "part": "denominator",
        "counted": why_not is None,
        "why_not": why_not,
        "topic": events_topic("roster"),
        "partition": setting.partition,
        "offset": setting.offset,
    }
