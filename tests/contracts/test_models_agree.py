"""The decoder's types are derived from the contract's models: they take and refuse the same data, field by field."""

import copy
import json
import re
from datetime import datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from shared.contracts.decoding import Broken, Decoder
from shared.contracts.derived import struct_of
from shared.contracts.envelope import NOON
from shared.contracts.fields import Day, Instant
from shared.contracts.registry import EVENT_TYPES, of_service
from tests.contracts.examples import EXAMPLES, written

ZONE = ZoneInfo("Asia/Shanghai")
DECODERS = {
    service: Decoder(service, list(of_service(service).values()), ZONE)
    for service in ("roster", "training", "opinion", "campaign", "appraisal")
}
OF_THE_DATA = {"schema", "not_finite", "too_deep", "bad_string"}
OWN_TIME: TypeAdapter[Any] = TypeAdapter(Instant | Day)

# What a field may be told wrongly, or in another of its forms.
TOLD: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.0, 1.5, -0.0, 2000, 2100, 2101, 2**31, 2**63, 10**25, 1e308, [], {}, [None], [[]]),
    *("", " ", "x", "0", "1", "true", "350902", "350902\n", "3509", "A" * 20, "A" * 21, "a350902", "３５０９０２"),
    *("weibo", "Weibo", "weibo ", "other", "acted", "city", "county", "class", "need", "jobs", "error", "duplicate"),
    *("2014-05-27", "2014-5-27", "2014-02-30", "20140527", "1401148800", "2014-05-27T00:00:00", "9999-12-31"),
    *("2014-05-27T09:00:00Z", "2014-05-27t09:00:00z", "2014-05-27 09:00:00+08:00", "2014-05-27T09:00Z"),
    *("2014-05-27T09:00:00+0800", "2014-05-27T09:00:00.5-03:30", "2014-05-27T09:00:00.1234567Z"),
    *("2014-05-27T09:00:00", "2014-05-27T24:00:00Z", "2014-05-27T23:59:60Z", "2014-05-27T09:00:00,5Z", "1401152400"),
    *("2014-05-27_09:00:00Z", "2014-05-27T09:00:00−08:00", "2014-05-27T09:00:00+24:00", " 2014-05-27T09:00:00Z"),
    *("0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00", "1999-12-31T23:59:59Z", "2014-05-27T09:00:00.Z"),
    *(
        "0198c1f0-8a3e-7c31-9f60-2f6f0e1a4b7d",
        "0198C1F0-8A3E-7C31-9F60-2F6F0E1A4B7D",
        "0198c1f08a3e7c319f602f6f0e1a4b7d",
    ),
    *("{0198c1f0-8a3e-7c31-9f60-2f6f0e1a4b7d}", "urn:uuid:0198c1f0-8a3e-7c31-9f60-2f6f0e1a4b7d", "0198c1f0"),
    *("https://a.example/b?c#d", "http://a.example", "HTTPS://A.EXAMPLE/", "https://", "https:///x", "ftp://a.example"),
    *("https://a.example/ b", "https://a.example/\x7f", "https://a.example\n", " https://a.example", "javascript:x"),
    *(
        "2014",
        "2014-H1",
        "2014-H3",
        "2014-Q4",
        "2014-13",
        "2014-12\n",
        "f" * 64,
        "F" * 64,
        "x" * 2001,
        "蕉城",
        "a\x00b",
    ),
    *(["350902"], ["350902", 5], [""], {"zh": "班"}, {"zh": "班", "en": None, "fr": 5}, {"en": "x"}, {"zh": ""}),
    *({"title": "x", "held_on": "2014-08-02", "participants": 0}, {"title": "x", "held_on": "2014-08-02"}),
    *([{"county": "350902", "score": 100, "rank": 1}], [{"county": "350902", "score": 100.01, "rank": None}]),
    *([{"county": "350902", "score": None}], [{"county": 350902, "score": None, "rank": None}]),
]


def judged_by_model(model: type[BaseModel], data: Any) -> BaseModel | None:
    try:
        return model.model_validate_json(json.dumps(data))
    except ValidationError:
        return None


