"""What opinion does, within the caller's transaction.

Commands on one thing append their events and raise Refusal; ``report_tips`` leaves the events to its caller, as
outcomes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from services.opinion import rules, storage
from services.opinion.screening import screen, screen_link
from shared.clock import Clock
from shared.contracts.opinion import (
    Action,
    Channel,
    CorrectionClosed,
    CorrectionOpened,
    CorrectionOutcome,
    SourceKind,
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

# -- tips --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewTip:
    """A tip as somebody tells of it. ``reported_at`` None: now. The text is not shown when the tip is."""

    channel: Channel
    kind: TipKind
    topic: TipTopic
    unit_id: str
    text: str = field(repr=False)
    relayed_by: UUID | None = None
    reported_at: datetime | None = None


async def report_tip(connection: Connection, clock: Clock, tip: NewTip) -> UUID:
    """Reports one tip; raises what ``report_tips`` refuses, and what it would wait for as unknown."""
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
    """Reports tips; one that waits for a volunteer is Waiting. Refuses ``time_out_of_range``, ``unknown_unit``,
    ``personal_data`` and ``person_targeted`` (charter C4)."""
    units = await roster.units(connection, {tip.unit_id for tip in tips})
    relaying = await roster.movements(connection, {tip.relayed_by for tip in tips if tip.relayed_by})
    now = clock.now()
    outcomes: list[Outcome] = []
    rows: list[storage.TipRow] = []
    for tip in tips:
        reported_at = rules.fact_time(tip.reported_at, now, "/reported_at")
        if isinstance(reported_at, Refusal):
            outcomes.append(reported_at)
        elif tip.unit_id not in units:
            outcomes.append(Refusal("unknown_unit", pointer="/unit_id"))
        elif refusal := screen(tip.text, "/text"):
            outcomes.append(refusal)
        elif tip.relayed_by and not any(move.unit_id for move in relaying.get(tip.relayed_by, ())):
            unknown = Refusal("unknown_volunteer", pointer="/relayed_by")
            outcomes.append(Waiting(f"volunteer/{tip.relayed_by}", events_topic("roster"), unknown))
        else:
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


async def triage_tip(
    connection: Connection,
    clock: Clock,
    tip_id: UUID,
    responsible_unit_id: str,
    triaged_at: datetime | None = None,
    version: int | None = None,
) -> None:
    """Gives a tip its responsible unit. ``version``: the one the caller read, if told. Raises ``not_found``,
    ``version_conflict``, ``invalid_state``, ``time_out_of_range``, ``out_of_order_date``, ``unknown_unit``."""
    row, tip = await _locked(connection, tip_id, version)
    _refuse(rules.may_triage(tip))
    at = _when(rules.fact_time(triaged_at, clock.now(), "/triaged_at", after=tip.reported_at))
    if responsible_unit_id not in await roster.units(connection, [responsible_unit_id]):
        raise Refusal("unknown_unit", pointer="/responsible_unit_id")
    await storage.triage_tip(connection, tip_id, responsible_unit_id, at)
    triaged = TipTriaged(
        tip_id=tip_id, responsible_unit_id=responsible_unit_id, reported_at=tip.reported_at, triaged_at=at
    )
    await append(connection, [Draft(triaged, row["county"])], clock)


@dataclass(frozen=True, slots=True)
class Resolution:
    """How a tip ended. ``answered``: whether whoever told it got an answer. ``resolved_at`` None: now."""

    outcome: TipOutcome
    answered: bool
    action: Action | None = None
    resolved_at: datetime | None = None


async def resolve_tip(
    connection: Connection, clock: Clock, tip_id: UUID, resolution: Resolution, version: int | None = None
) -> None:
    """Resolves a tip, triaged or not. ``version``: the one the caller read, if told. Raises ``not_found``,
    ``version_conflict``, ``invalid_state``, ``time_out_of_range``, ``out_of_order_date``; the action's title is
    published and so screened as a tip's text is."""
    row, tip = await _locked(connection, tip_id, version)
    _refuse(rules.may_resolve(tip))
    now = clock.now()
    at = _when(rules.fact_time(resolution.resolved_at, now, "/resolved_at", after=tip.reported_at))
    action = resolution.action
    if action:
        if not rules.is_timely_day(action.held_on, now, clock.zone):
            raise Refusal("time_out_of_range", pointer="/action/held_on")
        _refuse(screen(action.title, "/action/title"))
    told = action.model_dump(mode="json") if action else None
    await storage.resolve_tip(connection, tip_id, at, resolution.outcome, resolution.answered, told)
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
    tip_id: UUID,
    reason: TipVoidReason,
    merged_into: UUID | None = None,
    version: int | None = None,
) -> None:
    """Voids a tip in any state; a duplicate may name the tip it is merged into. The text of one that was about a person
    goes at once (charter C4). ``version``: the one the caller read, if told. Raises ``not_found``,
    ``version_conflict``, ``invalid_state``, ``schema``."""
    rows = await storage.lock_tips(connection, {tip_id, merged_into or tip_id})
    row = rows.get(tip_id)
    if row is None:
        raise Refusal("not_found")
    _check(version, row["version"])
    tips = {id: _tip(found) for id, found in rows.items()}
    _refuse(rules.may_void(tips[tip_id], reason, merged_into is not None, tips.get(merged_into or tip_id)))
    now = clock.now()
    await storage.void_tip(connection, tip_id, now, reason, merged_into)
    if reason == "about_a_person":
        await storage.erase_text(connection, tip_id)
    voided = TipVoided(tip_id=tip_id, reported_at=row["reported_at"], reason=reason, merged_into=merged_into)
    await append(connection, [Draft(voided, row["county"], now)], clock)


