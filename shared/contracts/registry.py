"""Every event type there is, by its CloudEvents type."""

from types import ModuleType

from shared.contracts import appraisal, campaign, opinion, roster, training
from shared.contracts.envelope import EventData

_MODULES = (roster, training, opinion, campaign, appraisal)


def _types(module: ModuleType) -> list[type[EventData]]:
    return [
        found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, EventData) and found is not EventData
    ]


EVENT_TYPES: dict[str, type[EventData]] = {found.TYPE: found for module in _MODULES for found in _types(module)}


def of_service(service: str) -> dict[str, type[EventData]]:
    """The event types that a service owns."""
    return {name: found for name, found in EVENT_TYPES.items() if service == found.SERVICE}
