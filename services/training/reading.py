"""What API and pages read of a request: the version that was read, and a session from its body."""

from fastapi import Request

from services.training import planning
from services.training.models import HoldSession
from shared.contracts.fields import Names
from shared.contracts.refusals import Refusal


def version_read(request: Request, *, required: bool = False) -> int | None:
    """What If-Match tells. Where it is not required, what is done cannot be done again, so no update can be lost."""
    told = request.headers.get("if-match")
    if told is None and required:
        raise Refusal("version_required")
    if told is None or told.strip() == "*":
        return None
    number = told.strip().strip('"')
    if told.strip() != f'"{number}"' or not number.isdecimal():
        raise Refusal("version_conflict")
    return int(number)


def new_session(told: HoldSession) -> planning.NewSession:
    """Raises ``schema`` where the venues and their number do not agree, or neither is told."""
    count = told.venue_count or len(told.venues)
    if not count or (told.venues and count != len(told.venues)):
        reason = {"zh": "请写明会场或会场数，两者须一致", "en": "give the venues or their number, in agreement"}
        raise Refusal("schema", pointer="/venue_count", reason=reason)
    return planning.NewSession(
        told.kind,
        Names(zh=told.title.zh, en=told.title.en),
        told.starts_at,
        told.hours,
        count,
        told.organisers,
        told.joint_with,
        [planning.NewVenue(venue.name, venue.unit_id, venue.capacity) for venue in told.venues],
        told.ends_on,
    )
