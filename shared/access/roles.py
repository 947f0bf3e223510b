"""Roles, and who is asking."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from shared.contracts.refusals import Refusal


class Role(StrEnum):
    """What a person or a system may do here; see docs/roles.md for the matrix."""

    PRODUCER = "producer"
    COUNTY_OPERATOR = "county_operator"
    CITY_OPERATOR = "city_operator"
    COMMITTEE = "committee"
    AUDITOR = "auditor"
    OPS = "ops"
    PUBLIC = "public"


OF_ACCOUNTS = frozenset(Role) - {Role.PRODUCER, Role.PUBLIC}
"""The roles that a person's account may have: producers have keys, the public has no account."""


@dataclass(frozen=True)
class Principal:
    """Whoever asks. ``name``: the account's, the producer's, or empty. ``county``: of a county operator, else None."""

    name: str
    roles: frozenset[Role]
    county: str | None = None

    def is_any(self, roles: Collection[Role]) -> bool:
        return not self.roles.isdisjoint(roles)

    def must_serve(self, county: str) -> None:
        """Raises ``forbidden`` when this is a county operator, and the county another one."""
        if self.county is not None and self.county != county:
            raise Refusal("forbidden")


NOBODY = Principal("", frozenset({Role.PUBLIC}))
"""Somebody who has not signed in."""
