"""Every type has an example, every example a type, and the code says of it what it says."""

import json
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import AwareDatetime, TypeAdapter

from shared.contracts.answers import ANSWER_TYPES, answer_id
from shared.contracts.decoding import Decoder
from shared.contracts.envelope import Event
from shared.contracts.intake import INTAKE_TYPES
from shared.contracts.refusals import CODES
from shared.contracts.registry import EVENT_TYPES
from shared.contracts.requests import parse
from tests.contracts.examples import EXAMPLES, FOLDER, written

ZONE = ZoneInfo("Asia/Shanghai")
INSTANT: TypeAdapter[Any] = TypeAdapter(AwareDatetime)


def test_every_type_has_an_example_and_every_example_a_type():
    assert set(EXAMPLES) == {*EVENT_TYPES, *INTAKE_TYPES, *ANSWER_TYPES}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_stands_under_its_type_and_is_pretty(name: str):
    text = (FOLDER / f"{name}.json").read_text("utf-8")
    assert EXAMPLES[name]["type"] == name
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_an_event_goes_round(name: str):
    """Read by the contract's model, written by the envelope, read by the decoder: the same."""
    told = EXAMPLES[name]
    data = EVENT_TYPES[name].model_validate_json(json.dumps(told["data"]))
    event = Event.of(
        data,
        id=UUID(told["id"]),
        time=data.own_time(ZONE) or INSTANT.validate_python(told["time"]),
        recordedtime=INSTANT.validate_python(told["recordedtime"]),
        sequence=int(told["sequence"]),
        county=told["county"],
    )
    again = json.loads(event.to_json())
    for attribute in ("time", "recordedtime"):
        assert INSTANT.validate_python(again[attribute]) == INSTANT.validate_python(told[attribute])
        again[attribute] = told[attribute]
    assert again == told
    decoded = Decoder(data.SERVICE, [type(data)], ZONE)(event.to_json())
    assert decoded is not None
    for attribute in ("id", "source", "type", "subject", "time", "recordedtime", "sequence", "county", "partitionkey"):
        assert getattr(decoded, attribute) == getattr(event, attribute)
    assert Decoder(data.SERVICE, [type(data)], ZONE)(written(told)) == decoded


@pytest.mark.parametrize("name", INTAKE_TYPES)
def test_a_report_is_read(name: str):
    told = EXAMPLES[name]
    request = parse(written(told))
    assert (request.id, request.source, request.type) == (told["id"], told["source"], name)
    assert request.data.model_dump(mode="json", exclude_none=True) == told["data"]


@pytest.mark.parametrize("name", ANSWER_TYPES)
def test_an_answer_is_read(name: str):
    told = EXAMPLES[name]
    data = ANSWER_TYPES[name].model_validate_json(json.dumps(told["data"]))
    assert data.model_dump(mode="json", exclude_none=True) == told["data"]
    assert told["id"] == str(answer_id(told["data"]["request_source"], told["data"]["request_id"]))
    if "code" in told["data"]:
        code = CODES[told["data"]["code"]]
        assert told["data"]["message"] == {"zh": code.zh, "en": code.en}
