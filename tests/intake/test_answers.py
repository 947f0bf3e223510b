"""`GET intake/answers`: all answers that a producer was given, in their order, and nobody else's."""

import json
from typing import Any

import pytest

from tests.campaign.harness import Campaign, campaign_at, post_report
from tests.support.producing import codes, key_of
from tests.support.waiting import eventually


@pytest.fixture
async def campaign(database_url: str):
    async with campaign_at(database_url) as found:
        await found.know(found.roster.unit())
        yield found


async def listed(campaign: Campaign, producer: str, **query: Any) -> dict[str, Any]:
    key = await key_of(campaign.settings, producer)
    answer = await campaign.http.get("/campaign/api/v1/intake/answers", headers=key, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed_all(campaign: Campaign, number: int) -> dict[str, Any] | None:
    """Once all are there: an answer is listed when no older transaction of the whole cluster is under way."""
    page = await listed(campaign, "feeds")
    return page if len(page["items"]) == number else None


async def test_every_answer_is_listed_once_and_to_its_producer_alone(campaign: Campaign) -> None:
    first = post_report(id="p")
    other = post_report("https://weibo.example/2", id="p")
    strange = post_report(id="q", producer="others")
    [[accepted]] = await campaign.take(first)
    [[again, reused], [stranger], [same_stranger]] = await campaign.take(other, strange, strange)
    assert (again, same_stranger) == (accepted, stranger)
    assert codes([[reused], [stranger]]) == ["id_reused", "source_not_allowed"]
    # Said again, whatever was answered is answered again, to the letter.
    assert await campaign.take(other, strange, first) == [[accepted, reused], [stranger], [accepted]]
    [[unknown]] = await campaign.take(post_report("https://weibo.example/3", unit_id="350921"))

    page = await eventually(lambda: listed_all(campaign, 4))
    assert sorted(page["items"], key=_by_id) == sorted([accepted, reused, stranger, unknown], key=_by_id)
    assert page["items"][0] == accepted
    assert page["items"][-1] == unknown
    assert (await listed(campaign, "feeds", cursor=page["next_cursor"]))["items"] == []
    one_by_one: list[Any] = []
    cursor = None
    while (page := await listed(campaign, "feeds", limit=1, **({"cursor": cursor} if cursor else {})))["items"]:
        one_by_one += page["items"]
        cursor = page["next_cursor"]
    assert sorted(one_by_one, key=_by_id) == sorted([accepted, reused, stranger, unknown], key=_by_id)
    # What was reported under its name by somebody else is none of its business.
    assert (await listed(campaign, "others"))["items"] == []
    rows = await campaign.pool.fetch(
        "select value from outbox where topic = 'qingsheng.intake.answers.feeds' order by id"
    )
    assert {json.loads(row["value"])["id"] for row in rows} == {each["id"] for each in one_by_one}


async def test_a_report_that_waits_is_listed_when_it_is_answered(campaign: Campaign) -> None:
    waiting = {"volunteer_id": "crm:1", "account_id": "wb/1", "post_url": "https://weibo.example/1"}
    event = post_report(id="w") | {"type": "qingsheng.intake.repost_reported.v1"}
    event["data"] = waiting | {"shared_at": "2014-07-01T09:00:00+08:00"}
    assert codes(await campaign.take(event)) == ["waiting"]
    assert (await listed(campaign, "feeds"))["items"] == []
    await campaign.let_waits_end()
    await campaign.settle()
    [answer] = (await eventually(lambda: listed_all(campaign, 1)))["items"]
    assert (answer["data"]["request_id"], answer["data"]["code"]) == ("w", "unknown_volunteer")


def _by_id(answer: dict[str, Any]) -> str:
    return answer["id"]
