"""What the roster does, within the caller's transaction. Each command appends its events and raises Refusal, ``forbidden``
among them where ``who`` does not serve the county."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from services.roster import contacts, rules, storage
from services.roster.personal import Contact, Vault
from services.roster.rules import Volunteer
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.fields import Names
from shared.contracts.refusals import Refusal
from shared.contracts.roster import (
    Category,
    DeclineReason,
    QuotaSet,
    UnitDefined,
    UnitKind,
    VolunteerDeclined,
    VolunteerLeft,
    VolunteerNominated,
    VolunteerRegistered,
    VolunteerTransferred,
)
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection

# -- units and quotas --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewUnit:
    """A unit as defined. ``county``: six digits."""

    unit_id: str
    name: Names
    kind: UnitKind
    county: str
    parent_id: str | None = None


async def define_unit(connection: Connection, clock: Clock, unit: NewUnit) -> int:
    """Defines a new unit; returns its version. Raises ``unknown_unit`` for its parent, ``invalid_state`` if it exists."""
    await _check_definition(connection, unit)
    if not await storage.insert_unit(
        connection, unit.unit_id, unit.kind, unit.parent_id, unit.county, _plain(unit.name)
    ):
        raise Refusal(
            "invalid_state", reason={"zh": "单位已存在，请改用更新", "en": "the unit exists: update it instead"}
        )
    await append(connection, [_defined(unit)], clock)
    return 1


async def redefine_unit(connection: Connection, clock: Clock, unit: NewUnit) -> int:
    """Changes a unit, locked by the caller; returns its new version."""
    await _check_definition(connection, unit)
    version = await storage.update_unit(
        connection, unit.unit_id, unit.kind, unit.parent_id, unit.county, _plain(unit.name)
    )
    await append(connection, [_defined(unit)], clock)
    return version


async def set_quota(connection: Connection, clock: Clock, unit_id: str, team: Any, year: int, quota: int) -> None:
    """Raises ``unknown_unit``."""
    unit = (await storage.lock_units(connection, [unit_id])).get(unit_id)
    if unit is None:
        raise Refusal("unknown_unit", pointer="path:unit_id")
    await storage.save_quota(connection, unit_id, team, year, quota)
    await append(
        connection, [Draft(QuotaSet(unit_id=unit_id, team=team, year=year, quota=quota), unit["county"])], clock
    )


async def _check_definition(connection: Connection, unit: NewUnit) -> None:
    _raise(rules.may_define(unit.unit_id, unit.kind, unit.county))
    if unit.parent_id is not None and unit.parent_id not in await storage.lock_units(connection, [unit.parent_id]):
        raise Refusal("unknown_unit", pointer="/parent_id")
    if unit.parent_id is not None:
        _raise(rules.may_belong(unit.unit_id, await storage.lineage(connection, unit.parent_id)))


def _defined(unit: NewUnit) -> Draft:
    told = UnitDefined(
        unit_id=unit.unit_id, name=unit.name, kind=unit.kind, parent_id=unit.parent_id, county=unit.county
    )
    return Draft(told, unit.county)


# -- volunteers --------------------------------------------------------------------------------------------------------


class Nominated(NamedTuple):
    """``duplicates``: whom the caller serves and who has the same phone or e-mail: they may be the same person."""

    volunteer_id: UUID
    duplicates: list[UUID]


async def nominate(
    connection: Connection,
    clock: Clock,
    who: Principal,
    vault: Vault,
    unit_id: str,
    team: Any,
    category: Category,
    contact: Contact | None = None,
) -> Nominated:
    """A unit proposes a volunteer; the review follows, in the order of nominations where places are few. Raises
    ``unknown_unit``, ``duplicate_volunteer``."""
    unit = (await storage.lock_units(connection, [unit_id])).get(unit_id)
    if unit is None:
        raise Refusal("unknown_unit", pointer="/unit_id")
    who.must_serve(unit["county"])
    duplicates: list[UUID] = []
    if contact is not None:
        known = await contacts.acquaintances(connection, who, vault, [contact])
        duplicates = _or_raise(known.look(contact, unit_id, team))
    volunteer_id = uuid7()
    today = clock.now().astimezone(clock.zone).date()
    await storage.insert_volunteers(
        connection, [(volunteer_id, unit_id, team, category, "nominated", None, None, None, today)]
    )
    if contact is not None:
        await contacts.save(connection, vault, {volunteer_id: contact})
        await contacts.note(connection, who, "contact.changed", volunteer_id, contact.fields)
    told = VolunteerNominated(volunteer_id=volunteer_id, unit_id=unit_id, team=team, category=category)
    await append(connection, [Draft(told, unit["county"])], clock)
    return Nominated(volunteer_id, duplicates)


class Confirmation(NamedTuple):
    """The review's yes. ``consented_on``: when the volunteer agreed to take part (C1)."""

    volunteer_id: UUID
    registered_on: date
    consented_on: date | None


