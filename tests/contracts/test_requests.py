"""Reading reports: both modes, one or a batch, and each code for which one is refused."""

import json
from typing import Any

import pytest

from shared.contracts.intake import INTAKE_TYPES, RepostReported, TipReported
from shared.contracts.refusals import Refusal
from shared.contracts.requests import MAX_BYTES, MAX_VALUES, Request, Unreadable, parse, parse_batch
from tests.contracts.examples import EXAMPLES, example, with_data, written

SHARE = "intake.repost_reported"
TIP = "intake.tip_reported"
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=utf-8")]


def binary(told: dict[str, Any], prefix: str = "ce_") -> tuple[bytes, list[tuple[str, bytes]]]:
    """The same report in binary mode: value and headers."""
    headers = [
        (prefix + name, str(text).encode()) for name, text in told.items() if name not in ("data", "datacontenttype")
    ]
    return json.dumps(told["data"], indent=1).encode(), [*headers, ("content-type", b"application/json")]


def refused(value: bytes, headers: Any = ()) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        parse(value, headers)
    return refusal.value


def why(told: Any) -> tuple[str, str | None]:
    """Code and pointer; the same in binary mode, where it can be said in it."""
    refusal = refused(written(told))
    assert refusal.request_id == told["id"]
    assert refusal.request_source == told["source"]
    return refusal.code, refusal.pointer


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels > 1 else []


@pytest.mark.parametrize("name", INTAKE_TYPES)
def test_every_way_of_sending_says_the_same(name: str):
    told = EXAMPLES[name]
    request = parse(written(told))
    assert isinstance(request.data, INTAKE_TYPES[name])
    assert parse(written(told), STRUCTURED) == request
    assert parse(json.dumps(told, indent=4).encode(), [("Content-Type", b"application/json")]) == request
    for prefix in ("ce_", "ce-", "CE-"):
        value, headers = binary(told, prefix)
        assert parse(value, headers) == request
    assert parse_batch(written([told])) == [request]
    assert Request.from_bytes(request.to_bytes()) == request


def test_the_value_decides_and_odd_headers_do_no_harm():
    request = parse(written(example(SHARE)))
    odd = [
        ("content-type", b"\xff"),
        ("ce_id", b"another"),
        ("ce_type", b"\xff\xfe"),
        ("x", None),
        ("ce_", b""),
        ("", b""),
    ]
    assert parse(written(example(SHARE)), odd) == request
    value, headers = binary(example(SHARE))
    assert parse(value, [*headers, ("ce_subject", b"\xff"), ("ce_odd", b"\x00"), ("content-type", b"\xff")]) == request
    assert parse(value, [*headers[:-1], ("content-type", b"application/cloudevents+json")]) == request


def test_headers_over_http_are_percent_encoded():
    told = example(SHARE, id="第 7 号%")
    value, headers = binary(told)
    assert parse(value, headers).id == "第 7 号%"
    headers = [(name.replace("ce_", "ce-"), text) for name, text in headers if name != "ce_id"]
    assert parse(value, [*headers, ("ce-id", "%E7%AC%AC%207 号%25".encode())]).id == "第 7 号%"


def test_other_attributes_are_ignored():
    more = {"subject": 5, "county": "nowhere", "recordedtime": "x", "partitionkey": None, "sequence": -1, "odd": [1]}
    assert parse(written(example(SHARE, **more))) == parse(written(example(SHARE)))


def test_either_reference_will_do():
    data = parse(written(with_data(SHARE, volunteer_id="JC-2014-0117", account_id="微博 17"))).data
    assert isinstance(data, RepostReported)
    assert (data.volunteer_id, data.account_id) == ("JC-2014-0117", "微博 17")
    assert why(with_data(SHARE, volunteer_id="x" * 129)) == ("schema", "/data/volunteer_id")
    assert why(with_data(SHARE, account_id="")) == ("schema", "/data/account_id")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "tombstone"),
        (b"{", "not_json"),
        (b"\xff", "not_utf8"),
        (b"[]", "not_cloudevents"),
        (b"5", "not_cloudevents"),
        (b"{}", "not_cloudevents"),
        (b"[" * 30_000 + b"]" * 30_000, "too_deep"),
        (written(example(SHARE, id=...)), "not_cloudevents"),
        (written(example(SHARE, id="")), "not_cloudevents"),
        (written(example(SHARE, id=17)), "not_cloudevents"),
        (written(example(SHARE, id="a\x00")), "not_cloudevents"),
        (json.dumps(example(SHARE, id="a\ud800")).encode(), "not_cloudevents"),
        (written(example(SHARE, id="e\u0301")), "not_cloudevents"),
        (written(example(SHARE, id="x" * 257)), "not_cloudevents"),
    ],
)
def test_without_an_id_nobody_can_be_answered(value: bytes, reason: str):
    with pytest.raises(Unreadable) as unreadable:
        parse(value)
    assert unreadable.value.reason == reason
    with pytest.raises(Unreadable):
        parse(None)


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        (example(SHARE, specversion="0.3"), "/specversion"),
        (example(SHARE, specversion=1.0), "/specversion"),
        (example(SHARE, type=...), "/type"),
        (example(SHARE, type=None), "/type"),
        (example(SHARE, time=...), "/time"),
        (example(SHARE, time=1407154531), "/time"),
        (example(SHARE, time="2014-08-04T20:15:31"), "/time"),
        (example(SHARE, time="2014-08-04"), "/time"),
        (example(SHARE, data=...), "/data"),
        (example(SHARE, data=..., data_base64="e30="), "/data"),
        (example(SHARE, data_base64="e30="), "/data_base64"),
        (example(SHARE, id="x" * 129), "/id"),
        (example(SHARE, type="x", time="y", data=...), "/data"),
    ],
)
def test_the_envelope_is_whole(told: Any, pointer: str):
    assert why(told) == ("not_cloudevents", pointer)


