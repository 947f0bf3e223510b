"""Commendations, positive and opt-in (charter C8): consent recorded and withdrawn, proposals, the committee's award.

Within the caller's transaction; all raise Refusal. There is no order among persons, and nothing but opaque ids.
"""

from datetime import date
from typing import Any
from uuid import UUID

from services.appraisal import commendation_storage as storage
from shared.access import audit
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.appraisal import CommendationAwarded
from shared.contracts.refusals import Refusal
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection

_LATER = {"zh": "须为今天或以前的日期", "en": "must be today or before"}
_NO_SERVICE = {"zh": "该年没有服务记录", "en": "there is no service on record in that year"}
_NOT_OPTED_IN = {"zh": "本人没有表示愿意被表扬", "en": "the volunteer has not opted in"}
_AWARDED = {"zh": "该年已经表扬过", "en": "this was awarded already"}
_MOVED = {
    "zh": "该志愿者已转到其他县区；请由现在的县区重新登记意愿",
    "en": "the volunteer has moved to another county; that county records the consent anew",
}


async def opt_in(
    connection: Connection, clock: Clock, who: Principal, volunteer: UUID, unit_id: str, opted_in_on: date
) -> dict[str, Any]:
    """A volunteer wants to be considered, and said so on that day; told again, the later word stands."""
    county = await storage.unit_county(connection, unit_id)
    if county is None:
        raise Refusal("unknown_unit", pointer="/unit_id")
    who.must_serve(county)
    present = await storage.present_county(connection, volunteer)
    if present is None:
        raise Refusal("unknown_volunteer", pointer="/volunteer_id")
    who.must_serve(present)
    if present != county:
        raise Refusal("schema", pointer="/unit_id", reason=_MOVED)
    if opted_in_on > clock.now().astimezone(clock.zone).date():
        raise Refusal("schema", pointer="/opted_in_on", reason=_LATER)
    await storage.save_consent(connection, volunteer, unit_id, county, opted_in_on, clock.now(), who.name)
    told = {"unit_id": unit_id, "opted_in_on": opted_in_on.isoformat()}
    await audit.record(connection, who, "commendation.opted_in", f"volunteer/{volunteer}", told)
    return {"volunteer_id": volunteer, **told}


async def opt_out(connection: Connection, who: Principal, volunteer: UUID) -> None:
    """At any time, without a reason, and nothing of it stays but the audit line."""
    found = await storage.consent(connection, volunteer)
    if found is None:
        raise Refusal("not_found", pointer="path:volunteer_id")
    who.must_serve(found["county"])
    await storage.drop_consent(connection, volunteer)
    await audit.record(connection, who, "commendation.opted_out", f"volunteer/{volunteer}")


async def proposals(connection: Connection, year: int, county: str | None) -> list[dict[str, Any]]:
    """Volunteers who opted in, are registered in the county that recorded it, and served in the year."""
    return [_told(row) for row in await storage.records(connection, year, county) if _may_be_proposed(row)]


async def award(connection: Connection, clock: Clock, who: Principal, year: int, volunteer: UUID) -> dict[str, Any]:
    """The committee approves a proposal; the outside is told, with the day on which the volunteer opted in."""
    consent = await storage.consent(connection, volunteer)
    if consent is None:
        raise Refusal("not_eligible", pointer="/volunteer_id", reason=_NOT_OPTED_IN)
    rows = await storage.records(connection, year, consent["county"])
    row = next(each for each in rows if each["volunteer"] == volunteer)
    if row["present_county"] != row["county"]:
        raise Refusal("not_eligible", pointer="/volunteer_id", reason=_MOVED)
    if not _may_be_proposed(row):
        raise Refusal("not_eligible", pointer="/volunteer_id", reason=_NO_SERVICE)
    now = clock.now()
    if not await storage.save(connection, year, consent, now, who.name):
        raise Refusal("invalid_state", reason=_AWARDED)
    await audit.record(connection, who, "commendation.awarded", f"volunteer/{volunteer}", {"year": year})
    data = CommendationAwarded(
        volunteer_id=volunteer, year=year, unit_id=consent["unit_id"], opted_in_on=consent["opted_in_on"]
    )
    await append(connection, [Draft(data, consent["county"])], clock)
    return {"volunteer_id": volunteer, "year": year, "unit_id": consent["unit_id"], "awarded_at": now}


def _may_be_proposed(row: dict[str, Any]) -> bool:
    return row["present_county"] == row["county"] and bool(row["trainings"] or row["sharing_months"])


def _told(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("unit_id", "county", "opted_in_on", "trainings", "sharing_months", "awarded_at")
    return {"volunteer_id": row["volunteer"]} | {name: row[name] for name in kept}
