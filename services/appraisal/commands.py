"""What the committee and the counties do: one async function per use case, within the caller's transaction.

All raise Refusal: ``not_found`` for what is not there, ``invalid_state`` with the reason. Every change leaves an audit
line, and what the outside must know of is told by an event (charter C11).
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import rfc8785
from uuid_utils.compat import uuid7

from services.appraisal import closings, period_storage, queries, reports, scheme_storage
from services.appraisal.closings import Closing, is_closed, revision_in_hand
from services.appraisal.figures import figures
from services.appraisal.measures import MEASURES_VERSION
from services.appraisal.periods import Period
from services.appraisal.quotas import Body
from services.appraisal.schemes import DEFAULT, Scheme
from services.appraisal.sensitivity import sensitivities
from shared.access import audit
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.appraisal import CountyScore, PeriodClosed, PeriodReopened, SchemeAdopted
from shared.contracts.envelope import rfc3339
from shared.contracts.refusals import Refusal
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection

_TOO_EARLY = {"zh": "期间尚未结束", "en": "the period has not ended; close it after its last day"}
_CLOSED = {"zh": "该期间已关闭；如需更改请先重新开启", "en": "the period is closed; reopen it first"}
_OPEN = {"zh": "该期间没有关闭", "en": "the period is not closed"}
_NOBODY = {"zh": "还没有任何县区；请先登记单位", "en": "no county is known yet; have its unit defined first"}
_NOT_BEGUN = {"zh": "期间尚未开始", "en": "the period has not begun"}


# -- periods ------------------------------------------------------------------------------------------------------------


async def close(
    connection: Connection,
    clock: Clock,
    who: Principal,
    code: str,
    prefix: str,
    *,
    force: bool = False,
    reason: str | None = None,
) -> Closing:
    """Closes a period's next revision, from one snapshot: the transaction is a repeatable read. Open objections need
    ``force`` with a ``reason``."""
    now = clock.now()
    asked = reports.question(code, None, None, now, clock.zone)
    latest = await period_storage.latest_closing(connection, code)
    if why := closings.may_close(asked.period, now.astimezone(clock.zone).date(), latest):
        raise Refusal("invalid_state", reason=_TOO_EARLY if why == "too_early" else _CLOSED)
    revision = revision_in_hand(latest)
    passed_by = await _objections_to_pass_by(connection, code, revision, force, reason)
    asked = await reports.settled(connection, asked, clock.zone)
    found = await reports.inputs(connection, asked)
    if not found.bodies:
        raise Refusal("invalid_state", reason=_NOBODY)
    shown = reports.computed(asked, found)
    before = await period_storage.last_closing(connection)
    text = closings.canonical(
        record_of(
            asked,
            shown,
            revision=revision,
            closed_by={"role": Role.COMMITTEE.value, "account": who.name},
            offsets=closings.offsets_shown(await period_storage.offsets(connection, prefix)),
            dead=[place._asdict() for place in await period_storage.dead_letters(connection, prefix)],
            events=await period_storage.events_taken_in(connection),
            previous_digest=before.digest if before else None,
            zone=clock.zone,
        )
    )
    terms = asked.scheme.terms()
    near = sensitivities(
        terms,
        figures(terms, found.sums, found.quotas, found.bodies, asked.seen),
        found.bodies,
        seed_of(asked.period, asked.scheme),
    )
    closing = Closing(
        before.number + 1 if before else 1,
        code,
        revision,
        now,
        text,
        closings.digest_of(text),
        before.digest if before else None,
        None,
        near,
    )
    await period_storage.save_closing(connection, closing, reason if passed_by else None)
    told = {
        "revision": revision,
        "digest": closing.digest,
        "scheme": f"{asked.scheme.scheme_id}@{asked.scheme.version}",
    }
    if passed_by:
        told |= {"objections_passed_by": passed_by, "reason": reason}
    await audit.record(connection, who, "period.closed", f"period/{code}", told)
    data = PeriodClosed(
        period=code,
        revision=revision,
        scheme_id=asked.scheme.scheme_id,
        digest=closing.digest,
        previous_digest=closing.previous_digest,
        scores=[CountyScore(county=row["county"], score=row["score"], rank=row["rank"]) for row in shown["counties"]],
    )
    await append(connection, [Draft(data, _city_of(found.bodies))], clock)
    return closing


def record_of(
    asked: reports.Question,
    shown: Any,
    *,
    revision: int,
    closed_by: dict[str, str],
    offsets: dict[str, dict[str, int]],
    dead: list[dict[str, Any]],
    events: dict[str, Any],
    previous_digest: str | None,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """The record of a closed report, as appraisal.md lists it. ``asked.moment``: the closing instant."""
    return {
        "period": asked.period.code,
        "revision": revision,
        "closed_at": rfc3339(asked.moment.at),
        "closed_by": closed_by,
        "scheme": asked.scheme.to_data(),
        "time_zone": zone.key,
        "measures_version": MEASURES_VERSION,
        "offsets": offsets,
        "pending_dead_letters": dead,
        "events": events,
        "counties": shown["counties"],
        "city": shown["city"],
        "previous_digest": previous_digest,
    }


def seed_of(period: Period, scheme: Scheme) -> str:
    """What the schemes near this one are drawn by: the same for the same period and scheme."""
    return f"{period.code} {scheme.digest}"


async def _objections_to_pass_by(
    connection: Connection, code: str, revision: int, force: bool, reason: str | None
) -> list[str]:
    """Ids of the open objections. Raises without ``force`` and a reason for it."""
    found = await period_storage.objections(connection, code, revision=revision)
    left = [str(each["objection_id"]) for each in found if each["outcome"] is None]
    if left and not force:
        ids = ", ".join(left[:20]) + (" …" if len(left) > 20 else "")
        why = {
            "zh": f"还有 {len(left)} 条异议未处理（{ids}）；请先答复，或以 force 并说明理由关闭",
            "en": f"{len(left)} objections are open ({ids}); resolve them, or close with force and a reason",
        }
        raise Refusal("invalid_state", pointer="/force", reason=why)
    if force and not reason:
        raise Refusal("schema", pointer="/reason", reason={"zh": "force 须说明理由", "en": "force needs a reason"})
    return left


async def reopen(connection: Connection, clock: Clock, who: Principal, code: str, reason: str) -> int:
    """Opens a closed period again; returns the revision that is now being prepared."""
    period = _period(code)
    latest = await period_storage.latest_closing(connection, code)
    if latest is None or not is_closed(latest):
        raise Refusal("invalid_state", reason=_OPEN)
    if not await period_storage.reopen(connection, latest.number, clock.now(), who.name, reason):
        raise Refusal("invalid_state", reason=_OPEN)
    revision = latest.revision + 1
    await audit.record(
        connection, who, "period.reopened", f"period/{period.code}", {"revision": revision, "reason": reason}
    )
    data = PeriodReopened(period=period.code, revision=revision, reason=reason)
    await append(connection, [Draft(data, _city_of(await queries.known_bodies(connection)))], clock)
    return revision


def _period(code: str) -> Period:
    try:
        return Period.parse(code)
    except ValueError:
        raise Refusal("not_found", pointer="path:period") from None


def _city_of(bodies: list[Body]) -> str:
    """The county code of what concerns all: the city level's; else the first one's."""
    return next((body.county for body in bodies if body.is_city), bodies[0].county if bodies else "000000")


# -- what counties say of their figures -----------------------------------------------------------------------------------


async def confirm(
    connection: Connection, clock: Clock, who: Principal, code: str, county: str, *, told_digest: str | None
) -> dict[str, Any]:
    """A county agrees with its preliminary figures. ``told_digest``: of the figures that were looked at; refused where
    they have changed since."""
    now, revision = clock.now(), await _in_preparation(connection, clock, code)
    body = await _own_body(connection, who, county)
    row = await preliminary(connection, code, body.county, now, clock.zone)
    figures_digest = digest_of_row(row)
    if told_digest is not None and told_digest != figures_digest:
        raise Refusal("version_conflict", pointer="/figures")
    mine = await period_storage.objections(connection, code, county, revision)
    if any(each["outcome"] is None for each in mine):
        why = {"zh": "本县还有未答复的异议", "en": "an objection of this county is still open"}
        raise Refusal("invalid_state", reason=why)
    await period_storage.confirm(connection, code, revision, county, now, who.name, figures_digest)
    told = {"revision": revision, "figures": figures_digest}
    await audit.record(connection, who, "period.confirmed", f"period/{code}/county/{county}", told)
    return {"period": code, "county": county, **told, "confirmed_at": now}


async def object_to(
    connection: Connection,
    clock: Clock,
    who: Principal,
    code: str,
    county: str,
    *,
    indicator: str | None,
    event_id: UUID | None,
    text: str,
) -> dict[str, Any]:
    """A county objects to one indicator's figures, or to one event. The text stays here; no event carries it."""
    now, revision = clock.now(), await _in_preparation(connection, clock, code)
    body = await _own_body(connection, who, county)
    if event_id is not None and await period_storage.place_of(connection, event_id) is None:
        raise Refusal("not_found", pointer="/event_id")
    if indicator is not None:
        row = await preliminary(connection, code, body.county, now, clock.zone)
        if indicator not in {each["indicator"] for each in row["indicators"]}:
            raise Refusal("not_found", pointer="/indicator")
    objection: dict[str, Any] = {
        "objection_id": uuid7(),
        "period": code,
        "revision": revision,
        "county": county,
        "indicator": indicator,
        "event_id": event_id,
        "text": text,
        "at": now,
    }
    await period_storage.save_objection(connection, objection | {"by": who.name})
    await audit.record(
        connection,
        who,
        "period.objected",
        f"objection/{objection['objection_id']}",
        {"period": code, "revision": revision, "county": county, "indicator": indicator},
    )
    return objection | {"outcome": None, "answer": None, "resolved_at": None}