@pytest.mark.parametrize("source", [..., None, 5, "", "a\x00b", "x" * 257])
def test_a_source_is_told(source: Any):
    refusal = refused(written(example(SHARE, source=source)))
    assert (refusal.code, refusal.pointer) == ("not_cloudevents", "/source")
    assert (refusal.request_id, refusal.request_source) == ("share-000117", "")


def test_binary_mode_needs_the_same():
    value, headers = binary(example(SHARE))
    for attribute in ("specversion", "type", "time", "source"):
        refusal = refused(value, [(name, text) for name, text in headers if name != f"ce_{attribute}"])
        assert (refusal.code, refusal.pointer) == ("not_cloudevents", f"/{attribute}")
    assert refused(b"", headers).pointer == "/data"
    with pytest.raises(Unreadable):
        parse(value, [(name, text) for name, text in headers if name != "ce_id"])


@pytest.mark.parametrize("value", [b"\xff", b"{", b'{"a":NaN}', b'"\xed\xa0\x80"', b"1 2"])
def test_data_that_is_not_json(value: bytes):
    refusal = refused(value, binary(example(SHARE))[1])
    assert (refusal.code, refusal.request_id) == ("not_json", "share-000117")


def test_a_report_with_nan_is_answered():
    refusal = refused(written(with_data("intake.attendance_reported", hours=float("nan"))))
    assert (refusal.code, refusal.request_id) == ("not_json", "venue-02-0017")


@pytest.mark.parametrize(
    "name",
    ["qingsheng.intake.repost_reported.v2", "qingsheng.campaign.repost_logged.v1", "qingsheng.intake.accepted.v1", ""],
)
def test_a_type_that_is_not_taken(name: str):
    assert why(example(SHARE, type=name)) == ("unknown_type", "/type")


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        (with_data(SHARE, shared_at=...), "/data/shared_at"),
        (with_data(SHARE, shared_at="2014-08-04T20:15:30"), "/data/shared_at"),
        (with_data(SHARE, post_url=...), "/data"),
        (with_data(SHARE, post_id="0198c1f0-8a3e-7c31-9f60-2f6f0e1a4b7d"), "/data"),
        (with_data(SHARE, post_url=None, post_id="17"), "/data/post_id"),
        (with_data(SHARE, link="weibo.example.com/x"), "/data/link"),
        (with_data(SHARE, link="javascript:alert(1)"), "/data/link"),
        (with_data(SHARE, platform="weibo"), "/data/platform"),
        (with_data(SHARE, zzz=1, aaa=2), "/data/aaa"),
        (with_data(SHARE, **{"a/b~c": 1}), "/data/a~1b~0c"),
        (with_data(SHARE, **{"x" * 400: 1}), "/data"),
        (example(SHARE, data=None), "/data"),
        (example(SHARE, data=[]), "/data"),
        (example(SHARE, data="{}"), "/data"),
        (with_data(TIP, text=""), "/data/text"),
        (with_data(TIP, text="长" * 4001), "/data/text"),
        (with_data(TIP, topic="party"), "/data/topic"),
        (with_data(TIP, unit_id="蕉城"), "/data/unit_id"),
        (with_data(TIP, unit_id="350902\n", topic="?", channel="?"), "/data/channel"),
        (with_data("intake.attendance_reported", venue_no=0), "/data/venue_no"),
        (with_data("intake.attendance_reported", venue_no=1.5), "/data/venue_no"),
        (with_data("intake.attendance_reported", hours=0), "/data/hours"),
        (with_data("intake.attendance_reported", held_on="2014-02-30"), "/data/held_on"),
        (with_data("intake.repost_withdrawn", reason="?"), "/data/reason"),
        (with_data(TIP, text="a\x00b"), "/data/text"),
        (with_data(TIP, text="e\u0301"), "/data/text"),
        (example(SHARE, odd=nested(32)), "/odd" + "/0" * 31),
        (with_data(SHARE, odd=[{"e\u0301": 1}]), "/data/odd/0"),
    ],
)
def test_the_data_keeps_the_schema(told: Any, pointer: str):
    assert why(told) == ("schema", pointer)
    refusal = refused(*binary(told)) if "odd" not in told else refused(written(told))
    assert (refusal.code, refusal.pointer, refusal.request_id) == ("schema", pointer, told["id"])
    assert "…" not in refusal.message["zh"] + refusal.message["en"]


