"""What opinion does about tips, within the caller's transaction; corrections are in ``corrections.py``.

Commands on one tip append their events and raise Refusal; ``report_tips`` leaves the events to its caller, as outcomes.
``who``: whoever asks; a county operator serves the tips filed with the county and those it is responsible for. Raised by
all that name a tip: ``not_found``, ``forbidden``, ``version_conflict`` (``version``: the one the caller read, if told),
``invalid_state``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from services.opinion import rules, storage
from services.opinion.contacts import Contacts, SealedContact
from services.opinion.screening import screened
from services.opinion.steps import check_version, moment, refuse
from shared.access import audit
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.opinion import (
    Action,
    Channel,
    TipKind,
    TipOutcome,
    TipReported,
    TipResolved,
    TipTopic,
    TipTriaged,
    TipVoided,
    TipVoidReason,
)
from shared.contracts.refusals import Refusal
from shared.contracts.topics import events_topic
from shared.delivery.intake import Accepted, Outcome, Waiting
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection
from shared.roster_view import storage as roster

# -- telling -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewTip:
    """A tip as somebody tells of it. ``reported_at`` None: now. ``status_hash``: of the private link's token. Text and
    contact are not shown when the tip is."""

    channel: Channel
    kind: TipKind
    topic: TipTopic
    unit_id: str
    text: str = field(repr=False)
    relayed_by: UUID | None = None
    reported_at: datetime | None = None
    status_hash: bytes | None = field(default=None, repr=False)
    contact: SealedContact | None = field(default=None, repr=False)


async def report_tip(connection: Connection, clock: Clock, who: Principal, tip: NewTip) -> UUID:
    """Reports one tip, whose text is screened; raises what ``report_tips`` refuses, what it would wait for as unknown, and
    ``forbidden`` for a county operator who files it elsewhere."""
    unit = (await roster.units(connection, [tip.unit_id])).get(tip.unit_id)
    if unit is not None:
        who.must_serve(unit["county"])
    [outcome] = await report_tips(connection, clock, [tip])
    match outcome:
        case Accepted(drafts, subjects):
            await append(connection, drafts, clock)
            return UUID(subjects[0].partition("/")[2])
        case Waiting(refusal=refusal):
            raise refusal
        case Refusal():
            raise outcome


async def report_tips(connection: Connection, clock: Clock, tips: Sequence[NewTip]) -> list[Outcome]:
    """Reports tips, whose texts are screened (charter C4); one that waits for a volunteer is Waiting. Refuses
    ``time_out_of_range``, ``unknown_unit``."""
    units = await roster.units(connection, {tip.unit_id for tip in tips})
    relaying = await roster.movements(connection, {tip.relayed_by for tip in tips if tip.relayed_by})
    now = clock.now()
    outcomes: list[Outcome] = []
    rows: list[storage.TipRow] = []
    for tip in tips:
        if refusal := flaw_of(tip, now):
            outcomes.append(refusal)
        elif tip.unit_id not in units:
            outcomes.append(Refusal("unknown_unit", pointer="/unit_id"))
        elif tip.relayed_by and not any(move.unit_id for move in relaying.get(tip.relayed_by, ())):
            unknown = Refusal("unknown_volunteer", pointer="/relayed_by")
            outcomes.append(Waiting(f"volunteer/{tip.relayed_by}", events_topic("roster"), unknown))
        else:
            reported_at = moment(rules.fact_time(tip.reported_at, now, "/reported_at"))
            row = storage.TipRow(
                uuid7(),
                tip.channel,
                tip.kind,
                tip.topic,
                tip.unit_id,
                units[tip.unit_id]["county"],
                tip.text,
                tip.relayed_by,
                reported_at,
                tip.status_hash,
                tip.contact.contact if tip.contact else None,
                tip.contact.key if tip.contact else None,
            )
            rows.append(row)
            reported = TipReported(
                tip_id=row.tip_id,
                channel=tip.channel,
                kind=tip.kind,
                topic=tip.topic,
                unit_id=tip.unit_id,
                relayed_by=tip.relayed_by,
                reported_at=reported_at,
            )
            outcomes.append(Accepted([Draft(reported, row.county)], [f"tip/{row.tip_id}"]))
    await storage.insert_tips(connection, rows)
    return outcomes


def flaw_of(tip: NewTip, now: datetime) -> Refusal | None:
    """What is wrong with a tip whatever else is known, beside its text: its time."""
    reported_at = rules.fact_time(tip.reported_at, now, "/reported_at")
    return reported_at if isinstance(reported_at, Refusal) else None


# -- seeing to it ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Triage:
    """Who is responsible, and until when. ``topic``, ``due_on`` None: as they are; ``triaged_at`` None: now."""

    responsible_unit_id: str
    topic: TipTopic | None = None
    due_on: date | None = None
    triaged_at: datetime | None = None


async def triage_tip(
    connection: Connection, clock: Clock, who: Principal, tip_id: UUID, triage: Triage, version: int | None = None
) -> None:
    """Gives a tip its responsible unit, in whatever county. The event tells no topic: a better one stays here. Raises
    ``time_out_of_range``, ``out_of_order_date``, ``unknown_unit``."""
    row, tip = await _locked(connection, who, tip_id, version)
    refuse(rules.may_triage(tip))
    at = moment(rules.fact_time(triage.triaged_at, clock.now(), "/triaged_at", after=tip.reported_at))
    if triage.due_on:
        refuse(rules.may_be_due(triage.due_on, tip.reported_at, clock.zone))
    unit = (await roster.units(connection, [triage.responsible_unit_id])).get(triage.responsible_unit_id)
    if unit is None:
        raise Refusal("unknown_unit", pointer="/responsible_unit_id")
    await storage.triage_tip(connection, tip_id, (unit["unit_id"], unit["county"]), at, triage.topic, triage.due_on)
    triaged = TipTriaged(
        tip_id=tip_id, responsible_unit_id=triage.responsible_unit_id, reported_at=tip.reported_at, triaged_at=at
    )
    await append(connection, [Draft(triaged, row["county"])], clock)


async def assign_tip(connection: Connection, who: Principal, tip_id: UUID, operator: str | None) -> None:
    """Gives an open tip to an operator, by the name of sign-in; None: to nobody. Raises ``schema`` for somebody who could
    not see to it."""
    row, tip = await _locked(connection, who, tip_id)
    refuse(rules.may_assign(tip))
    if operator is not None and operator not in await storage.operators(connection, _counties(row)):
        told = {"zh": "没有可以办理它的这位经办人", "en": "there is no such operator who may see to it"}
        raise Refusal("schema", pointer="/assigned_to", reason=told)
    await storage.assign_tip(connection, tip_id, operator)


async def set_due(connection: Connection, clock: Clock, who: Principal, tip_id: UUID, due_on: date) -> None:
    """Gives an open tip another date. Raises ``out_of_order_date``, ``time_out_of_range``."""
    _, tip = await _locked(connection, who, tip_id)
    refuse(rules.may_assign(tip))
    refuse(rules.may_be_due(due_on, tip.reported_at, clock.zone))
    await storage.set_due(connection, tip_id, due_on)


async def answer_tip(
    connection: Connection, clock: Clock, who: Principal, tip_id: UUID, answer: str, kept: timedelta
) -> None:
    """Puts an answer on the private link, in place of one before; given once the tip is resolved, the contact goes.
    ``kept``: how long contacts outlive their tip at most. Raises ``personal_data``, ``person_targeted``."""
    _, tip = await _locked(connection, who, tip_id)
    refuse(rules.may_answer(tip))
    refuse(await screened(answer, "/answer"))
    now = clock.now()
    await storage.answer_tip(connection, tip_id, answer, max(now, tip.resolved_at or now))
    await storage.erase_needless_contacts(connection, now - kept, tip_id)


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a tip ended. ``answered``: whether whoever told it got an answer; ``answer``: the one for the private link.
    ``resolved_at`` None: now."""

    outcome: TipOutcome
    answered: bool
    action: Action | None = None
    resolved_at: datetime | None = None
    answer: str | None = None


