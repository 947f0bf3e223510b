"""Venues on the day: who is expected there, and the private link on which a venue's host records who came."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.training import rules, storage
from services.training.commands import held_session, record
from services.training.planning import locked
from services.training.rules import Expected
from shared.access import audit
from shared.access.links import hash_of, new_token
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.roster_view import storage as roster

MOST_AT_ONCE = 500
"""Volunteers that a host records with one press of the button."""


# -- links -------------------------------------------------------------------------------------------------------------


async def issue_link(connection: Connection, clock: Clock, who: Principal, session_id: UUID, venue_no: int) -> str:
    """The path of a new link to a venue's page, shown once; an earlier one ends. The operator of the session may issue it,
    and a venue's own county for its volunteers. Raises ``not_found``, ``forbidden``, ``invalid_state``."""
    await _serving(connection, who, session_id, venue_no)
    token = new_token()
    await storage.replace_link(connection, hash_of(token), session_id, venue_no, who.county, who.name, clock.now())
    await audit.record(connection, who, "venue_link.issued", f"session/{session_id}", {"venue_no": venue_no})
    return f"/training/venue/{token}"


async def revoke_link(connection: Connection, clock: Clock, who: Principal, session_id: UUID, venue_no: int) -> None:
    """Ends a link at once. Raises ``not_found``, ``forbidden``."""
    await _serving(connection, who, session_id, venue_no)
    if not await storage.revoke_link(connection, session_id, venue_no, clock.now()):
        raise Refusal("not_found")
    await audit.record(connection, who, "venue_link.revoked", f"session/{session_id}", {"venue_no": venue_no})


async def _serving(connection: Connection, who: Principal, session_id: UUID, venue_no: int) -> None:
    session = await storage.lock_session(connection, session_id)
    if session is None or not 1 <= venue_no <= session["venue_count"]:
        raise Refusal("not_found")
    venue = await storage.venue(connection, session_id, venue_no)
    if venue is None or venue["county"] is None or venue["county"] != who.county:
        who.must_serve(session["county"])
    if session["cancelled_at"]:
        raise Refusal("invalid_state", reason={"zh": "这场培训已取消", "en": "the session is cancelled"})


# -- who is expected ---------------------------------------------------------------------------------------------------


async def expect(
    connection: Connection, who: Principal, session_id: UUID, expected: Sequence[Expected]
) -> list[Expected | Refusal]:
    """Replaces the list of those expected at a session by the rows that are not refused. Refuses ``unknown_volunteer``,
    ``already_recorded`` (twice in the list), ``schema`` (no such venue, a number twice). Raises ``not_found``,
    ``forbidden``."""
    session = await locked(connection, who, session_id)
    movements = await roster.movements(connection, {row.volunteer_id for row in expected})
    known: dict[UUID, Expected] = {}
    numbers: set[tuple[int, int]] = set()
    results: list[Expected | Refusal] = []
    for row in expected:
        refusal = None
        if row.volunteer_id not in movements:
            refusal = Refusal("unknown_volunteer", pointer="/volunteer_id")
        elif row.volunteer_id in known:
            refusal = Refusal("already_recorded", pointer="/volunteer_id")
        elif row.venue_no > session["venue_count"]:
            refusal = rules.no_such_venue(session["venue_count"])
        elif row.list_no is not None and (row.venue_no, row.list_no) in numbers:
            reason = {"zh": "同一会场的名单序号不能重复", "en": "the number stands twice in the venue's list"}
            refusal = Refusal("schema", pointer="/list_no", reason=reason)
        else:
            known[row.volunteer_id] = row
            if row.list_no is not None:
                numbers.add((row.venue_no, row.list_no))
        results.append(refusal or row)
    await storage.replace_expected(connection, session_id, [storage.ExpectedRow(*row) for row in known.values()])
    return results


# -- the host's page ---------------------------------------------------------------------------------------------------


async def opened(connection: Connection, token: str) -> Any:
    """A living link with its session and venue. Raises ``not_found``."""
    link = await storage.link(connection, hash_of(token))
    if link is None:
        raise Refusal("not_found")
    return link


async def record_at(
    connection: Connection, clock: Clock, token: str, told: Sequence[str]
) -> list[tuple[str, UUID | Refusal]]:
    """Records who came, by volunteer id or number on the host's list, for the session's full hours and today: for each,
    once, the id of the attendance or why there is none. Raises ``not_found``, ``invalid_state`` (another day, not held
    yet, cancelled), ``too_large``."""
    link = await opened(connection, token)
    if len(told) > MOST_AT_ONCE:
        raise Refusal("too_large")
    today = clock.now().astimezone(clock.zone).date()
    first, last = rules.days_of(link["starts_at"], link["ends_on"], clock.zone)
    if not first <= today <= last:
        reason = {"zh": "只能在培训当天登记", "en": "it is open on the days of the session only"}
        raise Refusal("invalid_state", reason=reason)
    session_id, venue_no = link["session_id"], link["venue_no"]
    await held_session(connection, session_id)
    by_number = await storage.expected_by_number(connection, session_id, venue_no)
    found = {each: rules.volunteer_named(each, by_number) for each in dict.fromkeys(told)}
    attendances = [
        rules.Attendance(session_id, volunteer_id, venue_no, min(link["hours"], rules.MOST_HOURS), today)
        for volunteer_id in found.values()
        if isinstance(volunteer_id, UUID)
    ]
    decided = iter(await record(connection, clock, attendances, link["link_county"]))
    return [(each, next(decided) if isinstance(named, UUID) else named) for each, named in found.items()]
