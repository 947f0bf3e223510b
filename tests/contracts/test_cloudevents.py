"""A CloudEvents library of others reads what we write, and writes what we read."""

from datetime import UTC, datetime

import pytest
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from shared.contracts.answers import accepted, rejected
from shared.contracts.intake import INTAKE_TYPES
from shared.contracts.refusals import Refusal
from shared.contracts.requests import parse
from tests.contracts.examples import EXAMPLES, written

JSON = JSONFormat()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_cloudevents(name: str):
    event = JSON.read(CloudEvent, written(EXAMPLES[name]))
    assert (event.get_type(), event.get_specversion()) == (name, "1.0")
    assert event.get_data() == EXAMPLES[name]["data"]
    assert isinstance(event.get_time(), datetime)
    for extension in ("county", "sequence", "partitionkey"):
        assert event.get_extension(extension) == EXAMPLES[name].get(extension)


@pytest.mark.parametrize(
    "answer",
    [
        accepted("a", "/ext/x", "campaign", [], [], datetime(2014, 8, 4, tzinfo=UTC)),
        rejected("a", "/ext/x", "campaign", Refusal("too_large"), datetime(2014, 8, 4, tzinfo=UTC)),
    ],
)
def test_answers_are_cloudevents(answer: bytes):
    assert JSON.read(CloudEvent, answer).get_subject() == "request/a"


@pytest.mark.parametrize("name", INTAKE_TYPES)
def test_reports_of_the_library_are_read(name: str):
    event = JSON.read(CloudEvent, written(EXAMPLES[name]))
    request = parse(written(EXAMPLES[name]))
    for message in (kafka.to_structured(event, JSON), kafka.to_binary(event, JSON)):
        assert parse(message.value, list(message.headers.items())) == request
    for told in (http.to_structured(event, JSON), http.to_binary(event, JSON)):
        body = told.body if isinstance(told.body, bytes) else str(told.body).encode()
        assert parse(body, [(header, value.encode("latin-1")) for header, value in told.headers.items()]) == request
