"""What a volunteer's own page rests on: the private link, the shares that count and those that do not, taking one back."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from services.campaign import commands, queries, retention, volunteers
from shared.access.links import hash_of
from shared.contracts.refusals import Refusal
from tests.campaign.harness import Campaign, at, codes, post_report, refused, repost

API = "/campaign/api/v1"


async def link(campaign: Campaign, volunteer: UUID) -> str:
    """The token of a new link."""
    answer = await campaign.post(f"/volunteers/{volunteer}/link", {}, Idempotency_Key=str(uuid4()))
    assert answer.status_code == 201, answer.text
    return answer.json()["path"].removeprefix("/campaign/mine/")


async def shares(campaign: Campaign, volunteer: UUID) -> list[Any]:
    """For each: ``counted``, the reason for which it was voided, or the code with which it was refused."""
    async with campaign.transaction() as connection:
        found = (await queries.own_shares(connection, volunteer, None, 100))["items"]
    return [each["code"] or each["void_reason"] or "counted" for each in found]


async def test_a_link_leads_to_its_volunteer_until_it_is_replaced_or_revoked(campaign: Campaign) -> None:
    volunteer, _ = await campaign.sharer()
    first = await link(campaign, volunteer)
    stored = await campaign.pool.fetch("select * from volunteer_link")
    assert [row["token_hash"] for row in stored] == [hash_of(first)]
    assert first not in str([dict(row) for row in stored])
    assert await campaign.pool.fetchval("select count(*) from idempotency_key") == 0, "the answer would hold the link"
    async with campaign.transaction() as connection:
        assert await volunteers.volunteer_of(connection, first) == volunteer
    second = await link(campaign, volunteer)
    path = f"{API}/volunteers/{volunteer}/link"
    assert (await campaign.http.delete(path)).status_code == 204
    assert refused(await campaign.http.delete(path)) == (404, "not_found", None)
    for dead in (first, second, ""):
        async with campaign.transaction() as connection:
            with pytest.raises(Refusal, match="not_found"):
                await volunteers.volunteer_of(connection, dead)
    assert refused(await campaign.post(f"/volunteers/{uuid4()}/link", {})) == (404, "not_found", None)
    lines = await campaign.pool.fetch("select action, subject from audit order by number")
    assert [tuple(line) for line in lines] == [
        (f"volunteer_link.{done}", f"volunteer/{volunteer}") for done in ("issued", "issued", "revoked")
    ]


async def test_the_link_outlives_the_volunteer_s_leaving(campaign: Campaign) -> None:
    volunteer, _ = await campaign.sharer()
    await campaign.know(campaign.roster.left(volunteer, "2014-08-01"))
    assert await link(campaign, volunteer)


async def test_it_lists_what_counts_what_was_voided_and_what_was_refused(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    stranger, strange_account = await campaign.sharer()
    one, two, three = [await campaign.published() for _ in range(3)]
    assert codes(
        await campaign.take(
            repost(volunteer, account, one, "2014-07-01 09:00"),
            repost(volunteer, account, one, "2014-07-01 10:00"),
            repost(volunteer, account, two, "2014-05-01 23:00"),
            repost(volunteer, strange_account, two, "2014-07-01 08:30"),
            repost(stranger, strange_account, two),
            repost(uuid4(), account, two),
        )
    ) == ["accepted", "already_logged", "account_not_disclosed", "unknown_account", "accepted", "unknown_account"]
    # Told again with another id, it stands there once.
    await campaign.take(repost(volunteer, account, two, "2014-05-01 23:00"))
    voided = await campaign.post("/reposts", repost(volunteer, account, three, "2014-07-01 11:00")["data"])
    await campaign.post(f"/reposts/{voided.json()['repost_id']}/void", {"reason": "link_removed"})
    assert await shares(campaign, volunteer) == [
        "link_removed",
        "already_logged",
        "counted",
        "unknown_account",
        "account_not_disclosed",
    ]
    assert await shares(campaign, stranger) == ["counted"]
    async with campaign.transaction() as connection:
        assert await queries.own_counts(connection, volunteer) == {"counted": 1, "voided": 1}


async def test_a_refusal_over_http_is_kept_though_the_call_is_taken_back(campaign: Campaign) -> None:
    post_id, (volunteer, account) = await campaign.published(), await campaign.sharer()
    body = repost(volunteer, account, post_id, "2014-05-01 09:00")["data"]
    assert refused(await campaign.post("/reposts", body))[1] == "account_not_disclosed"
    assert await shares(campaign, volunteer) == ["account_not_disclosed"]
    # Nothing is kept but ids, times and the code.
    kept = await campaign.pool.fetchrow("select * from refused_share")
    assert set(kept.keys()) == {
        "refusal_id",
        "volunteer_id",
        "account_id",
        "post_id",
        "shared_at",
        "code",
        "refused_at",
    }


async def test_a_wait_that_ends_in_vain_is_a_refusal_too(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    waiting = repost(volunteer, account, post_url="https://weibo.example/unknown")
    assert codes(await campaign.take(waiting)) == ["waiting"]
    assert await shares(campaign, volunteer) == []
    await campaign.let_waits_end()
    assert await campaign.settle() == 1
    assert await shares(campaign, volunteer) == ["unknown_post"]


async def test_a_refusal_that_was_made_good_is_gone(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    post_id = await campaign.published("2014-05-01 08:00")
    await campaign.take(repost(volunteer, account, post_id, "2014-05-01 09:00"))
    assert await shares(campaign, volunteer) == ["account_not_disclosed"]
    await campaign.take(repost(volunteer, account, post_id, "2014-05-03 09:00"))
    assert await shares(campaign, volunteer) == ["counted"]


async def test_shares_of_nobody_known_leave_nothing(campaign: Campaign) -> None:
    await campaign.take(post_report(), repost(uuid4(), uuid4(), uuid4()), repost("ext-7", "ext-8", uuid4()))
    await campaign.let_waits_end()
    await campaign.settle()
    assert await campaign.pool.fetchval("select count(*) from refused_share") == 0


async def test_a_volunteer_takes_a_share_back(campaign: Campaign) -> None:
    post_id, (volunteer, account) = await campaign.published(), await campaign.sharer()
    other, _ = await campaign.sharer()
    repost_id = UUID((await campaign.post("/reposts", repost(volunteer, account, post_id)["data"])).json()["repost_id"])

    async def take_back(who: UUID) -> None:
        async with campaign.transaction() as connection:
            await commands.void_own(connection, campaign.clock, who, repost_id)

    with pytest.raises(Refusal, match="not_found"):
        await take_back(other)
    await take_back(volunteer)
    with pytest.raises(Refusal, match="already_withdrawn"):
        await take_back(volunteer)
    [event] = await campaign.events("repost_voided")
    assert (event.data.repost_id, event.data.reason, event.data.shared_at) == (
        repost_id,
        "volunteer_request",
        at("2014-07-01 09:00"),
    )
    assert await shares(campaign, volunteer) == ["volunteer_request"]


async def test_refusals_are_forgotten_after_400_days(campaign: Campaign) -> None:
    post_id, (volunteer, account) = await campaign.published(), await campaign.sharer()
    await campaign.take(repost(volunteer, account, post_id, "2014-05-01 09:00"))
    [forget, _] = retention.jobs(campaign.clock)
    for age, left in (("399 days", 1), ("401 days", 0)):
        await campaign.pool.execute(f"update refused_share set refused_at = now() - interval '{age}'")
        async with campaign.transaction() as connection:
            await forget(connection)
        assert len(await shares(campaign, volunteer)) == left


async def test_the_page_has_pages(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    made = [await campaign.published() for _ in range(5)]
    await campaign.take(*(repost(volunteer, account, post) for post in made))
    async with campaign.transaction() as connection:
        seen: list[UUID] = []
        cursor = None
        for _ in range(3):
            page = await queries.own_shares(connection, volunteer, cursor, 2)
            seen += [each["post_id"] for each in page["items"]]
            cursor = page["next_cursor"]
    assert cursor is None
    assert sorted(map(str, seen)) == sorted(made)
