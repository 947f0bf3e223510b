"""Classes: sessions and the joint class's list over HTTP, the other lists by the registers."""

import time
from datetime import timedelta

from qingsheng.demo.doors import NOT_YET, PATIENCE, Refused
from qingsheng.demo.story import at, registers
from qingsheng.demo.story.classes import SESSIONS, Session
from qingsheng.demo.story.reports import Named
from qingsheng.demo.telling import Telling

API = "/training/api/v1"


async def sessions(telling: Telling) -> None:
    """Enters every session at the end of its day; the joint class with its list, on the day after."""
    made = await telling.all(
        "sessions", [telling.doors.post(f"{API}/sessions", one.body, at=at(one.on, 17)) for one in SESSIONS]
    )
    for session, answer in zip(SESSIONS, made, strict=True):
        telling.ids["session", session.ref] = answer["session_id"]
    telling.promised["training.session_held"] += len(SESSIONS)
    for session in SESSIONS:
        if session.by_api:
            await _list(telling, session)


async def _list(telling: Telling, session: Session) -> None:
    entries = [
        {name: telling.ids[value.kind, value.ref] if isinstance(value, Named) else value for name, value in row.items()}
        for row in registers.entries(telling.script.attendances, session)
    ]
    path = f"{API}/sessions/{telling.ids['session', session.ref]}/attendances"
    told_at = at(session.on + timedelta(days=1), 9)
    telling.promised["training.attendance_recorded"] += len(entries)
    deadline = time.monotonic() + PATIENCE
    while entries:
        answer = await telling.doors.post(path, {"entries": entries}, at=told_at)
        refused = [row for row in answer["rows"] if row["status"] == "refused"]
        if any(row["code"] not in NOT_YET for row in refused) or time.monotonic() > deadline:
            raise Refused(path, 200, refused[0])
        # The list is answered row by row; who is not known yet is told again.
        entries = [entries[row["row"]] for row in refused]


def say(telling: Telling) -> None:
    """What was held, in the story's order."""
    sizes = {session.ref: 0 for session in SESSIONS}
    for one in telling.script.attendances:
        sizes[one.session.ref] += 1
    for session in SESSIONS:
        by = "over HTTP" if session.by_api else "by intake"
        venues = f", {len(session.venues)} venue lists" if len(session.venues) > 1 else ""
        telling.out.step(
            f"{session.on:%-d %B}", f"{session.en}: {sizes[session.ref]} members (synthetic), {by}{venues}"
        )