async def register_all(
    connection: Connection, clock: Clock, who: Principal, confirmations: Sequence[Confirmation]
) -> list[Refusal | None]:
    """Registers the nominated, and those who come back, each by itself and in the order of their nomination; the answers
    are in the order asked. Refusals: ``no_consent``, ``quota_full``, ``not_in_turn``, ``out_of_order_date``,
    ``time_out_of_range``, ``invalid_state``, ``erased``, ``not_found``, ``forbidden``."""
    volunteers = await lock_volunteers(connection, {each.volunteer_id for each in confirmations})
    unit_ids = {volunteer.unit_id for volunteer in volunteers.values()}
    units = await storage.lock_units(connection, unit_ids)
    quotas = await storage.quotas(connection, unit_ids)
    filled = await storage.registered(connection, unit_ids)
    waiting = await storage.nominated(connection, unit_ids)
    answers: list[Refusal | None] = [None] * len(confirmations)
    drafts: list[Draft] = []
    rows: list[tuple[UUID, date, date]] = []
    movements: list[tuple[UUID, str, str, date]] = []
    for at in sorted(range(len(confirmations)), key=lambda at: confirmations[at].volunteer_id):
        volunteer_id, day, consented_on = confirmations[at]
        volunteer = volunteers.get(volunteer_id)
        if volunteer is None:
            answers[at] = Refusal("not_found")
            continue
        unit, place = units[volunteer.unit_id], (volunteer.unit_id, volunteer.team)
        taken, line = filled.setdefault(place, {}), waiting.get(place, [])
        refusal = (
            served(who, unit["county"])
            or rules.may_consent(consented_on, day)
            or rules.timely_day(day, clock.now(), clock.zone, "/registered_on")
            or rules.may_register(volunteer, day)
        )
        if refusal is None:
            ahead = rules.ahead_of(line, volunteer_id, day.year, returning=volunteer.state == "left")
            refusal = rules.in_turn(quotas.get((*place, day.year)), taken, day.year, ahead)
        if refusal is not None:
            answers[at] = refusal
            continue
        assert consented_on is not None
        taken[day.year] = taken.get(day.year, 0) + 1
        waiting[place] = [each for each in line if each[0] != volunteer_id]
        volunteers[volunteer_id] = volunteer._replace(state="registered", moved_on=day)
        rows.append((volunteer_id, day, consented_on))
        movements.append((volunteer_id, "registered", volunteer.unit_id, day))
        told = VolunteerRegistered(
            volunteer_id=volunteer_id,
            unit_id=volunteer.unit_id,
            team=volunteer.team,  # type: ignore[arg-type]
            category=volunteer.category,  # type: ignore[arg-type]
            registered_on=day,
            consented_on=consented_on,
        )
        drafts.append(Draft(told, unit["county"]))
    await storage.register(connection, rows)
    await storage.insert_movements(connection, movements)
    await append(connection, drafts, clock)
    return answers


async def register(connection: Connection, clock: Clock, who: Principal, confirmation: Confirmation) -> None:
    """Registers one; raises what ``register_all`` answers."""
    _raise((await register_all(connection, clock, who, [confirmation]))[0])


class Declination(NamedTuple):
    volunteer_id: UUID
    reason: DeclineReason


async def decline_all(
    connection: Connection, clock: Clock, who: Principal, declinations: Sequence[Declination]
) -> list[Refusal | None]:
    """Ends nominations, each by itself. Refusals: ``invalid_state``, ``erased``, ``not_found``, ``forbidden``."""
    volunteers = await lock_volunteers(connection, {each.volunteer_id for each in declinations})
    units = await storage.lock_units(connection, {volunteer.unit_id for volunteer in volunteers.values()})
    answers: list[Refusal | None] = []
    drafts: list[Draft] = []
    for volunteer_id, reason in declinations:
        volunteer = volunteers.get(volunteer_id)
        if volunteer is None:
            answers.append(Refusal("not_found"))
            continue
        county = units[volunteer.unit_id]["county"]
        refusal = served(who, county) or rules.may_decline(volunteer)
        answers.append(refusal)
        if refusal is None:
            volunteers[volunteer_id] = volunteer._replace(state="declined")
            drafts.append(Draft(VolunteerDeclined(volunteer_id=volunteer_id, reason=reason), county))
    await storage.decline(connection, [draft.data.volunteer_id for draft in drafts])  # type: ignore[attr-defined]
    await append(connection, drafts, clock)
    return answers


