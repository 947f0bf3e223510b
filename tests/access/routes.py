"""All routes of all services, with the guard of each; and the written matrix in docs/roles.md."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fastapi.routing import iter_route_contexts

from qingsheng.registry import SERVICES
from shared.access.guard import Guard
from shared.access.roles import Role
from tests.support.services import settings_for

MATRIX = Path(__file__).parents[2] / "docs" / "roles.md"
COLUMNS = ("public", "producer", "county_operator", "city_operator", "committee", "auditor", "ops")
"""Roles in the order of the matrix."""


class Guarded(NamedTuple):
    """A route with its roles; None where no guard stands."""

    method: str
    path: str
    roles: frozenset[Role] | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def routes() -> Iterator[Guarded]:
    """Of all services, in the order of their definition."""
    settings = settings_for("postgresql://127.0.0.1:1/none")
    for service, made in SERVICES.items():
        for found in iter_route_contexts(made.create_api(settings).routes):
            dependant = getattr(found, "dependant", None)
            if dependant is None:
                continue  # static files, the OpenAPI document
            guards = [each.call for each in dependant.dependencies if isinstance(each.call, Guard)]
            roles = guards[0].roles if len(guards) == 1 else None
            for method in sorted(found.methods - {"HEAD"}):
                yield Guarded(method, f"/{service}{found.path}", roles)


def line(route: Guarded) -> str:
    """The matrix's line of a route; a dot for every role that may."""
    assert route.roles is not None, route.name
    everyone = Role.PUBLIC in route.roles
    cells = ("●" if everyone or role in route.roles else "" for role in COLUMNS)
    return f"| `{route.name}` | {' | '.join(cells)} |"


def written() -> dict[str, frozenset[Role]]:
    """The matrix as it stands in the docs: roles by route."""
    found: dict[str, frozenset[Role]] = {}
    for text in MATRIX.read_text(encoding="utf-8").splitlines():
        if text.startswith("| `"):
            name, *cells = [cell.strip() for cell in text.strip("|").split("|")]
            found[name.strip("`")] = frozenset(
                Role(role) for role, cell in zip(COLUMNS, cells, strict=True) if cell == "●"
            )
    return found
