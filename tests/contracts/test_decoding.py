"""What the decoder takes, what it skips, and each reason for which it makes a dead letter."""

import json
import random
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from shared.contracts import campaign, roster, training
from shared.contracts.decoding import Broken, Decoded, Decoder
from shared.contracts.registry import of_service
from tests.contracts.examples import example, with_data, written

ZONE = ZoneInfo("Asia/Shanghai")
DECODERS = {
    service: Decoder(service, list(of_service(service).values()), ZONE)
    for service in ("roster", "training", "opinion", "campaign", "appraisal")
}
SHARE = "campaign.repost_logged"
ALIEN_EXPONENT = b'{"specversion":"1.0","odd":1e999,'


def decode(told: Any) -> Decoded:
    """Of a whole event, by the decoder of its source's service."""
    decoded = DECODERS[told["source"].rsplit("/")[-1]](written(told))
    assert decoded is not None
    return decoded


def reason(value: bytes | None, service: str = "campaign") -> str:
    with pytest.raises(Broken) as broken:
        DECODERS[service](value)
    return broken.value.reason


def why(told: Any, service: str = "campaign") -> tuple[str, str]:
    """Reason and pointer."""
    with pytest.raises(Broken) as broken:
        DECODERS[service](written(told))
    return broken.value.reason, broken.value.detail.partition(":")[0]


def nested(levels: int) -> Any:
    """Arrays in arrays, so many levels of them."""
    return [nested(levels - 1)] if levels > 1 else []


def test_an_event_is_decoded():
    decoded = decode(example(SHARE, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
    assert decoded.id == UUID(example(SHARE)["id"])
    assert decoded.time == decoded.data.shared_at == datetime(2014, 8, 4, 12, 15, 30, tzinfo=UTC)
    assert (decoded.sequence, decoded.county) == (7, "350902")
    assert decoded.subject == f"repost/{decoded.data.repost_id}"
    assert decoded.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "told",
    [
        example(SHARE, datacontenttype=...),
        example(SHARE, datacontenttype=None, traceparent=None),
        example(SHARE, dataschema="https://example.org/x", odd={"deep": [1, 2.5, None, "蕉城"]}),
        example(SHARE, sequence="999999999999999999"),
        example(SHARE, id=example(SHARE)["id"].upper()),
        example(SHARE, id="6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
        example(SHARE, partitionkey=example(SHARE)["partitionkey"].upper()),
        example(SHARE, time="2014-08-04T12:15:30Z"),
        example(SHARE, time="2014-08-04T12:15:30.000000000Z"),
        example(SHARE, recordedtime="2014-08-03T20:15:30+08:00"),
        example(SHARE, odd=nested(31)),
        example(SHARE, odd="a\\u0301 \\\\u0000"),
        with_data(SHARE, later="a field of a later version"),
        with_data("campaign.post_published", title="e\n\u0301", column_id=None),
        with_data("campaign.post_published", title="\U0001f600 \u200f"),
        with_data("opinion.tip_resolved", action=None),
        with_data("opinion.tip_resolved", action=...),
        with_data("training.session_held", hours=3, joint_with=None, title={"zh": "班", "en": None, "fr": "x"}),
        with_data("appraisal.period_closed", scores=[{"county": "350900", "score": 60, "rank": None}] * 40),
    ],
)
def test_the_unusual_is_good(told: Any):
    assert decode(told).type == told["type"]


def test_fractions_beyond_microseconds_are_good():
    told = with_data(SHARE, shared_at="2014-08-04T20:15:30.123456789+08:00")
    assert decode(told | {"time": "2014-08-04T20:15:30.123456789+08:00"}).time.microsecond in (123456, 123457)


def test_escapes_are_good():
    told = with_data("campaign.post_published", title="三百名青年 \U0001f600")
    value = json.dumps(told, ensure_ascii=True).encode()
    decoded = DECODERS["campaign"](value)
    assert decoded is not None
    assert decoded.data.title == "三百名青年 \U0001f600"


def test_types_that_are_not_needed_are_skipped_unread():
    decoder = Decoder("campaign", [campaign.RepostLogged], ZONE)
    post = example("campaign.post_published")
    assert decoder(written(example(SHARE))) is not None
    for told in (
        post,
        post | {"data": 5},
        post | {"time": "never", "sequence": 3, "specversion": "0.3"},
        post | {"data": {"title": "e\u0301 \x00", "deep": nested(100)}},
        post | {"data": {"title": "\ud800"}},
    ):
        assert decoder(json.dumps(told).encode()) is None
    assert decoder(written(post | {"data": "e\u0301"})) is None
    assert decoder(ALIEN_EXPONENT + written(post)[1:]) is None
    with pytest.raises(Broken, match="not_utf8"):
        decoder(written(post).replace(b"B6xN2q7Zk", b"\xff"))
    with pytest.raises(Broken, match="not_json"):
        decoder(written(post)[:-1])
    with pytest.raises(Broken, match="too_large"):
        decoder(written(post | {"data": "x" * 65_536}))


def test_a_decoder_is_for_one_service():
    with pytest.raises(ValueError, match="session_held"):
        Decoder("campaign", [training.SessionHeld], ZONE)


def test_what_is_no_value():
    assert reason(None) == "tombstone"
    assert reason(b"") == "not_json"
    good = written(example(SHARE))
    assert reason(good + b" " * (65_537 - len(good))) == "too_large"
    assert DECODERS["campaign"](good + b" " * (65_536 - len(good))) is not None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\xff", "not_utf8"),
        (b'{"type":"\xed\xa0\x80"}', "not_utf8"),
        (b"{", "not_json"),
        (b"nonsense", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b'{"a":01}', "not_json"),
        (b'{"a":"\n"}', "not_json"),
        (b"{} {}", "not_json"),
        (b'{"a":NaN}', "not_finite"),
        (b'{"a":-Infinity}', "not_finite"),
        (b"[" * 30_000 + b"]" * 30_000, "too_deep"),
        (b"[]", "not_cloudevents"),
        (b"null", "not_cloudevents"),
        (b"5", "not_cloudevents"),
        (b"{}", "not_cloudevents"),
    ],
)
def test_what_is_no_event(value: bytes, expected: str):
    assert reason(value) == expected


