"""What the roster does, within the caller's transaction. Each command appends its events and raises Refusal."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from services.roster import rules, storage
from services.roster.rules import Volunteer
from shared.clock import Clock
from shared.contracts.fields import Names
from shared.contracts.refusals import Refusal
from shared.contracts.roster import (
    AccountDisclosed,
    AccountWithdrawn,
    Category,
    DeclineReason,
    Platform,
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


async def nominate(connection: Connection, clock: Clock, unit_id: str, team: Any, category: Category) -> UUID:
    """A unit proposes a volunteer; the review follows. Raises ``unknown_unit``."""
    unit = (await storage.lock_units(connection, [unit_id])).get(unit_id)
    if unit is None:
        raise Refusal("unknown_unit", pointer="/unit_id")
    volunteer_id = uuid7()
    await storage.insert_volunteers(
        connection, [(volunteer_id, unit_id, team, category, "nominated", None, None, None)]
    )
    told = VolunteerNominated(volunteer_id=volunteer_id, unit_id=unit_id, team=team, category=category)
    await append(connection, [Draft(told, unit["county"])], clock)
    return volunteer_id


async def register(
    connection: Connection, clock: Clock, volunteer_id: UUID, registered_on: date, consented_on: date | None
) -> None:
    """Registers a nominated volunteer, or one who comes back. Raises ``no_consent``, ``quota_full``,
    ``out_of_order_date``, ``time_out_of_range``, ``invalid_state``, ``not_found``."""
    volunteer = await _volunteer(connection, volunteer_id)
    _raise(rules.may_consent(consented_on, registered_on))
    _raise(rules.timely_day(registered_on, clock.now(), clock.zone, "/registered_on"))
    _raise(rules.may_register(volunteer, registered_on))
    unit = (await storage.lock_units(connection, [volunteer.unit_id]))[volunteer.unit_id]
    quotas = await storage.quotas(connection, [volunteer.unit_id])
    filled = await storage.registered(connection, [volunteer.unit_id])
    place = (volunteer.unit_id, volunteer.team)
    if not rules.has_room(quotas.get((*place, registered_on.year)), filled.get(place, {}), registered_on.year):
        raise Refusal("quota_full")
    assert consented_on is not None
    await storage.set_state(connection, volunteer_id, "registered", day=registered_on, consented_on=consented_on)
    await storage.insert_movements(connection, [(volunteer_id, "registered", volunteer.unit_id, registered_on)])
    told = VolunteerRegistered(
        volunteer_id=volunteer_id,
        unit_id=volunteer.unit_id,
        team=volunteer.team,  # type: ignore[arg-type]
        category=volunteer.category,  # type: ignore[arg-type]
        registered_on=registered_on,
        consented_on=consented_on,
    )
    await append(connection, [Draft(told, unit["county"])], clock)


async def decline(connection: Connection, clock: Clock, volunteer_id: UUID, reason: DeclineReason) -> None:
    """Ends a nomination. Raises ``invalid_state``, ``not_found``."""
    volunteer = await _volunteer(connection, volunteer_id)
    _raise(rules.may_decline(volunteer))
    unit = (await storage.lock_units(connection, [volunteer.unit_id]))[volunteer.unit_id]
    await storage.set_state(connection, volunteer_id, "declined")
    await append(
        connection, [Draft(VolunteerDeclined(volunteer_id=volunteer_id, reason=reason), unit["county"])], clock
    )


async def transfer(
    connection: Connection, clock: Clock, volunteer_id: UUID, to_unit_id: str, effective_on: date
) -> None:
    """Moves a volunteer to another unit for the whole of that day. Raises ``unknown_unit``, ``out_of_order_date``,
    ``time_out_of_range``, ``invalid_state``, ``not_found``."""
    volunteer = await _volunteer(connection, volunteer_id)
    _raise(rules.timely_day(effective_on, clock.now(), clock.zone, "/effective_on"))
    _raise(rules.may_move(volunteer, effective_on, "/effective_on"))
    units = await storage.lock_units(connection, {volunteer.unit_id, to_unit_id})
    if to_unit_id not in units:
        raise Refusal("unknown_unit", pointer="/to_unit_id")
    if to_unit_id == volunteer.unit_id:
        raise Refusal("invalid_state", reason={"zh": "志愿者已在该单位", "en": "the volunteer is in that unit already"})
    await storage.set_state(connection, volunteer_id, "registered", unit_id=to_unit_id, day=effective_on)
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


async def leave(connection: Connection, clock: Clock, volunteer_id: UUID, left_on: date | None) -> None:
    """C1: leaving takes no reason. Raises ``out_of_order_date``, ``time_out_of_range``, ``invalid_state``, ``not_found``."""
    volunteer = await _volunteer(connection, volunteer_id)
    now = clock.now()
    left_on = left_on or rules.leaving_day(volunteer, now.astimezone(clock.zone).date())
    _raise(rules.timely_day(left_on, now, clock.zone, "/left_on"))
    _raise(rules.may_move(volunteer, left_on, "/left_on"))
    unit = (await storage.lock_units(connection, [volunteer.unit_id]))[volunteer.unit_id]
    await storage.set_state(connection, volunteer_id, "left", day=left_on)
    await storage.insert_movements(connection, [(volunteer_id, "left", volunteer.unit_id, left_on)])
    told = VolunteerLeft(volunteer_id=volunteer_id, unit_id=volunteer.unit_id, left_on=left_on)
    await append(connection, [Draft(told, unit["county"])], clock)


async def _volunteer(connection: Connection, volunteer_id: UUID) -> Volunteer:
    row = await storage.lock_volunteer(connection, volunteer_id)
    if row is None:
        raise Refusal("not_found")
    return Volunteer(*row)


# -- accounts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Disclosure:
    """An account that its volunteer disclosed in public. ``verified_at``: when an operator saw that; None: as it is
    entered."""

    platform: Platform
    disclosed_at: datetime
    verified_at: datetime | None
    disclosure_url: str

    def seen(self, now: datetime) -> "Verified":
        return Verified(self.platform, self.disclosed_at, self.verified_at or now, self.disclosure_url)


class Verified(NamedTuple):
    """A disclosure that was seen: only these are published (C2)."""

    platform: Platform
    disclosed_at: datetime
    verified_at: datetime
    disclosure_url: str


async def disclose(connection: Connection, clock: Clock, volunteer_id: UUID, told: Disclosure) -> UUID:
    """Raises ``time_out_of_range``, ``invalid_state`` unless registered, ``not_found``."""
    volunteer = await _volunteer(connection, volunteer_id)
    if volunteer.state != "registered":
        raise Refusal("invalid_state", reason={"zh": "志愿者不在册", "en": "the volunteer is not registered"})
    now = clock.now()
    verified = told.seen(now)
    _raise(rules.may_disclose(verified.disclosed_at, verified.verified_at, now))
    account_id = uuid7()
    row: Any = (account_id, volunteer_id, *verified)
    await storage.insert_accounts(connection, [row])
    await storage.note_change(connection, volunteer_id)
    county = await _county_at(connection, volunteer, verified.disclosed_at, clock)
    await append(connection, [Draft(_disclosed(account_id, volunteer_id, verified), county)], clock)
    return account_id


async def withdraw(connection: Connection, clock: Clock, account_id: UUID, withdrawn_at: datetime | None) -> None:
    """From that instant its shares do not count. Raises ``time_out_of_range``, ``out_of_order_date``,
    ``invalid_state``, ``not_found``."""
    account = await storage.lock_account(connection, account_id)
    if account is None:
        raise Refusal("not_found")
    if account["withdrawn_at"]:
        raise Refusal("invalid_state", reason={"zh": "账号已撤回披露", "en": "the account is withdrawn already"})
    now = clock.now()
    withdrawn_at = withdrawn_at or now
    _raise(rules.timely(withdrawn_at, now, "/withdrawn_at"))
    if withdrawn_at < account["disclosed_at"]:
        raise Refusal("out_of_order_date", pointer="/withdrawn_at")
    volunteer = await _volunteer(connection, account["volunteer_id"])
    await storage.withdraw_account(connection, account_id, withdrawn_at)
    await storage.note_change(connection, volunteer.volunteer_id)
    told = AccountWithdrawn(volunteer_id=volunteer.volunteer_id, account_id=account_id, withdrawn_at=withdrawn_at)
    county = await _county_at(connection, volunteer, withdrawn_at, clock)
    await append(connection, [Draft(told, county)], clock)


async def _county_at(connection: Connection, volunteer: Volunteer, moment: datetime, clock: Clock) -> str:
    """The county of the unit that the volunteer belonged to at that moment: it may lie before a transfer."""
    day = moment.astimezone(clock.zone).date()
    unit_id = rules.unit_on(await storage.movements(connection, volunteer.volunteer_id), day, volunteer.unit_id)
    return (await storage.lock_units(connection, [unit_id]))[unit_id]["county"]


def _disclosed(account_id: UUID, volunteer_id: UUID, told: Verified) -> AccountDisclosed:
    return AccountDisclosed(
        volunteer_id=volunteer_id,
        account_id=account_id,
        platform=told.platform,
        disclosed_at=told.disclosed_at,
        verified_at=told.verified_at,
    )


# -- the ledger --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a unit's ledger. ``row_ref``: the unit's own reference, so that the row is taken once."""

    unit_id: str
    team: Any
    category: Any
    registered_on: date
    consented_on: date | None
    row_ref: str | None = None
    disclosure: Disclosure | None = None

    @property
    def ref(self) -> tuple[str, str] | None:
        """The reference among those of all units."""
        return None if self.row_ref is None else (self.unit_id, self.row_ref)


