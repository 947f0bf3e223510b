"""What reports call people and accounts: by our ids, or by references of the producer's own that the roster registered.

A reference that is not registered stands for an id that nobody has: so all rules go on, and where they would wait for that
id, the report waits for the reference.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID, uuid4

from shared.access import references
from shared.access.references import Name
from shared.contracts.references import Kind, may_be_reference, own_id
from shared.contracts.requests import Request
from shared.delivery.intake import Outcome, Waiting
from shared.postgres import Connection


class Called(NamedTuple):
    """Whom or what a report names. ``unknown``: the name, where it is a reference that is not registered (yet)."""

    id: UUID
    unknown: Name | None = None

    @property
    def never(self) -> bool:
        """Whether it is unknown and can never be registered."""
        return self.unknown is not None and may_be_reference(self.unknown[2], "") is not None

    def instead(self, outcome: Outcome) -> Outcome:
        """An outcome that waits for the unknown waits for its reference instead; or not at all, for what can never be
        one: that stays unknown, and somebody's number or address is not kept."""
        if self.unknown is None or not isinstance(outcome, Waiting):
            return outcome
        if outcome.thing != f"{self.unknown[1]}/{self.id}":
            return outcome
        if self.never:
            return outcome.refusal
        # References come by HTTP only: there is no topic to be read up to.
        return Waiting("/".join(("reference", *self.unknown)), None, outcome.refusal)


async def called(connection: Connection, told: Sequence[tuple[Request, Kind, str]]) -> list[Called]:
    """For each (report, kind, what it says), whom or what it names."""
    names = [_name(*each) for each in told]
    known = await references.ids_of(connection, sorted({name for name in names if name}))
    return [_called(reference, name, known) for (_, _, reference), name in zip(told, names, strict=True)]


def unheard_of(request: Request, kind: Kind, reference: str) -> Called:
    """What a report names, where no references are known."""
    return _called(reference, _name(request, kind, reference), {})


def _name(request: Request, kind: Kind, reference: str) -> Name | None:
    """None where it is an id of ours."""
    return None if own_id(reference) else (request.source.removeprefix("/ext/"), kind, reference)


def _called(reference: str, name: Name | None, known: dict[Name, UUID]) -> Called:
    if name is None:
        return Called(UUID(reference))
    return Called(known[name]) if name in known else Called(uuid4(), name)
