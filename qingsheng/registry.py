"""The five services: where their migrations lie, and how their API and worker are made."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from shared.settings import Settings

DELIVERY = "shared/delivery/migrations"
INTAKE = "shared/delivery/intake_migrations"
ROSTER_VIEW = "shared/roster_view/migrations"
AUDIT = "shared/access/audit_migrations"
ACCESS = ("access", ("shared/access/migrations", AUDIT))
"""The schema of accounts and sessions, which no service owns, and its migrations."""


@dataclass(frozen=True)
class Service:
    """``migrations``: folders, applied together in the order of their numbers."""

    name: str
    migrations: tuple[str, ...]

    def create_api(self, settings: Settings) -> Any:
        return self._made_by("app", "create_api")(settings)

    def create_worker(self, settings: Settings) -> Any:
        return self._made_by("worker", "create_worker")(settings)

    def _made_by(self, module: str, name: str) -> Callable[[Settings], Any]:
        # Imported when asked for: a worker starts without what only an API needs.
        return getattr(import_module(f"services.{self.name}.{module}"), name)


SERVICES = {
    name: Service(name, (*shared, AUDIT, f"services/{name}/migrations"))
    for name, shared in {
        "roster": (DELIVERY,),
        "training": (DELIVERY, INTAKE, ROSTER_VIEW),
        "opinion": (DELIVERY, INTAKE, ROSTER_VIEW),
        "campaign": (DELIVERY, INTAKE, ROSTER_VIEW),
        "appraisal": (DELIVERY,),
    }.items()
}
