"""Abuse of a door and of an API between sound reports: one refusal each, nothing left of it, and the sound lose nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from qingsheng import producers
from tests.abuse.test_injection import TEXT
from tests.access.test_counties import operator_of
from tests.end_to_end.test_mixed_stream import answered, one
from tests.faults.sizes import size
from tests.faults.summary import ONE_EACH
from tests.faults.trial import Trial
from tests.support.kafka import Put, put
from tests.support.producing import JIAOCHENG, XIAPU, refused, report
from tests.support.services import client, workers
from tests.support.waiting import eventually

DOOR, TIPS = "/opinion/api/v1/intake", "/opinion/api/v1/tips"
FORMULA = '=HYPERLINK("//x.example","a")'
TEXTS = ("码头的路灯坏了，请修。", TEXT, FORMULA)
Ask = Callable[[httpx.AsyncClient], Any]


def tip(id: str, text: str = TEXTS[0], producer: str = "hotline") -> dict[str, Any]:
    told = {"channel": "hotline", "kind": "need", "topic": "transport", "unit_id": JIAOCHENG, "text": text}
    return report("tip_reported", told | {"reported_at": "2014-07-01T09:00:00+08:00"}, id=id, producer=producer)


@pytest.mark.fault(24, "forged and revoked keys, floods, another county's objects between sound reports")
@pytest.mark.fault(24, ONE_EACH)
async def test_abuse_between_sound_reports(tried: Trial) -> None:
    settings = tried.settings
    await tried.listen("opinion")
    keys = {name: await producers.issue_key(settings, name, ["opinion"]) for name in ("hotline", "revoked", "greedy")}
    keys["elsewhere"] = await producers.issue_key(settings, "elsewhere", ["campaign"])
    await producers.revoke(settings, "revoked")
    operator = await operator_of(settings, XIAPU)
    async with workers(settings, "opinion", "appraisal"), client(settings, ["opinion"]) as http:
        mine = {"X-API-Key": keys["hotline"]}
        await eventually(lambda: _knows(tried), 60)
        sound = [tip(f"r-{number}", TEXTS[number % len(TEXTS)]) for number in range(size(60, 600))]
        [first] = (await http.post(DOOR, json=sound[0], headers=mine)).json()
        place = f"{TIPS}/{first['data']['subjects'][0].partition('/')[2]}"
        # Whatever comes back in ten seconds' time, greed has used up long before.
        await _spend(tried, "greedy")
        harms = list(_harms(keys, operator, place))
        for number, event in enumerate(sound[1:], 1):
            if number % 2:
                answers = (await http.post(DOOR, json=event, headers=mine)).json()
                assert [each["data"]["request_id"] for each in answers] == [event["id"]]
            else:
                await put(settings, "qingsheng.intake.opinion.hotline", [Put(json.dumps(event).encode())])
            expected, harm = harms[number % len(harms)]
            status, code, _ = refused(await harm(http))
            assert (status, code) == expected

        async def all_answered() -> bool:
            return len({each["id"] for each in await answered(settings, "hotline")}) >= len(sound)

        await eventually(all_answered, 60)
        told = {each["id"]: each["data"] for each in await answered(settings, "hotline")}
        assert sorted(data["request_id"] for data in told.values()) == sorted(event["id"] for event in sound)
        # Nothing else was published, recorded or remembered.
        assert await tried.hear() == {id for data in told.values() for id in data["event_ids"]}
        for table in ("tip", "intake_request"):
            assert await one(settings.database_url, f"select count(*) from opinion.{table}") == len(sound)
        await tried.holds()


def _harms(keys: dict[str, str], operator: str, tip_of_another: str) -> Iterator[tuple[tuple[int, str], Ask]]:
    """What is asked, and the refusal that it gets."""

    def says(key: str | None, content: bytes | None = None, producer: str = "hotline") -> Ask:
        body = json.dumps(tip("abuse", producer=producer)).encode() if content is None else content
        headers = {} if key is None else {"X-API-Key": key}
        return lambda http: http.post(DOOR, content=body, headers=headers)

    yield (401, "unauthorized"), says("q" * len(keys["hotline"]))
    yield (401, "unauthorized"), says(keys["hotline"][:-1])
    yield (401, "unauthorized"), says(keys["revoked"], producer="revoked")
    yield (401, "unauthorized"), says(keys["elsewhere"], producer="elsewhere")
    yield (429, "rate_limited"), says(keys["greedy"], producer="greedy")
    yield (400, "not_json"), says(keys["hotline"], b"[" * 60_000)
    yield (413, "too_large"), says(keys["hotline"], json.dumps([tip(f"a-{n}") for n in range(1_001)]).encode())
    stranger = {"Authorization": f"Bearer {operator}"}
    yield (403, "forbidden"), lambda http: http.get(tip_of_another, headers=stranger)
    yield (
        (403, "forbidden"),
        lambda http: http.post(f"{tip_of_another}/triage", json={"responsible_unit_id": XIAPU}, headers=stranger),
    )
    forged = {"Authorization": "Bearer " + "f" * 43}
    body = {"channel": "phone", "kind": "need", "topic": "transport", "unit_id": JIAOCHENG, "text": TEXTS[0]}
    yield (401, "unauthorized"), lambda http: http.post(TIPS, json=body, headers=forged)
    # The visitor's own cookie, by another site's hand.
    yield (403, "forbidden"), lambda http: http.post(TIPS, json=body, headers={"Sec-Fetch-Site": "cross-site"})


async def _knows(tried: Trial) -> bool:
    return await one(
        tried.settings.database_url, f"select exists (select from opinion.unit where unit_id = '{JIAOCHENG}')"
    )


async def _spend(tried: Trial, producer: str) -> None:
    connection = await asyncpg.connect(tried.settings.database_url)
    try:
        await connection.execute(
            "insert into opinion.intake_bucket (producer, tokens, at) values ($1, -1e6, clock_timestamp())", producer
        )
    finally:
        await connection.close()