async def resolve(
    connection: Connection,
    clock: Clock,
    who: Principal,
    objection_id: UUID,
    outcome: Literal["upheld", "rejected"],
    answer: str,
) -> dict[str, Any]:
    """The committee answers an objection, once."""
    found = await period_storage.objection(connection, objection_id)
    if found is None:
        raise Refusal("not_found", pointer="path:objection_id")
    if found["outcome"] is not None:
        raise Refusal("invalid_state", reason={"zh": "该异议已答复", "en": "this objection was answered already"})
    now = clock.now()
    await period_storage.resolve_objection(connection, objection_id, outcome, answer, now, who.name)
    told = {"period": found["period"], "county": found["county"], "outcome": outcome}
    await audit.record(connection, who, "objection.resolved", f"objection/{objection_id}", told)
    return found | {"outcome": outcome, "answer": answer, "resolved_at": now}


async def preliminary(connection: Connection, code: str, county: str, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """A county's row of the report as it stands now."""
    asked = await reports.settled(connection, reports.question(code, None, None, now, zone), zone)
    shown = reports.computed(asked, await reports.inputs(connection, asked))
    return next(dict(row) for row in shown["counties"] if row["county"] == county)


def digest_of_row(row: Mapping[str, Any]) -> str:
    """Of the figures of one county, its rank aside: that hangs on others."""
    return hashlib.sha256(rfc8785.dumps({**row, "rank": None})).hexdigest()


async def _in_preparation(connection: Connection, clock: Clock, code: str) -> int:
    """The revision that counties can still speak of. Refuses a closed period and one to come."""
    period = _period(code)
    if period.start > clock.now().astimezone(clock.zone).date():
        raise Refusal("invalid_state", reason=_NOT_BEGUN)
    latest = await period_storage.latest_closing(connection, code)
    if is_closed(latest):
        raise Refusal("invalid_state", reason=_CLOSED)
    return revision_in_hand(latest)


async def _own_body(connection: Connection, who: Principal, county: str) -> Body:
    """Counties are spoken for by their own operators, the city level by the city's."""
    body = await _body(connection, county)
    who.must_serve(county)
    if not body.is_city and who.county is None:
        raise Refusal("forbidden")
    return body


async def _body(connection: Connection, county: str) -> Body:
    for body in await queries.known_bodies(connection):
        if body.county == county:
            return body
    raise Refusal("not_found", pointer="path:county")


# -- plans --------------------------------------------------------------------------------------------------------------


async def plan(
    connection: Connection, clock: Clock, who: Principal, code: str, county: str, indicator: str, value: Decimal
) -> int:
    """Sets what a county plans to reach of an indicator's value. Returns the version."""
    _period(code)
    await _body(connection, county)
    version = await period_storage.save_plan(connection, code, county, indicator, value, clock.now(), who.name)
    told = {"value": float(value), "version": version}
    await audit.record(connection, who, "plan.set", f"plan/{code}/{county}/{indicator}", told)
    return version


async def drop_plan(connection: Connection, who: Principal, code: str, county: str, indicator: str) -> None:
    await period_storage.drop_plan(connection, code, county, indicator)
    await audit.record(connection, who, "plan.dropped", f"plan/{code}/{county}/{indicator}")


# -- schemes ------------------------------------------------------------------------------------------------------------


async def propose_scheme(connection: Connection, clock: Clock, who: Principal, scheme: Scheme) -> bool:
    """Keeps a valid scheme. False when the same one is here already; another under its name and version is refused."""
    known = await scheme_storage.find(connection, scheme.scheme_id, scheme.version)
    if known is not None:
        if known.digest != scheme.digest:
            why = {
                "zh": "该版本已有另一内容；请提高 version",
                "en": "this version has other content; raise the version",
            }
            raise Refusal("invalid_state", pointer="/version", reason=why)
        return False
    await scheme_storage.save(connection, scheme, clock.now(), who.name)
    told = {"digest": scheme.digest, "valid_from": scheme.valid_from.isoformat()}
    await audit.record(connection, who, "scheme.proposed", f"scheme/{scheme.scheme_id}@{scheme.version}", told)
    return True


async def adopt_scheme(
    connection: Connection, clock: Clock, who: Principal, scheme_id: str, version: int | None
) -> Scheme:
    """From its ``valid_from`` on the scheme appraises all periods that begin then and are not closed. ``version`` None:
    the latest. The default needs no adoption until another scheme has taken its place."""
    version = version or await scheme_storage.latest_version(connection, scheme_id)
    scheme = await scheme_storage.find(connection, scheme_id, version) if version else None
    if scheme is None:
        raise Refusal("not_found", pointer="path:scheme_id")
    if scheme is DEFAULT:
        await scheme_storage.save(connection, scheme, clock.now(), who.name)
    if not await scheme_storage.adopt(connection, scheme, clock.now(), who.name):
        raise Refusal("invalid_state", reason={"zh": "该方案已采用", "en": "this scheme was adopted already"})
    told = {"digest": scheme.digest, "valid_from": scheme.valid_from.isoformat()}
    await audit.record(connection, who, "scheme.adopted", f"scheme/{scheme.scheme_id}@{scheme.version}", told)
    data = SchemeAdopted(
        scheme_id=scheme.scheme_id, version=scheme.version, digest=scheme.digest, valid_from=scheme.valid_from
    )
    await append(connection, [Draft(data, _city_of(await queries.known_bodies(connection)))], clock)
    return scheme