def test_halves_of_characters_and_endless_numbers():
    surrogate = json.dumps(with_data(TIP, text="a\ud800")).encode()
    assert (refused(surrogate).code, refused(surrogate).pointer) == ("schema", "/data/text")
    for number in (b"1e999", b"1" * 400, b"1" * 5000):
        value = written(with_data("intake.attendance_reported", hours="?")).replace(b'"?"', number)
        assert (refused(value).code, refused(value).pointer) == ("schema", "/data/hours")


def test_what_may_be_long_is_long():
    data = parse(written(with_data(TIP, text="长" * 4000))).data
    assert isinstance(data, TipReported)
    assert len(data.text) == 4000


def test_text_is_not_shown_by_accident():
    data = parse(written(with_data(TIP, text="希望"))).data
    assert "希望" not in repr(data)


def test_a_value_has_64_kib_at_most():
    value = written(example(SHARE))
    assert parse(value + b" " * (65_536 - len(value)))
    assert refused(value + b" " * (65_537 - len(value))).code == "too_large"
    assert why(with_data(TIP, text="x" * 70_000)) == ("too_large", None)
    value, headers = binary(with_data(TIP, text="x" * 70_000))
    assert refused(value, headers).request_id == example(TIP)["id"]
    (answer,) = parse_batch(written([with_data(TIP, text="x" * 70_000)]))
    assert isinstance(answer, Refusal)
    assert answer.code == "too_large"


def test_nothing_was_before_2000():
    assert why(example(SHARE, time="1999-12-31T23:59:59Z")) == ("time_out_of_range", "/time")
    assert why(example(SHARE, time="0001-01-01T00:00:00+12:00")) == ("time_out_of_range", "/time")
    assert why(example(SHARE, time="9999-12-31T23:59:59-12:00")) == ("time_out_of_range", "/time")
    assert why(example(SHARE, time="1999-12-31T23:59:59Z", data={}))[0] == "schema"
    assert parse(written(example(SHARE, time="2000-01-01T00:00:00Z")))


def test_however_deep_it_is_it_is_answered():
    for levels in (33, 300, 900):
        refusal = refused(written(with_data(SHARE, odd=nested(levels))))
        assert (refusal.code, refusal.request_id) == ("schema", "share-000117")
        (answer,) = parse_batch(written([with_data(SHARE, odd=nested(levels))]))
        assert isinstance(answer, Refusal)
        assert answer.code == "schema"
    assert refused(b"[" * 20_000 + b"]" * 20_000, binary(example(SHARE))[1]).code == "schema"


def test_a_batch_is_answered_in_order():
    batch = [example(SHARE), example(SHARE, id="b", type="x"), example(TIP), example(SHARE, id="c", data={})]
    first, second, third, fourth = parse_batch(written(batch))
    assert first == parse(written(batch[0]))
    assert isinstance(second, Refusal)
    assert (second.code, second.request_id, second.request_source) == ("unknown_type", "b", "/ext/weibo-feed")
    assert third == parse(written(batch[2]))
    assert isinstance(fourth, Refusal)
    assert fourth.pointer == "/data/account_id"
    assert parse_batch(b"[]") == []


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        (b"[", "not_json", None),
        (b"\xff", "not_json", None),
        (b"[NaN]", "not_json", None),
        (b"{}", "not_cloudevents", None),
        (b"[{}]", "not_cloudevents", "/0/id"),
        (written([example(SHARE), 5]), "not_cloudevents", "/1"),
        (written([example(SHARE), example(SHARE, id=...)]), "not_cloudevents", "/1/id"),
        (written([{}] * 1001), "too_large", "/1000"),
    ],
)
def test_a_batch_that_cannot_be_read(body: bytes, code: str, pointer: str | None):
    with pytest.raises(Refusal) as refusal:
        parse_batch(body)
    assert (refusal.value.code, refusal.value.pointer, refusal.value.request_id) == (code, pointer, None)


def test_a_batch_holds_1000():
    assert len(parse_batch(written([example(SHARE)] * 1000))) == 1000


def test_a_long_value_of_very_many_numbers_is_not_read():
    """Only its id would be of use; to read the rest for it would hold the event loop."""
    readable = written(example("intake.attendance_reported") | {"data": [0] * (MAX_VALUES - 10)})
    assert len(readable) > MAX_BYTES
    with pytest.raises(Refusal) as refused:
        parse(readable)
    assert refused.value.code == "too_large"
    with pytest.raises(Unreadable, match="too_large"):
        parse(written(example("intake.attendance_reported") | {"data": [0] * MAX_VALUES}))
