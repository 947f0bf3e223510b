"""The same content has the same digest however it is written; other content has another."""

import hashlib
import json
from typing import Any

import pytest
import rfc8785

from shared.contracts.refusals import Refusal
from shared.contracts.requests import parse, parse_batch
from tests.contracts.examples import example, with_data, written

TOLD = example("intake.attendance_reported")


def digest(value: bytes, headers: Any = ()) -> bytes:
    try:
        return parse(value, headers).digest
    except Refusal as refusal:
        return refusal.request_digest


def backwards(told: Any) -> Any:
    return {name: backwards(item) for name, item in reversed(told.items())} if isinstance(told, dict) else told


def test_it_is_this_one():
    """It is remembered for 400 days: a change would make every repeated report an ``id_reused``."""
    assert digest(written(TOLD)).hex() == "7bfc17399d977816bf4b933a5ea288405d703fbeb01336b22905880fe505f54e"


@pytest.mark.parametrize(
    "value",
    [
        json.dumps(TOLD, ensure_ascii=True).encode(),
        json.dumps(TOLD, indent=8).encode(),
        json.dumps(backwards(TOLD)).encode(),
        written(TOLD).replace(b"2.5", b"25e-1"),
        written(TOLD).replace(b'"venue_no": 2', b'"venue_no": 2.0'),
        written(TOLD | {"time": "2014-05-27T09:45:00.000Z"}),
        written(TOLD | {"subject": "x", "datacontenttype": None, "odd": 7}),
        written(with_data("intake.attendance_reported", more=None)),
    ],
)
def test_form_makes_no_difference(value: bytes):
    assert digest(value) == digest(written(TOLD))


def test_mode_makes_no_difference():
    headers = [(f"ce_{name}", TOLD[name].encode()) for name in ("specversion", "id", "source", "type", "time")]
    assert digest(json.dumps(TOLD["data"]).encode(), headers) == digest(written(TOLD))
    assert {r.digest if not isinstance(r, Refusal) else b"" for r in parse_batch(written([TOLD, TOLD]))} == {
        digest(written(TOLD))
    }


def test_content_makes_a_difference():
    headers = [(f"ce_{name}", TOLD[name].encode()) for name in ("specversion", "id", "source", "type", "time")]
    digests = [
        digest(written(TOLD)),
        digest(written(TOLD | {"id": "x"})),
        digest(written(TOLD | {"source": "/ext/x"})),
        digest(written(TOLD | {"type": "x"})),
        digest(written(TOLD | {"time": "2014-05-27T17:45:01+08:00"})),
        digest(written(TOLD | {"time": "9999-12-31T23:59:59-12:00"})),
        digest(written(TOLD | {"time": "never"})),
        digest(written(TOLD | {"time": 5})),
        digest(written(TOLD | {"data": {}})),
        digest(written(TOLD | {"data": float("nan")})),
        digest(written(TOLD | {"data": 10**30})),
        digest(written(with_data("intake.attendance_reported", venue_no=3))),
        digest(written(with_data("intake.attendance_reported", venue_no="2"))),
        digest(written(with_data("intake.attendance_reported", venue_no=[None]))),
        digest(b"{", headers),
        digest(b"\xff", headers),
        digest(b"", headers),
    ]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("text", ["plain", "世界", '"\\/\b\f\n\r\t\x1f\x7f\u2028', "\U0001f600", "\u00e9"])
def test_strings_alone_are_written_as_rfc_8785_says(text: str):
    """They go a shorter way, to the same digest."""
    told = example("intake.repost_withdrawn")
    told["data"] = {"b": text, "a": text, "Z": "", "\x7f": text, text[:1]: "x"}
    content = {name: told[name] for name in ("source", "id", "type", "data")} | {"time": "2014-05-27T09:45:00+00:00"}
    told["time"] = "2014-05-27T17:45:00+08:00"
    assert digest(written(told)) == hashlib.sha256(rfc8785.dumps(content)).digest()