async def _locked(connection: Connection, tip_id: UUID, version: int | None) -> tuple[Any, rules.Tip]:
    row = (await storage.lock_tips(connection, [tip_id])).get(tip_id)
    if row is None:
        raise Refusal("not_found")
    _check(version, row["version"])
    return row, _tip(row)


def _tip(row: Any) -> rules.Tip:
    return rules.Tip(row["reported_at"], row["triaged_at"], row["resolved_at"], row["voided_at"])


# -- corrections -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewCorrection:
    """A public claim that is going to be answered. ``opened_at`` None: now."""

    unit_id: str
    claim_published_at: datetime
    source_kind: SourceKind
    opened_at: datetime | None = None


async def open_correction(connection: Connection, clock: Clock, correction: NewCorrection) -> UUID:
    """Opens a correction, filed with a unit. Raises ``time_out_of_range``, ``out_of_order_date``, ``unknown_unit``."""
    now = clock.now()
    published_at = _when(rules.fact_time(correction.claim_published_at, now, "/claim_published_at"))
    opened_at = _when(rules.fact_time(correction.opened_at, now, "/opened_at", after=published_at))
    unit = (await roster.units(connection, [correction.unit_id])).get(correction.unit_id)
    if unit is None:
        raise Refusal("unknown_unit", pointer="/unit_id")
    opened = CorrectionOpened(
        case_id=uuid7(),
        claim_published_at=published_at,
        source_kind=correction.source_kind,
        opened_at=opened_at,
    )
    county = unit["county"]
    row = storage.CorrectionRow(
        opened.case_id, correction.unit_id, county, published_at, correction.source_kind, opened_at
    )
    await storage.insert_correction(connection, row)
    await append(connection, [Draft(opened, county)], clock)
    return opened.case_id


@dataclass(frozen=True, slots=True)
class Closing:
    """How a correction ended. ``evidence``: public links; one told twice counts once. ``closed_at`` None: now."""

    outcome: CorrectionOutcome
    evidence: Sequence[str]
    official_source: str | None
    media_met: bool
    closed_at: datetime | None = None


async def close_correction(
    connection: Connection, clock: Clock, case_id: UUID, closing: Closing, version: int | None = None
) -> None:
    """Closes a correction (charter C6); every outcome takes the same. ``version``: the one the caller read, if told.
    Raises ``not_found``, ``version_conflict``, ``invalid_state``, ``no_evidence``, ``no_source``, ``personal_data`` for
    a link to a person's page, ``time_out_of_range``, ``out_of_order_date``."""
    row = await storage.lock_correction(connection, case_id)
    if row is None:
        raise Refusal("not_found")
    _check(version, row["version"])
    _refuse(rules.may_close(row["closed_at"], closing.evidence, closing.official_source))
    source = closing.official_source or ""
    for place, link in enumerate(closing.evidence):
        _refuse(screen_link(link, f"/evidence/{place}"))
    _refuse(screen_link(source, "/official_source"))
    at = _when(rules.fact_time(closing.closed_at, clock.now(), "/closed_at", after=row["opened_at"]))
    evidence = list(dict.fromkeys(closing.evidence))
    closed = CorrectionClosed(
        case_id=case_id,
        opened_at=row["opened_at"],
        closed_at=at,
        outcome=closing.outcome,
        evidence_count=len(evidence),
        official_source=source,
        media_met=closing.media_met,
    )
    await storage.close_correction(connection, case_id, at, closing.outcome, evidence, source, closing.media_met)
    await append(connection, [Draft(closed, row["county"])], clock)


# -- one at a time -----------------------------------------------------------------------------------------------------


def _refuse(refusal: Refusal | None) -> None:
    if refusal:
        raise refusal


def _when(told: datetime | Refusal) -> datetime:
    if isinstance(told, Refusal):
        raise told
    return told


def _check(told: int | None, present: int) -> None:
    if told is not None and told != present:
        raise Refusal("version_conflict")