@dataclass(frozen=True, slots=True)
class Enlisted:
    """What became of a row: ids of the volunteer and of the account it disclosed."""

    volunteer_id: UUID
    account_id: UUID | None = None
    before: bool = False
    """The row was taken before, as this volunteer: nothing was done now."""


async def enlist(connection: Connection, clock: Clock, entries: Sequence[Entry]) -> list[Enlisted | Refusal]:
    """Nominates, registers and discloses, row by row in order; a refused row hurts no other."""
    unit_ids = {entry.unit_id for entry in entries}
    units = await storage.lock_units(connection, unit_ids)
    quotas = await storage.quotas(connection, unit_ids)
    filled = await storage.registered(connection, unit_ids)
    known = await storage.known_refs(connection, {ref for entry in entries if (ref := entry.ref)})
    now = clock.now()
    results: list[Enlisted | Refusal] = []
    drafts: list[Draft] = []
    volunteers: list[Any] = []
    refs: list[Any] = []
    movements: list[Any] = []
    accounts: list[Any] = []
    for entry in entries:
        if entry.ref in known:
            results.append(Enlisted(known[entry.ref], before=True))
            continue
        day = entry.registered_on
        taken = filled.setdefault((entry.unit_id, entry.team), {})
        verified = entry.disclosure.seen(now) if entry.disclosure else None
        refusal = _refused(entry, verified, units, now, clock)
        if refusal is None and not rules.has_room(quotas.get((entry.unit_id, entry.team, day.year)), taken, day.year):
            refusal = Refusal("quota_full")
        if refusal is not None:
            results.append(refusal)
            continue
        taken[day.year] = taken.get(day.year, 0) + 1
        volunteer_id = uuid7()
        if entry.ref is not None:
            known[entry.ref] = volunteer_id
            refs.append((*entry.ref, volunteer_id))
        assert entry.consented_on is not None
        county = units[entry.unit_id]["county"]
        common: Any = {"unit_id": entry.unit_id, "team": entry.team, "category": entry.category}
        volunteers.append((volunteer_id, *common.values(), "registered", day, entry.consented_on, day))
        movements.append((volunteer_id, "registered", entry.unit_id, day))
        drafts.append(Draft(VolunteerNominated(volunteer_id=volunteer_id, **common), county))
        drafts.append(
            Draft(
                VolunteerRegistered(
                    volunteer_id=volunteer_id, registered_on=day, consented_on=entry.consented_on, **common
                ),
                county,
            )
        )
        account_id = None
        if verified is not None:
            account_id = uuid7()
            accounts.append((account_id, volunteer_id, *verified))
            drafts.append(Draft(_disclosed(account_id, volunteer_id, verified), county))
        results.append(Enlisted(volunteer_id, account_id))
    await storage.insert_volunteers(connection, volunteers)
    await storage.insert_refs(connection, refs)
    await storage.insert_movements(connection, movements)
    await storage.insert_accounts(connection, accounts)
    await append(connection, drafts, clock)
    return results


def _refused(entry: Entry, verified: Verified | None, units: Any, now: datetime, clock: Clock) -> Refusal | None:
    if entry.unit_id not in units:
        return Refusal("unknown_unit", pointer="/unit_id")
    if entry.row_ref is not None and (refusal := rules.may_refer(entry.row_ref)):
        return refusal
    refusal = rules.may_consent(entry.consented_on, entry.registered_on) or rules.timely_day(
        entry.registered_on, now, clock.zone, "/registered_on"
    )
    if refusal is None and verified is not None:
        refusal = rules.may_disclose(verified.disclosed_at, verified.verified_at, now)
    return refusal


def _plain(name: Names) -> dict[str, str]:
    return {"zh": name.zh} | ({"en": name.en} if name.en else {})


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise refusal