def test_numbers_must_be_finite():
    for number in (b"1e999", b"-1e999", b"1" * 400, b"1" * 5000):
        told = written(with_data(SHARE, later="?")).replace(b'"?"', number)
        assert reason(told) == "not_finite"
        told = written(with_data("training.session_held", hours="?")).replace(b'"?"', number)
        assert reason(told, "training") == "not_finite"


def test_a_value_has_32_levels_at_most():
    assert why(example(SHARE, odd=nested(32)))[0] == "too_deep"
    assert why(with_data(SHARE, odd=nested(31)))[0] == "too_deep"


@pytest.mark.parametrize("flaw", ["a\x00b", "a\ud800b", "\udc00", "e\u0301", "\u212b"])
def test_strings_are_whole_and_in_normal_form(flaw: str):
    for write in (written, lambda told: json.dumps(told).encode()):
        if write is written and "\ud800" <= max(flaw) <= "\udfff":
            continue
        for told, pointer in (
            (example(SHARE, odd=flaw), "/odd"),
            (with_data(SHARE, later=[flaw]), "/data/later/0"),
            (with_data("campaign.post_published", title=flaw), "/data/title"),
            (example(SHARE, subject=f"repost/{flaw}"), "/subject"),
            (example(SHARE, **{flaw: 1}), ""),
        ):
            with pytest.raises(Broken) as broken:
                DECODERS["campaign"](write(told))
            assert broken.value.reason == "bad_string"
            assert broken.value.detail.startswith(f"{pointer}: ")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        *(
            ({attribute: value}, f"/{attribute}")
            for attribute in (
                "specversion",
                "id",
                "source",
                "type",
                "subject",
                "time",
                "recordedtime",
                "sequence",
                "county",
                "partitionkey",
            )
            for value in (..., None, 5, {})
        ),
        ({"data": ...}, "/data"),
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": "share-17"}, "/id"),
        ({"source": "/qingsheng/training"}, "/source"),
        ({"source": "/ext/other"}, "/source"),
        ({"subject": "repost"}, "/subject"),
        ({"subject": "/x"}, "/subject"),
        ({"subject": "repost/"}, "/subject"),
        ({"time": "2014-08-04T20:15:30"}, "/time"),
        ({"time": "4 August 2014"}, "/time"),
        ({"recordedtime": "2014-08-04"}, "/recordedtime"),
        ({"sequence": "0"}, "/sequence"),
        ({"sequence": "-1"}, "/sequence"),
        ({"sequence": "1.0"}, "/sequence"),
        ({"sequence": ""}, "/sequence"),
        ({"sequence": "٣"}, "/sequence"),
        ({"sequence": "9" * 19}, "/sequence"),
        ({"county": "3509"}, "/county"),
        ({"county": "35090a"}, "/county"),
        ({"datacontenttype": "text/plain"}, "/datacontenttype"),
        ({"traceparent": 5}, "/traceparent"),
    ],
)
def test_the_envelope_is_whole(changes: dict[str, Any], pointer: str):
    assert why(example(SHARE, **changes)) == ("not_cloudevents", pointer)


def test_a_type_or_version_that_is_not_known():
    assert why(example(SHARE, type="qingsheng.campaign.repost_logged.v2")) == ("unknown_type", "/type")
    assert why(example(SHARE, type="qingsheng.campaign.liked.v1")) == ("unknown_type", "/type")
    assert why(example(SHARE, type="com.example.share")) == ("unknown_type", "/type")
    assert why(example("intake.repost_reported")) == ("unknown_type", "/type")


