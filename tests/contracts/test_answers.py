"""One answer to each report, the same whenever it is given again."""

import json
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.contracts.answers import accepted, id_reused, rejected
from shared.contracts.refusals import CODES, Refusal

AT = datetime(2014, 8, 4, 12, 15, 31, 140_000, tzinfo=UTC)
EVENT = UUID("0198c1f0-8a3e-7c31-9f60-2f6f0e1a4b7d")


def test_accepted():
    answer = json.loads(accepted("share-17", "/ext/feed", "campaign", [EVENT], [f"repost/{EVENT}"], AT))
    assert answer == {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE_URL, "/ext/feed share-17")),
        "source": "/qingsheng/campaign",
        "type": "qingsheng.intake.accepted.v1",
        "subject": "request/share-17",
        "time": "2014-08-04T12:15:31.140000Z",
        "recordedtime": "2014-08-04T12:15:31.140000Z",
        "datacontenttype": "application/json",
        "partitionkey": "share-17",
        "data": {
            "request_id": "share-17",
            "request_source": "/ext/feed",
            "event_ids": [str(EVENT)],
            "subjects": [f"repost/{EVENT}"],
        },
    }


def test_rejected():
    refusal = Refusal("schema", pointer="/data/text", reason={"zh": "过长", "en": "it is too long"})
    answer = json.loads(rejected("tip 3", "/ext/feed", "opinion", refusal, AT))
    assert answer["id"] == str(uuid5(NAMESPACE_URL, "/ext/feed tip 3"))
    assert answer["type"] == "qingsheng.intake.rejected.v1"
    assert answer["data"] == {
        "request_id": "tip 3",
        "request_source": "/ext/feed",
        "code": "schema",
        "pointer": "/data/text",
        "message": refusal.message,
    }
    assert "过长" in refusal.message["zh"]
    assert "it is too long" in refusal.message["en"]


def test_without_a_pointer_none_is_told():
    assert "pointer" not in json.loads(rejected("3", "/ext/feed", "opinion", Refusal("too_large"), AT))["data"]


def test_id_reused_has_an_id_of_its_own():
    digest = bytes(range(32))
    answer = json.loads(id_reused("3", "/ext/feed", digest, "opinion", AT))
    assert answer["id"] == str(uuid5(NAMESPACE_URL, f"/ext/feed 3 {digest.hex()}"))
    assert answer["data"]["code"] == "id_reused"
    assert answer["data"]["message"] == {"zh": CODES["id_reused"].zh, "en": CODES["id_reused"].en}


def test_the_largest_answer_fits():
    report, source = "长" * 256, "/ext/" + "长" * 251
    refusal = Refusal("schema", pointer="/" + "长" * 299, reason="?")
    assert len(rejected(report, source, "opinion", refusal, AT)) < 64 * 1024
