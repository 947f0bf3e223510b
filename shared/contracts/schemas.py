"""JSON Schema (2020-12) of whole events, derived from the models: what other systems check against.

The doors read a little more than the schemas say (a UUID without hyphens, an instant with a space); the schemas say what
to write.
"""

from typing import Any, cast

from pydantic import BaseModel

from shared.contracts.answers import ANSWER_TYPES
from shared.contracts.envelope import EventData
from shared.contracts.intake import INTAKE_TYPES, IntakeData
from shared.contracts.registry import EVENT_TYPES
from shared.contracts.requests import MAX_ID

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES: dict[str, type[BaseModel]] = {**EVENT_TYPES, **INTAKE_TYPES, **ANSWER_TYPES}
"""Every type that the contract names: events, reports, answers."""
PRODUCER_NAME = "[a-z][a-z0-9-]{1,38}[a-z0-9]"
"""The form of the names under which other systems are registered."""

_MOMENT = {"type": "string", "format": "date-time"}
_TOLD = {"type": "string", "minLength": 1}
_UUID = {"type": "string", "format": "uuid"}
_OURS: dict[str, Any] = {
    "specversion": {"const": "1.0"},
    "id": _UUID,
    "subject": {"type": "string", "pattern": "^[^/]+/.+$"},
    "time": _MOMENT | {"description": "when it happened"},
    "recordedtime": _MOMENT | {"description": "when the owning service recorded it"},
    "partitionkey": _TOLD,
    "datacontenttype": {"const": "application/json"},
}
_REQUIRED = ("specversion", "id", "source", "type", "subject", "time", "recordedtime", "partitionkey", "data")


def schema_of(name: str) -> dict[str, Any]:
    """The schema of a whole event of this CloudEvents type, on its own feet. Raises KeyError."""
    model = TYPES[name]
    data = cast(dict[str, Any], _bare(model.model_json_schema()))
    definitions = data.pop("$defs", None)
    properties, required = _envelope(name, model)
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "$id": f"urn:{name.replace('.', ':')}",
        "title": name,
        "type": "object",
        "required": [*required],
        "properties": properties | {"data": data},
    }
    return schema | ({"$defs": definitions} if definitions else {})


def _envelope(name: str, model: type[BaseModel]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The attributes around ``data``, and which of all are required."""
    said = {"type": {"const": name}}
    if issubclass(model, IntakeData):
        told = {
            "specversion": {"const": "1.0"},
            "id": _TOLD | {"maxLength": MAX_ID, "description": "the producer's own, used once"},
            "source": {"type": "string", "pattern": f"^/ext/{PRODUCER_NAME}$"},
            "time": _MOMENT,
        }
        return told | said, ("specversion", "id", "source", "type", "time", "data")
    if issubclass(model, EventData):
        more = {
            "source": {"const": f"/qingsheng/{model.SERVICE}"},
            "sequence": {"type": "string", "pattern": "^[0-9]{1,18}$", "description": "rising within partitionkey"},
            "county": {"type": "string", "pattern": "^[0-9]{6}$"},
            "traceparent": {"type": "string"},
        }
        return _OURS | said | more, (*_REQUIRED, "sequence", "county")
    return _OURS | said | {"source": {"type": "string", "pattern": "^/qingsheng/[a-z]+$"}}, _REQUIRED


def _bare(part: Any) -> Any:
    """Without the titles that pydantic makes of names, the models' words to those who read the code, and defaults: what is
    left out is null."""
    if isinstance(part, list):
        return [_bare(each) for each in cast(list[Any], part)]
    if not isinstance(part, dict):
        return part
    told = cast(dict[str, Any], part)
    return {
        name: _bare(value)
        for name, value in told.items()
        if name not in ("title", "description", "default") or isinstance(value, dict)
    }
