"""What opinion does about corrections (charter C6), within the caller's transaction.

``who``: whoever asks; a county operator serves the corrections filed with the county. Raised by all that name a case:
``not_found``, ``forbidden``, ``invalid_state``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from services.opinion import rules, storage
from services.opinion.screening import screen_link, screened
from services.opinion.steps import check_version, moment, refuse
from services.opinion.storage import EvidenceRow
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.opinion import CorrectionClosed, CorrectionOpened, CorrectionOutcome, SourceKind
from shared.contracts.refusals import Refusal
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection
from shared.roster_view import storage as roster

MAX_EVIDENCE = 100


@dataclass(frozen=True, slots=True)
class NewCorrection:
    """A public claim that is going to be answered. ``claim``: in words; ``claim_link``: where it was published.
    ``opened_at`` None: now."""

    unit_id: str
    claim_published_at: datetime
    source_kind: SourceKind
    opened_at: datetime | None = None
    claim: str | None = None
    claim_link: str | None = None


async def open_correction(connection: Connection, clock: Clock, who: Principal, correction: NewCorrection) -> UUID:
    """Opens a correction, filed with a unit. Raises ``time_out_of_range``, ``out_of_order_date``, ``unknown_unit``,
    ``personal_data``, ``person_targeted``."""
    now = clock.now()
    published_at = moment(rules.fact_time(correction.claim_published_at, now, "/claim_published_at"))
    opened_at = moment(rules.fact_time(correction.opened_at, now, "/opened_at", after=published_at))
    unit = (await roster.units(connection, [correction.unit_id])).get(correction.unit_id)
    if unit is None:
        raise Refusal("unknown_unit", pointer="/unit_id")
    county = unit["county"]
    who.must_serve(county)
    await _screen_claim(correction.claim, correction.claim_link)
    opened = CorrectionOpened(
        case_id=uuid7(),
        claim_published_at=published_at,
        source_kind=correction.source_kind,
        opened_at=opened_at,
    )
    row = storage.CorrectionRow(
        opened.case_id,
        correction.unit_id,
        county,
        published_at,
        correction.source_kind,
        opened_at,
        correction.claim,
        correction.claim_link,
    )
    await storage.insert_correction(connection, row)
    await append(connection, [Draft(opened, county)], clock)
    return opened.case_id


async def describe_correction(
    connection: Connection, who: Principal, case_id: UUID, claim: str, claim_link: str | None
) -> None:
    """Words the claim anew while the case is open. Raises ``personal_data``, ``person_targeted``."""
    row = await _locked(connection, who, case_id)
    refuse(rules.may_change_case(row["closed_at"]))
    await _screen_claim(claim, claim_link)
    await storage.describe_correction(connection, case_id, claim, claim_link)


async def add_evidence(connection: Connection, who: Principal, case_id: UUID, items: Sequence[EvidenceRow]) -> None:
    """Adds public evidence to an open case; a link told twice counts once. Raises ``personal_data``, ``person_targeted``,
    ``too_large``."""
    row = await _locked(connection, who, case_id)
    refuse(rules.may_change_case(row["closed_at"]))
    await _screen_evidence(items)
    await _add(connection, case_id, items)


async def add_entry(
    connection: Connection, clock: Clock, who: Principal, case_id: UUID, text: str, at: datetime | None = None
) -> None:
    """Adds to an open case's timeline. ``at`` None: now. Raises ``time_out_of_range``, ``personal_data``,
    ``person_targeted``."""
    row = await _locked(connection, who, case_id)
    refuse(rules.may_change_case(row["closed_at"]))
    refuse(await screened(text, "/text"))
    happened_at = moment(rules.fact_time(at, clock.now(), "/at"))
    await storage.add_entry(connection, case_id, happened_at, text)


@dataclass(frozen=True, slots=True)
class Closing:
    """How a correction ended. ``evidence``: what is added to that of the case. ``finding``: what was found, in words.
    ``closed_at`` None: now."""

    outcome: CorrectionOutcome
    evidence: Sequence[EvidenceRow]
    official_source: str | None
    media_met: bool
    closed_at: datetime | None = None
    finding: str | None = None


async def close_correction(
    connection: Connection, clock: Clock, who: Principal, case_id: UUID, closing: Closing, version: int | None = None
) -> None:
    """Closes a correction; every outcome takes the same. Raises ``version_conflict``, ``no_evidence``, ``no_source``,
    ``personal_data``, ``person_targeted``, ``time_out_of_range``, ``out_of_order_date``, ``too_large``."""
    row = await _locked(connection, who, case_id)
    check_version(version, row["version"])
    links = await storage.evidence_links(connection, case_id)
    refuse(
        rules.may_close(row["closed_at"], [*links, *(item.link for item in closing.evidence)], closing.official_source)
    )
    source = closing.official_source or ""
    await _screen_evidence(closing.evidence)
    refuse(screen_link(source, "/official_source"))
    refuse(await screened(closing.finding, "/finding") if closing.finding else None)
    at = moment(rules.fact_time(closing.closed_at, clock.now(), "/closed_at", after=row["opened_at"]))
    evidence = await _add(connection, case_id, closing.evidence)
    closed = CorrectionClosed(
        case_id=case_id,
        opened_at=row["opened_at"],
        closed_at=at,
        outcome=closing.outcome,
        evidence_count=len(evidence),
        official_source=source,
        media_met=closing.media_met,
    )
    await storage.close_correction(
        connection, case_id, at, closing.outcome, evidence, source, closing.media_met, closing.finding
    )
    await append(connection, [Draft(closed, row["county"])], clock)


async def _add(connection: Connection, case_id: UUID, items: Sequence[EvidenceRow]) -> list[str]:
    """The links of the case, with these."""
    await storage.add_evidence(connection, case_id, items)
    links = await storage.evidence_links(connection, case_id)
    if len(links) > MAX_EVIDENCE:
        raise Refusal("too_large", pointer="/evidence")
    return links


async def _screen_claim(claim: str | None, claim_link: str | None) -> None:
    refuse(await screened(claim, "/claim") if claim else None)
    refuse(screen_link(claim_link, "/claim_link") if claim_link else None)


async def _screen_evidence(items: Sequence[EvidenceRow]) -> None:
    for place, item in enumerate(items):
        refuse(screen_link(item.link, f"/evidence/{place}"))
        refuse(await screened(item.title, f"/evidence/{place}/title") if item.title else None)


async def _locked(connection: Connection, who: Principal, case_id: UUID) -> Any:
    row = await storage.lock_correction(connection, case_id)
    if row is None:
        raise Refusal("not_found")
    who.must_serve(row["county"])
    return row
