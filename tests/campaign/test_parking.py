"""Reports that lack only what may still come: parked, settled by its arrival, or refused when the wait ends."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.campaign.harness import (
    Campaign,
    codes,
    post_report,
    repost,
    subject,
    withdrawal,
)


async def parked(campaign: Campaign) -> list[tuple[str, str]]:
    rows = await campaign.pool.fetch("select split_part(thing, '/', 1) as kind, awaits from parked order by kind")
    return [(row["kind"], row["awaits"]) for row in rows]


async def test_a_volunteer_then_an_account_arrive(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = uuid4(), uuid4()
    share = repost(volunteer, account, post_id)
    assert codes(await campaign.take(share)) == ["waiting"]
    assert await parked(campaign) == [("volunteer", "qingsheng.roster.events")]
    assert await campaign.settle() == 0

    await campaign.know(campaign.roster.registered(volunteer))
    assert await campaign.settle() == 1
    assert await parked(campaign) == [("account", "qingsheng.roster.events")]

    await campaign.know(campaign.roster.disclosed(volunteer, account))
    assert await campaign.settle() == 1
    assert await parked(campaign) == []
    answer = (await campaign.answers())[share["id"]]
    [logged] = await campaign.events("repost_logged")
    assert answer["data"]["event_ids"] == [str(logged.id)]
    assert subject([answer]) == str(logged.data.repost_id)


async def test_an_account_withdrawn_before_it_is_disclosed_by_order_of_arrival(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = uuid4(), uuid4()
    await campaign.know(campaign.roster.registered(volunteer))
    disclosed = campaign.roster.disclosed(volunteer, account)
    withdrawn = campaign.roster.withdrawn(volunteer, account, "2014-07-02 09:00")
    later_post = await campaign.published(published="2014-07-03 08:00")
    before, after = repost(volunteer, account, post_id), repost(volunteer, account, later_post, "2014-07-03 09:00")
    await campaign.know(withdrawn)
    assert codes(await campaign.take(before, after)) == ["waiting", "waiting"]
    await campaign.know(disclosed)
    await campaign.settle()
    answers = await campaign.answers()
    assert codes([[answers[before["id"]]], [answers[after["id"]]]]) == ["accepted", "account_not_disclosed"]


@pytest.mark.parametrize("door", ["http", "intake"])
@pytest.mark.parametrize("told_by", ["post_id", "post_url"])
async def test_a_post_arrives(campaign: Campaign, told_by: str, door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    volunteer, account = await campaign.sharer()
    post_id, url = uuid4(), "https://weibo.example/" + "长" * 1900
    monkeypatch.setattr("services.campaign.commands.uuid7", lambda: post_id)
    share = repost(volunteer, account, **{told_by: {"post_id": post_id, "post_url": url}[told_by]})
    assert codes(await campaign.take(share)) == ["waiting"]
    [(kind, awaits)] = await parked(campaign)
    assert (kind, awaits) == (told_by.replace("_id", ""), "qingsheng.intake.campaign.")
    if door == "http":
        await campaign.published(url=url)
    else:
        assert codes(await campaign.take(post_report(url))) == ["accepted"]
    monkeypatch.undo()
    assert await campaign.settle() == 1
    answer = (await campaign.answers())[share["id"]]
    assert codes([[answer]]) == ["accepted"]
    [logged] = await campaign.events("repost_logged")
    assert logged.data.post_id == post_id


async def test_a_report_arrives_after_its_withdrawal(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    share = repost(volunteer, account, post_id)
    taken_back = withdrawal(share["id"])
    assert codes(await campaign.take(taken_back)) == ["waiting"]
    assert await parked(campaign) == [("report", "qingsheng.intake.campaign.feeds")]
    assert await campaign.settle() == 0
    # The same id of another producer is another report.
    assert codes(await campaign.take(share | {"source": "/ext/others"}, producer="others")) == ["accepted"]
    assert await campaign.settle() == 0
    own_account = uuid4()
    await campaign.know(campaign.roster.disclosed(volunteer, own_account))
    assert codes(await campaign.take(repost(volunteer, own_account, post_id, id=share["id"]))) == ["accepted"]
    assert await campaign.settle() == 1
    assert codes([[(await campaign.answers())[taken_back["id"]]]]) == ["accepted"]
    [voided] = await campaign.events("repost_voided")
    assert voided.data.reason == "volunteer_request"
    assert len(await campaign.counted()) == 1


async def test_a_withdrawal_waits_for_a_report_that_waits_itself(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = uuid4(), uuid4()
    share = repost(volunteer, account, post_id)
    assert codes(await campaign.take(share, withdrawal(share["id"]))) == ["waiting", "waiting"]
    await campaign.know(campaign.roster.registered(volunteer), campaign.roster.disclosed(volunteer, account))
    assert await campaign.settle() == 1
    assert await campaign.settle() == 1
    assert [event.type.split(".")[2] for event in await campaign.events("repost")] == ["repost_logged", "repost_voided"]
    assert await campaign.counted() == []


async def test_a_withdrawal_of_a_report_that_is_refused_after_all(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = uuid4(), uuid4()
    share = repost(volunteer, account, post_id)
    taken_back = withdrawal(share["id"])
    assert codes(await campaign.take(share, taken_back)) == ["waiting", "waiting"]
    await campaign.know(campaign.roster.registered(volunteer, "2014-07-02"))
    assert [await campaign.settle() for _ in range(3)] == [1, 1, 0]
    answers = await campaign.answers()
    assert codes([[answers[share["id"]]], [answers[taken_back["id"]]]]) == ["volunteer_not_active", "unknown_report"]


async def test_when_the_wait_ends_what_is_missing_is_unknown(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    reports: list[tuple[dict[str, Any], str, str]] = [
        (repost(uuid4(), uuid4(), post_id), "unknown_volunteer", "/data/volunteer_id"),
        (repost(volunteer, uuid4(), post_id), "unknown_account", "/data/account_id"),
        (repost(volunteer, account, uuid4()), "unknown_post", "/data/post_id"),
        (repost(volunteer, account, post_url="https://weibo.example/none"), "unknown_post", "/data/post_url"),
        (withdrawal("never-sent"), "unknown_report", "/data/report_id"),
    ]
    answers = await campaign.take(*(told for told, _, _ in reports))
    assert codes(answers) == ["waiting"] * 5
    # Said again while it waits, it still has no answer.
    assert codes(await campaign.take(reports[0][0])) == ["waiting"]
    await campaign.let_waits_end()
    assert await campaign.settle() == 5
    given = await campaign.answers()
    for told, code, pointer in reports:
        assert (given[told["id"]]["data"]["code"], given[told["id"]]["data"]["pointer"]) == (code, pointer)
    assert await parked(campaign) == []
    assert await campaign.events("repost") == []
    # Then repeated, it gets that answer.
    [[answer]] = await campaign.take(reports[0][0])
    assert answer == given[reports[0][0]["id"]]


async def test_what_came_just_in_time_is_taken_when_the_wait_ends(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = uuid4(), uuid4()
    share = repost(volunteer, account, post_id)
    await campaign.take(share)
    await campaign.know(campaign.roster.registered(volunteer), campaign.roster.disclosed(volunteer, account))
    await campaign.pool.execute("update parked set arrived = false")
    await campaign.let_waits_end()
    await campaign.settle()
    assert codes([[(await campaign.answers())[share["id"]]]]) == ["accepted"]


async def test_parked_reports_are_sealed(campaign: Campaign) -> None:
    share = repost(uuid4(), uuid4(), uuid4(), link="https://weibo.example/s/1")
    await campaign.take(share)
    [sealed] = [row["request"] for row in await campaign.pool.fetch("select request from parked")]
    assert share["data"]["link"].encode() not in sealed
    assert json.dumps(share["data"]["volunteer_id"]).encode() not in sealed
