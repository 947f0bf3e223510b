"""What commands on one thing have in common: a refusal is raised."""

from datetime import datetime

from shared.contracts.refusals import Refusal


def refuse(refusal: Refusal | None) -> None:
    if refusal:
        raise refusal


def moment(told: datetime | Refusal) -> datetime:
    if isinstance(told, Refusal):
        raise told
    return told


def check_version(told: int | None, present: int) -> None:
    """Raises ``version_conflict`` when the caller read another version."""
    if told is not None and told != present:
        raise Refusal("version_conflict")
