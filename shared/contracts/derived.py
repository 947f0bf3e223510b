"""msgspec types derived from the contract's pydantic models."""

import types
from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import annotated_types
import msgspec
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Strict, StringConstraints
from pydantic.fields import FieldInfo
from pydantic.types import AllowInfNan  # pyright: ignore[reportPrivateImportUsage]

from shared.contracts.envelope import EventData
from shared.contracts.registry import of_service

_MOMENT: Any = AwareDatetime
_AWARE = Annotated[datetime, msgspec.Meta(tz=True)]


def union_of(service: str, needed: Collection[str], *, all_known: bool) -> Any:
    """One Struct for every event type of a service, told apart by ``type``.

    Those of the types ``needed`` have the envelope's attributes and ``data``, and for the decoder ``type``, ``key`` and
    ``own`` (the type's KEY and TIME) and ``moments``, its other instants. The others have no field, their ``type`` is
    None. ``all_known``: as in ``struct_of``.
    """
    structs: list[Any] = [
        _event_of(event_type, all_known)
        if name in needed
        else msgspec.defstruct("Skipped", [], namespace={"type": None}, tag_field="type", tag=name)
        for name, event_type in of_service(service).items()
    ]
    return Union[tuple(structs)]  # noqa: UP007


def _event_of(event_type: type[EventData], all_known: bool) -> Any:
    source: Any = Literal[f"/qingsheng/{event_type.SERVICE}"]  # pyright: ignore[reportInvalidTypeForm]
    moments = tuple(
        name
        for name, field in event_type.model_fields.items()
        if field.annotation is _MOMENT and name != event_type.TIME
    )
    return msgspec.defstruct(
        event_type.__name__,
        [
            ("specversion", Literal["1.0"]),
            ("id", UUID),
            ("source", source),
            ("subject", str),
            ("time", _AWARE),
            ("recordedtime", _AWARE),
            ("sequence", str),
            ("county", str),
            ("partitionkey", str),
            ("data", struct_of(event_type, all_known=all_known)),
            ("datacontenttype", Literal["application/json"] | None, None),
            ("traceparent", str | None, None),
        ],
        namespace={"type": event_type.TYPE, "key": event_type.KEY, "own": event_type.TIME, "moments": moments},
        tag_field="type",
        tag=event_type.TYPE,
        frozen=True,
        gc=False,
        kw_only=True,
        forbid_unknown_fields=all_known,
    )


@cache
def struct_of(model: type[BaseModel], *, all_known: bool) -> Any:
    """A frozen msgspec Struct with the fields, constraints and defaults of a pydantic model.

    ``all_known``: a field that the model does not have is an error, else it is skipped. Raises TypeError for a
    constraint that msgspec has no word for.
    """
    fields: list[Any] = []
    for name, field in model.model_fields.items():
        translated = _translated(field.annotation, field.metadata, all_known)
        fields.append((name, translated) if field.is_required() else (name, translated, field.get_default()))
    return msgspec.defstruct(
        model.__name__, fields, frozen=True, gc=False, kw_only=True, forbid_unknown_fields=all_known
    )


def _translated(annotation: Any, metadata: list[Any], all_known: bool) -> Any:
    if annotation is _MOMENT:
        return _AWARE
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _translated(inner, [*more, *metadata], all_known)
    if origin is Literal:
        return annotation
    if origin in (Union, types.UnionType):
        parts = [part if part is type(None) else _translated(part, [], all_known) for part in get_args(annotation)]
        return _constrained(Union[tuple(parts)], metadata)  # noqa: UP007
    if origin is list:
        (item,) = get_args(annotation)
        return _constrained(list[_translated(item, [], all_known)], metadata)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return struct_of(annotation, all_known=all_known)
    return _constrained(annotation, metadata)


def _constrained(annotation: Any, metadata: list[Any]) -> Any:
    told: dict[str, Any] = {}
    for constraint in _flat(metadata):
        match constraint:
            case StringConstraints(min_length=least, max_length=most, pattern=str() | None as pattern):
                told |= {"min_length": least, "max_length": most, "pattern": _to_the_end(pattern)}
            case annotated_types.Ge(ge):
                told["ge"] = ge
            case annotated_types.Gt(gt):
                told["gt"] = gt
            case annotated_types.Le(le):
                told["le"] = le
            case annotated_types.MinLen(least):
                told["min_length"] = least
            case annotated_types.MaxLen(most):
                told["max_length"] = most
            case Strict() | AllowInfNan():
                pass  # msgspec is strict, and knows finite numbers only
            case BeforeValidator() | AfterValidator():
                pass  # those of fields.py: what msgspec reads by itself, and what the decoder looks at besides
            case _:
                raise TypeError(f"no translation for {constraint!r}")
    told = {name: bound for name, bound in told.items() if bound is not None}
    return Annotated[annotation, msgspec.Meta(**told)] if told else annotation


def _to_the_end(pattern: str | None) -> str | None:
    """Python's ``$`` lets a line's end pass, that of pydantic does not."""
    return pattern.removesuffix("$") + r"\Z" if pattern and pattern.endswith("$") else pattern


def _flat(metadata: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for constraint in metadata:
        flat += constraint.metadata if isinstance(constraint, FieldInfo) else [constraint]
    return flat