def test_another_services_type():
    assert why(example("training.session_held")) == ("wrong_service", "/type")


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        (with_data(SHARE, repost_id="17"), "/data/repost_id"),
        (with_data(SHARE, platform="qq"), "/data/platform"),
        (with_data(SHARE, platform=...), "/data/platform"),
        (with_data(SHARE, platform=None), "/data/platform"),
        (with_data(SHARE, zzz="蕉城", platform=...), "/data/platform"),
        (with_data(SHARE, platform="qq", account_id=5), "/data/account_id"),
        (example(SHARE, data=[]), "/data"),
        (example(SHARE, data=None), "/data"),
        (with_data("campaign.column_opened", title={"en": "x"}), "/data/title/zh"),
        (with_data("campaign.post_published", url="ftp://example.org/x"), "/data/url"),
        (with_data("campaign.post_published", url="javascript:alert(1)"), "/data/url"),
        (with_data("campaign.post_published", unit_id="350902\n"), "/data/unit_id"),
    ],
)
def test_the_data_keeps_the_schema(told: Any, pointer: str):
    assert why(told) == ("schema", pointer)


def test_the_time_is_the_facts_own():
    assert why(example(SHARE, time="2014-08-04T20:15:31+08:00")) == ("time_mismatch", "/time")
    assert why(example(SHARE, time="2014-08-04T20:15:30.000001+08:00")) == ("time_mismatch", "/time")
    left = example("roster.volunteer_left", time="2014-11-14T00:00:00+08:00")
    assert why(left, "roster") == ("time_mismatch", "/time")
    assert decode(example("roster.volunteer_left", time="2014-11-14T04:00:00Z"))
    voided = example("campaign.repost_voided", time="2014-08-05T00:00:00Z")
    assert decode(voided).time == datetime(2014, 8, 5, tzinfo=UTC)


def test_the_time_is_at_most_24_hours_after_its_recording():
    told = example("campaign.repost_voided", recordedtime="2014-08-04T08:00:00+08:00")
    assert decode(told | {"time": "2014-08-05T00:00:00Z"})
    assert why(told | {"time": "2014-08-05T00:00:00.000001Z"}) == ("time_out_of_range", "/time")


def test_nothing_was_before_2000():
    told = with_data(SHARE, shared_at="2000-01-01T00:00:00Z")
    assert decode(told | {"time": "2000-01-01T00:00:00Z"})
    told = with_data(SHARE, shared_at="1999-12-31T23:59:59Z")
    assert why(told | {"time": "1999-12-31T23:59:59Z"}) == ("time_out_of_range", "/time")


def test_the_calendars_edges_harm_nobody():
    assert why(example(SHARE, recordedtime="9999-12-31T23:59:59-12:00"))[0] == "time_out_of_range"
    assert why(example(SHARE, recordedtime="0001-01-01T00:00:00+12:00"))[0] == "time_out_of_range"
    for moment in ("0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00"):
        told = with_data("campaign.repost_voided", shared_at=moment)
        assert why(told) == ("schema", "/data/shared_at")


def test_the_key_is_that_of_the_thing():
    other = "0198c1f0-8a3e-7c31-9f60-2f6f0e1a4b7d"
    assert why(example(SHARE, partitionkey=other)) == ("key_mismatch", "/partitionkey")
    assert why(example(SHARE, partitionkey="x")) == ("key_mismatch", "/partitionkey")
    quota = example("roster.quota_set", partitionkey="350-902")
    assert why(quota, "roster") == ("key_mismatch", "/partitionkey")


def test_what_is_wrong_is_never_quoted():
    secret = "13800138000"
    for told in (
        with_data(SHARE, platform=secret),
        with_data(SHARE, repost_id=secret),
        with_data("campaign.post_published", title=secret + "\x00"),
        example(SHARE, id=secret),
        example(SHARE, sequence=secret + "x"),
        example(SHARE, county=secret),
        example(SHARE, partitionkey=secret),
        example(SHARE, type=secret),
        example(SHARE, time=secret),
    ):
        with pytest.raises(Broken) as broken:
            DECODERS["campaign"](written(told))
        assert secret not in str(broken.value)


def test_no_bytes_whatever_raise_anything_else():
    chance = random.Random(7)
    values = [written(example(name)) for name in (SHARE, "campaign.post_published", "campaign.column_opened")]
    for _ in range(3000):
        value = bytearray(chance.choice(values))
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(value))
            match chance.randrange(3):
                case 0:
                    value[place] = chance.randrange(256)
                case 1:
                    del value[place : place + chance.randint(1, 20)]
                case _:
                    value[place:place] = chance.choice(
                        [b'"', b"\\u0000", b"\\ud800", b"{", b"]", b"1e999", b"\xcc\x81"]
                    )
        with suppress(Broken):
            DECODERS["campaign"](bytes(value))


def test_dates_are_local_days():
    held = example("training.attendance_recorded")
    west = Decoder("training", [training.AttendanceRecorded], ZoneInfo("America/Lima"))
    with pytest.raises(Broken, match="time_mismatch"):
        west(written(held))
    assert west(written(held | {"time": "2014-05-27T12:00:00-05:00"})) is not None
    registered = example("roster.volunteer_registered")
    utc = Decoder("roster", [roster.VolunteerRegistered], ZoneInfo("UTC"))
    assert utc(written(registered | {"time": "2014-05-05T12:00:00Z"})) is not None
