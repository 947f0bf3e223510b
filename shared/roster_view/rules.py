"""What the roster's events say of a volunteer or an account at a moment: pure."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID


class Movement(NamedTuple):
    """A volunteer enters a unit (registration, transfer) or leaves (``unit_id`` None); in force for the whole ``day``."""

    sequence: int
    day: date
    unit_id: str | None
    county: str


class Account(NamedTuple):
    """A disclosure takes force (``opens``) or ends at ``since``. ``since`` of a disclosure is the later of disclosed
    and verified: before both, a share from it does not count."""

    sequence: int
    opens: bool
    since: datetime
    volunteer_id: UUID
    platform: str | None


def place_on(movements: Sequence[Movement], day: date) -> Movement | None:
    """Where the volunteer belongs on that local day; None when not registered then. Movements in any order."""
    last = max((m for m in movements if m.day <= day), default=None)
    return last if last is not None and last.unit_id is not None else None


def is_disclosed(moves: Sequence[Account], at: datetime) -> bool:
    """Whether the account was publicly disclosed, verified and not withdrawn at that moment."""
    last = max((m for m in moves if m.since <= at), key=lambda m: m.sequence, default=None)
    return last is not None and last.opens