async def resolve_tip(
    connection: Connection,
    clock: Clock,
    who: Principal,
    tip_id: UUID,
    resolution: Resolution,
    kept: timedelta,
    version: int | None = None,
) -> None:
    """Resolves a tip; answered, its contact is erased (charter C5). The action's title is published and so screened as
    a tip's text is, and the answer too. Raises ``schema``, ``time_out_of_range``, ``out_of_order_date``,
    ``personal_data``, ``person_targeted``."""
    row, tip = await _locked(connection, who, tip_id, version)
    refuse(rules.may_resolve(tip))
    now = clock.now()
    at = moment(rules.fact_time(resolution.resolved_at, now, "/resolved_at", after=tip.reported_at))
    action = resolution.action
    if action:
        if not rules.is_timely_day(action.held_on, now, clock.zone):
            raise Refusal("time_out_of_range", pointer="/action/held_on")
        refuse(await screened(action.title, "/action/title"))
    if resolution.answer is not None:
        refuse(rules.may_tell_answer(resolution.answered))
        refuse(await screened(resolution.answer, "/answer"))
        await storage.answer_tip(connection, tip_id, resolution.answer, max(now, at))
    told = action.model_dump(mode="json") if action else None
    await storage.resolve_tip(connection, tip_id, at, resolution.outcome, resolution.answered, told)
    await storage.erase_needless_contacts(connection, now - kept, tip_id)
    resolved = TipResolved(
        tip_id=tip_id,
        reported_at=tip.reported_at,
        resolved_at=at,
        outcome=resolution.outcome,
        answered=resolution.answered,
        action=action,
    )
    await append(connection, [Draft(resolved, row["county"])], clock)