async def decline(connection: Connection, clock: Clock, who: Principal, declination: Declination) -> None:
    """Declines one; raises what ``decline_all`` answers."""
    _raise((await decline_all(connection, clock, who, [declination]))[0])


async def transfer(
    connection: Connection, clock: Clock, who: Principal, volunteer_id: UUID, to_unit_id: str, effective_on: date
) -> None:
    """Moves a volunteer to another unit, of whichever county, for the whole of that day. Raises ``unknown_unit``,
    ``out_of_order_date``, ``time_out_of_range``, ``invalid_state``, ``erased``, ``not_found``."""
    volunteer = await lock_volunteer(connection, volunteer_id)
    units = await storage.lock_units(connection, {volunteer.unit_id, to_unit_id})
    who.must_serve(units[volunteer.unit_id]["county"])
    _raise(rules.timely_day(effective_on, clock.now(), clock.zone, "/effective_on"))
    _raise(rules.may_move(volunteer, effective_on, "/effective_on"))
    if to_unit_id not in units:
        raise Refusal("unknown_unit", pointer="/to_unit_id")
    if to_unit_id == volunteer.unit_id:
        raise Refusal("invalid_state", reason={"zh": "志愿者已在该单位", "en": "the volunteer is in that unit already"})
    await storage.move(connection, volunteer_id, "registered", unit_id=to_unit_id, day=effective_on)
    await storage.insert_movements(connection, [(volunteer_id, "transferred", to_unit_id, effective_on)])
    told = VolunteerTransferred(
        volunteer_id=volunteer_id,
        from_unit_id=volunteer.unit_id,
        to_unit_id=to_unit_id,
        from_county=units[volunteer.unit_id]["county"],
        to_county=units[to_unit_id]["county"],
        effective_on=effective_on,
    )
    # The whole day of a transfer belongs to the new county.
    await append(connection, [Draft(told, told.to_county)], clock)


async def leave(connection: Connection, clock: Clock, who: Principal, volunteer_id: UUID, left_on: date | None) -> None:
    """C1: leaving takes no reason. Raises ``out_of_order_date``, ``time_out_of_range``, ``invalid_state``, ``erased``,
    ``not_found``."""
    volunteer = await lock_volunteer(connection, volunteer_id)
    unit = (await storage.lock_units(connection, [volunteer.unit_id]))[volunteer.unit_id]
    who.must_serve(unit["county"])
    now = clock.now()
    left_on = left_on or rules.leaving_day(volunteer, now.astimezone(clock.zone).date())
    _raise(rules.timely_day(left_on, now, clock.zone, "/left_on"))
    _raise(rules.may_move(volunteer, left_on, "/left_on"))
    await storage.move(connection, volunteer_id, "left", day=left_on)
    await storage.insert_movements(connection, [(volunteer_id, "left", volunteer.unit_id, left_on)])
    told = VolunteerLeft(volunteer_id=volunteer_id, unit_id=volunteer.unit_id, left_on=left_on)
    await append(connection, [Draft(told, unit["county"])], clock)


async def lock_volunteer(connection: Connection, volunteer_id: UUID) -> Volunteer:
    """Raises ``not_found``."""
    found = await lock_volunteers(connection, [volunteer_id])
    if not found:
        raise Refusal("not_found")
    return found[volunteer_id]


async def lock_volunteers(connection: Connection, volunteer_ids: Collection[UUID]) -> dict[UUID, Volunteer]:
    """Those that are there."""
    found = [Volunteer(*row) for row in await storage.lock_volunteers(connection, volunteer_ids)]
    return {volunteer.volunteer_id: volunteer for volunteer in found}


def served(who: Principal, county: str) -> Refusal | None:
    """As ``who.must_serve``, for one of many."""
    try:
        who.must_serve(county)
    except Refusal as refusal:
        return refusal
    return None


def _plain(name: Names) -> dict[str, str]:
    return {"zh": name.zh} | ({"en": name.en} if name.en else {})


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise refusal


def _or_raise(found: list[UUID] | Refusal) -> list[UUID]:
    if isinstance(found, Refusal):
        raise found
    return found
