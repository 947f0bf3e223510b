"""Reports of other systems: every answer they can get, on real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.campaign.harness import (
    JIAOCHENG,
    XIAPU,
    Campaign,
    at,
    codes,
    key_of,
    post_report,
    report,
    repost,
    subject,
    withdrawal,
)
from tests.support.waiting import eventually


def pointers(answers: list[list[dict[str, Any]]]) -> list[str | None]:
    return [each[0]["data"].get("pointer") for each in answers]


async def test_a_post_a_share_of_it_and_its_withdrawal_in_one_batch(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    url = "https://weibo.example/1"
    share = repost(volunteer, account, post_url=url, link="https://weibo.example/s/1")
    answers = await campaign.take(withdrawal(share["id"], "link_removed"), share, post_report(url))
    assert codes(answers) == ["accepted"] * 3

    published, logged, voided = await campaign.events()
    assert [answer["data"]["event_ids"] for [answer] in answers] == [[str(e.id)] for e in (voided, logged, published)]
    assert [answer["data"]["subjects"] for [answer] in answers] == [
        [f"repost/{logged.data.repost_id}"],
        [f"repost/{logged.data.repost_id}"],
        [f"post/{published.data.post_id}"],
    ]
    assert (logged.data.post_id, logged.county, logged.data.platform) == (published.data.post_id, JIAOCHENG, "weibo")
    assert (logged.sequence, voided.sequence, voided.county, voided.data.reason) == (1, 2, JIAOCHENG, "link_removed")
    row = await campaign.pool.fetchrow("select link, report_source, report_id from repost")
    assert tuple(row or ()) == ("https://weibo.example/s/1", "/ext/feeds", share["id"])
    assert await campaign.answers() == {answer["data"]["request_id"]: answer for [answer] in answers}


async def test_posts_refused(campaign: Campaign) -> None:
    await campaign.know(campaign.roster.unit())
    answers = await campaign.take(
        post_report("https://weibo.example/1"),
        post_report("https://weibo.example/1"),
        post_report(unit_id=XIAPU),
        post_report(column_id=str(uuid4())),
        post_report(published="1999-12-31 08:00"),
    )
    assert codes(answers) == ["accepted", "already_recorded", "unknown_unit", "unknown_column", "time_out_of_range"]
    assert pointers(answers) == [None, "/data/url", "/data/unit_id", "/data/column_id", "/data/published_at"]
    assert codes(await campaign.take(post_report("https://weibo.example/1"))) == ["already_recorded"]
    assert len(await campaign.events()) == 1


async def test_shares_refused_at_once(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    other, others_account = await campaign.sharer()
    await campaign.know(
        campaign.roster.withdrawn(other, others_account, "2014-06-01 09:00"),
        campaign.roster.left(other, "2014-08-01"),
    )
    gone = await campaign.published()
    await campaign.http.post(f"/campaign/api/v1/posts/{gone}/withdraw", json={"reason": "error"})
    tomorrow = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    refusals = [
        (repost("我们的 4711", account, post_id), "unknown_volunteer", "/data/volunteer_id"),
        (repost(volunteer, "我们的 4711", post_id), "unknown_account", "/data/account_id"),
        (repost(volunteer, others_account, post_id), "unknown_account", "/data/account_id"),
        (repost(volunteer, account, post_id, "2014-04-30 23:59"), "volunteer_not_active", "/data/volunteer_id"),
        (repost(other, others_account, post_id, "2014-08-01 00:00"), "volunteer_not_active", "/data/volunteer_id"),
        (repost(other, others_account, post_id), "account_not_disclosed", "/data/account_id"),
        (repost(volunteer, account, post_id, "2014-07-01 07:59"), "time_out_of_range", "/data/shared_at"),
        (repost(volunteer, account, post_id, "1999-07-01 09:00"), "time_out_of_range", "/data/shared_at"),
        (repost(volunteer, account, post_id, "9998-07-01 09:00"), "time_out_of_range", "/data/shared_at"),
        (report("repost_reported", repost(volunteer, account, gone)["data"] | {"shared_at": tomorrow}),
         "unknown_post", "/data/post_id"),
        (repost(volunteer, account), "schema", "/data"),
        (repost(volunteer, account, post_id, handle="@x"), "schema", "/data/handle"),
    ]  # fmt: skip
    answers = await campaign.take(*(told for told, _, _ in refusals))
    assert codes(answers) == [code for _, code, _ in refusals]
    assert pointers(answers) == [pointer for _, _, pointer in refusals]
    assert await campaign.events("repost") == []
    assert await campaign.pool.fetchval("select count(*) from parked") == 0


async def test_an_account_shares_a_post_once(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    first, same = repost(volunteer, account, post_id), repost(volunteer, account, post_id, "2014-07-01 10:00")
    assert codes(await campaign.take(first, same)) == ["accepted", "already_logged"]
    assert codes(await campaign.take(repost(volunteer, account, post_id))) == ["already_logged"]
    assert len(await campaign.events("repost_logged")) == 1
    # Another account of the volunteer, and the same one after the first share was taken back.
    second_account = uuid4()
    await campaign.know(campaign.roster.disclosed(volunteer, second_account))
    answers = await campaign.take(repost(volunteer, second_account, post_id), withdrawal(first["id"]), producer="feeds")
    assert codes(answers) == ["accepted", "accepted"]
    assert codes(await campaign.take(repost(volunteer, account, post_id))) == ["accepted"]


async def test_two_batches_at_once_log_the_same_share_once(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    async with campaign.transaction() as first:
        assert codes(await campaign.take_in(first, repost(volunteer, account, post_id))) == ["accepted"]
        second = asyncio.create_task(campaign.take(repost(volunteer, account, post_id)))
        await eventually(lambda: _someone_waits_for_a_row(campaign))
        assert not second.done()
    assert codes(await second) == ["already_logged"]
    assert len(await campaign.events("repost_logged")) == 1


async def _someone_waits_for_a_row(campaign: Campaign) -> bool:
    return await campaign.pool.fetchval(
        "select exists (select from pg_locks where locktype = 'transactionid' and not granted)"
    )


async def test_withdrawals_refused(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    share = repost(volunteer, account, post_id)
    await campaign.take(share)
    answers = await campaign.take(
        withdrawal(share["id"]),
        withdrawal(share["id"], "error"),
        withdrawal(share["id"], "bored"),
    )
    assert codes(answers) == ["accepted", "already_withdrawn", "schema"]
    assert pointers(answers) == [None, "/data/report_id", "/data/reason"]
    assert codes(await campaign.take(withdrawal(share["id"]))) == ["already_withdrawn"]
    # Of a report that was refused there is nothing to withdraw, nor of one about something else.
    refused, post = repost(volunteer, account, post_id, "2014-04-01 09:00"), post_report()
    await campaign.take(refused, post)
    answers = await campaign.take(withdrawal(refused["id"]), withdrawal(post["id"]))
    assert codes(answers) == ["unknown_report"] * 2
    # Reports of another producer are nobody else's to withdraw.
    strange = withdrawal(share["id"], producer="others")
    assert codes(await campaign.take(strange, producer="others")) == ["waiting"]
    await campaign.let_waits_end()
    await campaign.settle()
    answer = (await campaign.answers("others"))[strange["id"]]
    assert (answer["data"]["code"], answer["data"]["pointer"]) == ("unknown_report", "/data/report_id")


async def test_what_the_door_itself_refuses(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    share = repost(volunteer, account, uuid4())
    late = share | {"id": "late", "time": (datetime.now(UTC) + timedelta(hours=25)).isoformat()}
    tip = report(
        "tip_reported",
        {
            "channel": "phone", "kind": "need", "topic": "jobs", "unit_id": JIAOCHENG, "text": "路灯坏了",
            "reported_at": at("2014-07-01 09:00"),
        },
    )  # fmt: skip
    answers = await campaign.take(share | {"source": "/ext/others"}, late, tip, share | {"specversion": "0.3"})
    assert codes(answers) == ["source_not_allowed", "time_out_of_range", "unknown_type", "not_cloudevents"]


@pytest.mark.parametrize("outcome", ["accepted", "already_logged"])
async def test_a_report_said_again_gets_its_first_answer_and_no_second_effect(campaign: Campaign, outcome: str) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    if outcome == "already_logged":
        await campaign.take(repost(volunteer, account, post_id))
    share = repost(volunteer, account, post_id)
    first = await campaign.take(share)
    assert codes(first) == [outcome]
    events = len(await campaign.events())
    assert await campaign.take(share, share) == first * 2
    other = repost(volunteer, account, post_id, "2014-07-01 10:00", id=share["id"])
    [[same, reused]] = await campaign.take(other)
    assert [same] == first[0]
    assert (reused["data"]["code"], reused["data"]["request_id"]) == ("id_reused", share["id"])
    assert reused["id"] != same["id"]
    assert len(await campaign.events()) == events


async def test_a_report_twice_in_one_batch_has_one_effect(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    share = repost(volunteer, account, post_id)
    other = repost(volunteer, account, post_id, "2014-07-01 10:00", id=share["id"])
    answers = await campaign.take(share, share, other)
    assert codes(answers) == ["accepted", "accepted", "accepted+id_reused"]
    assert answers[0] == answers[1]
    assert subject(answers[0]) == str((await campaign.counted())[0])


async def test_both_doors_answer_alike(campaign: Campaign) -> None:
    """The HTTP side of the door gives what a record on the topic would get."""
    await campaign.know(campaign.roster.unit())
    told = post_report("https://weibo.example/1")
    key = (await key_of(campaign.settings, "feeds"))["X-API-Key"]
    headers = {"Authorization": f"Bearer {key}"}
    over_http = await campaign.http.post("/campaign/api/v1/intake", json=[told], headers=headers)
    assert over_http.status_code == 200
    assert [over_http.json()] == await campaign.take(told)


async def test_a_batch_takes_a_fixed_number_of_statements(campaign: Campaign) -> None:
    people = [await campaign.sharer() for _ in range(20)]
    said: list[str] = []
    spoken: list[int] = []
    async with campaign.pool.acquire() as connection:
        connection.add_query_logger(lambda record: said.append(record.query))
        for count in (1, 2, 20):  # the first one also asks for the types of columns
            post_id, other = await campaign.published(), await campaign.published()
            shares = [repost(*person, post_id) for person in people[:count]]
            more = [repost(*person, other) for person in people[:count]]
            withdrawals = [withdrawal(share["id"]) for share in shares]
            new_posts = [post_report(f"https://weibo.example/{count}/{number}") for number in range(count)]
            answers = [await campaign.take_in(connection, *shares)]
            said.clear()
            answers.append(await campaign.take_in(connection, *more, *withdrawals, *new_posts))
            spoken.append(len(said))
            assert {code for each in answers for code in codes(each)} == {"accepted"}
    assert spoken[1] == spoken[2] <= 20