async def void_tip(
    connection: Connection,
    clock: Clock,
    who: Principal,
    tip_id: UUID,
    reason: TipVoidReason,
    kept: timedelta,
    merged_into: UUID | None = None,
    version: int | None = None,
) -> None:
    """Voids a tip in any state; a duplicate may name the tip it is merged into. The text of one that was about a person
    goes at once (charter C4); contacts go, unless the tip that stands will answer them. Raises ``schema``."""
    rows = await storage.lock_tips(connection, {tip_id, merged_into or tip_id})
    row = _served(who, rows.get(tip_id), version)
    if into := rows.get(merged_into or tip_id):
        _served(who, into)
    tips = {id: _tip(found) for id, found in rows.items()}
    refuse(rules.may_void(tips[tip_id], reason, merged_into is not None, tips.get(merged_into or tip_id)))
    now = clock.now()
    await storage.void_tip(connection, tip_id, now, reason, merged_into)
    if reason == "about_a_person":
        await storage.erase_text(connection, tip_id, now)
    await storage.erase_needless_contacts(connection, now - kept, merged_into or tip_id)
    voided = TipVoided(tip_id=tip_id, reported_at=row["reported_at"], reason=reason, merged_into=merged_into)
    await append(connection, [Draft(voided, row["county"], now)], clock)


async def read_contact(connection: Connection, who: Principal, contacts: Contacts, tip_id: UUID) -> str | None:
    """The contact that was left for the answer, None when there is none any more. Leaves an audit line (charter C11)."""
    row, _ = await _locked(connection, who, tip_id)
    key = await storage.contact_key(connection, tip_id)
    if row["contact"] is None or key is None:
        return None
    await audit.record(connection, who, "contact.read", f"tip/{tip_id}")
    return contacts.open(SealedContact(key, row["contact"]))


async def _locked(
    connection: Connection, who: Principal, tip_id: UUID, version: int | None = None
) -> tuple[Any, rules.Tip]:
    row = _served(who, (await storage.lock_tips(connection, [tip_id])).get(tip_id), version)
    return row, _tip(row)


def _served(who: Principal, row: Any | None, version: int | None = None) -> Any:
    if row is None:
        raise Refusal("not_found")
    if who.county not in _counties(row):
        who.must_serve(row["county"])
    check_version(version, row["version"])
    return row


def _counties(row: Any) -> set[str]:
    """Whose operators see to the tip: the county it is filed with, and that of the responsible unit."""
    return {row["county"], row["responsible_county"] or row["county"]}


def _tip(row: Any) -> rules.Tip:
    return rules.Tip(row["reported_at"], row["triaged_at"], row["resolved_at"], row["voided_at"])
