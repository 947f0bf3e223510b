"""msgspec types derived from the contract's pydantic models."""

import types
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import msgspec
from pydantic import AwareDatetime, BaseModel, StringConstraints
from pydantic.fields import FieldInfo


@cache
def struct_of(model: type[BaseModel]) -> Any:
    """A frozen msgspec Struct with the fields, constraints and defaults of a pydantic model."""
    fields: list[Any] = []
    for name, field in model.model_fields.items():
        translated = _translated(field.annotation, field.metadata)
        fields.append((name, translated) if field.is_required() else (name, translated, field.get_default()))
    return msgspec.defstruct(model.__name__, fields, frozen=True, gc=False, kw_only=True)


def _translated(annotation: Any, metadata: list[Any]) -> Any:
    if annotation is AwareDatetime:
        return Annotated[datetime, msgspec.Meta(tz=True)]
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        return _translated(inner, [*more, *metadata])
    if origin is Literal:
        return annotation
    if origin in (Union, types.UnionType):
        parts = [_translated(part, []) if part is not type(None) else part for part in get_args(annotation)]
        return _constrained(Union[tuple(parts)], metadata)  # noqa: UP007
    if origin is list:
        (item,) = get_args(annotation)
        return _constrained(list[_translated(item, [])], metadata)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return struct_of(annotation)
    return _constrained(annotation, metadata)


def _constrained(annotation: Any, metadata: list[Any]) -> Any:
    told: dict[str, Any] = {}
    for constraint in _flat(metadata):
        match constraint:
            case StringConstraints():
                told |= {"min_length": constraint.min_length, "max_length": constraint.max_length}
                told["pattern"] = constraint.pattern
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
            case _:
                pass  # strictness and finiteness, which msgspec has anyway
    told = {name: bound for name, bound in told.items() if bound is not None}
    return Annotated[annotation, msgspec.Meta(**told)] if told else annotation


def _flat(metadata: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for constraint in metadata:
        flat += constraint.metadata if isinstance(constraint, FieldInfo) else [constraint]
    return flat