def judged_by_decoder(name: str, data: Any) -> tuple[bool, Any]:
    """Whether the data is good, and it, if the event is; the envelope is made to fit the data where that can be."""
    event_type = EVENT_TYPES[name]
    told = EXAMPLES[name] | {"data": data}
    # What happened may have been told long after, so that any time of the data can stand in the envelope.
    told["recordedtime"] = "2999-01-01T00:00:00Z"
    if isinstance(data, dict):
        if isinstance(key := data.get(event_type.KEY), str):
            told["partitionkey"] = key
        if event_type.TIME and (time := own_time(data.get(event_type.TIME))):
            told["time"] = time
    try:
        decoded = DECODERS[event_type.SERVICE](written(told))
    except Broken as broken:
        return broken.reason not in OF_THE_DATA, None
    assert decoded is not None
    return True, decoded.data


def own_time(told: Any) -> str | None:
    try:
        read = OWN_TIME.validate_python(told, strict=True)
    except ValidationError:
        return None
    return told if isinstance(read, datetime) else datetime.combine(read, NOON, ZONE).isoformat()


def assert_same(fields: Any, struct: Any) -> None:
    if isinstance(fields, BaseModel):
        assert set(type(fields).model_fields) == set(struct.__struct_fields__)
        for field in type(fields).model_fields:
            assert_same(getattr(fields, field), getattr(struct, field))
    elif isinstance(fields, list):
        assert len(fields) == len(struct)
        for one, other in zip(fields, struct, strict=True):
            assert_same(one, other)
    elif isinstance(fields, datetime):
        assert abs(fields - struct) <= timedelta(microseconds=1)
    else:
        assert fields == struct
        assert type(fields) is type(struct)


def assert_agreed(name: str, data: Any) -> bool:
    model = judged_by_model(EVENT_TYPES[name], data)
    good, struct = judged_by_decoder(name, data)
    if isinstance(data, dict) and re.match("(0001|9999)-.*T", str(data.get(EVENT_TYPES[name].TIME))):
        good = struct is not None  # the decoder finds fault with the event's time, which is the same
    assert (model is not None) == good, json.dumps(data)
    if model is not None and struct is not None:
        assert_same(model, struct)
    return good


def places(data: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the data at which something stands."""
    found = [place]
    if isinstance(data, dict):
        for field, item in data.items():
            found += places(item, (*place, field))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            found += places(item, (*place, index))
    return found


def changed(data: Any, place: tuple[Any, ...], told: Any) -> Any:
    """A copy of the data with something else at the place; ... takes it away."""
    if not place:
        return told
    data = copy.deepcopy(data)
    inner = data
    for part in place[:-1]:
        inner = inner[part]
    if told is ...:
        del inner[place[-1]]
    else:
        inner[place[-1]] = told
    return data


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_field_told_otherwise(name: str):
    data = EXAMPLES[name]["data"]
    assert assert_agreed(name, data)
    refused = 0
    for place in places(data):
        if place:
            assert_agreed(name, changed(data, place, ...))
        for told in TOLD:
            refused += not assert_agreed(name, changed(data, place, told))
    assert refused > 50


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_optional_fields_may_be_null_or_missing(name: str):
    data = EXAMPLES[name]["data"]
    for field, info in EVENT_TYPES[name].model_fields.items():
        without, null = changed(data, (field,), ...) if field in data else data, data | {field: None}
        assert assert_agreed(name, without) is not info.is_required()
        if not info.is_required():
            assert assert_agreed(name, null)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TOLD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["zh", "en", "county", "x"]), inner),
    max_leaves=6,
)
WRITTEN = st.from_regex(
    r"\d{4}-[01]\d-[0-3]\d[Tt ][012]\d:[0-6]\d:[0-6]\d(\.\d{1,9})?([Zz]|[+-][012]\d:?[0-6]\d)", fullmatch=True
) | st.from_regex(r"\d{4}-[01]\d-[0-3]\d", fullmatch=True)


@given(st.sampled_from(sorted(EVENT_TYPES)), st.data())
def test_chance_finds_no_difference(name: str, chance: st.DataObject):
    data = EXAMPLES[name]["data"]
    place = chance.draw(st.sampled_from(places(data)))
    assert_agreed(name, changed(data, place, chance.draw(JSON | WRITTEN)))


def test_instants_stand_where_the_decoder_looks():
    """It looks at the calendar's edges in the fields of ``data`` alone."""
    for event_type in EVENT_TYPES.values():
        for field in event_type.model_fields.values():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                assert "AwareDatetime" not in str(field.annotation.model_fields)


def test_a_constraint_without_translation_is_an_error():
    class Odd(BaseModel):
        count: Annotated[int, Field(multiple_of=3)]

    with pytest.raises(TypeError, match="MultipleOf"):
        struct_of(Odd, all_known=True)
