"""Withdrawals and departures that become known late: the campaign voids the shares they leave uncounted."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

from services.campaign.consumers import take_roster_events
from shared.roster_view.storage import project
from tests.campaign.harness import JIAOCHENG, XIAPU, Campaign, at, campaign_at, codes, repost, subject
from tests.support.waiting import eventually


async def shared_on(campaign: Campaign, volunteer: Any, account: Any, *days: str) -> dict[str, UUID]:
    """Shares at nine o'clock of these days, by day."""
    made: dict[str, UUID] = {}
    for day in days:
        post_id = await campaign.published(published=f"{day} 08:00")
        [answer] = await campaign.take(repost(volunteer, account, post_id, f"{day} 09:00"))
        made[day] = UUID(subject(answer))
    return made


async def test_a_withdrawal_known_late_voids_the_shares_after_it(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    second, bystander, theirs = uuid4(), *await campaign.sharer()
    await campaign.know(campaign.roster.disclosed(volunteer, second))
    shares = await shared_on(campaign, volunteer, account, "2014-07-01", "2014-07-02", "2014-07-03")
    others = await shared_on(campaign, volunteer, second, "2014-07-03")
    unconcerned = await shared_on(campaign, bystander, theirs, "2014-07-03")

    await campaign.know(campaign.roster.withdrawn(volunteer, account, "2014-07-02 09:00"))
    assert await campaign.counted() == sorted([shares["2014-07-01"], others["2014-07-03"], unconcerned["2014-07-03"]])
    voided = await campaign.events("repost_voided")
    assert {event.data.repost_id for event in voided} == {shares["2014-07-02"], shares["2014-07-03"]}
    for event in voided:
        assert (event.data.reason, event.data.volunteer_id, event.county) == ("not_disclosed", volunteer, JIAOCHENG)
        # When it was undone, not when the share was made.
        assert abs(event.time - event.recordedtime).total_seconds() < 60
        assert event.time.year > 2014
    assert sorted(event.sequence for event in voided) == [5, 6]
    reasons = await campaign.pool.fetch("select distinct void_reason from repost where voided_at is not null")
    assert [row["void_reason"] for row in reasons] == ["not_disclosed"]


async def test_a_departure_known_late_voids_the_shares_from_that_day_on(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    shares = await shared_on(campaign, volunteer, account, "2014-07-01", "2014-07-02")
    await campaign.know(campaign.roster.left(volunteer, "2014-07-02"))
    assert await campaign.counted() == [shares["2014-07-01"]]


async def test_who_came_back_before_the_departure_was_known_keeps_the_shares_since(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    left, back = campaign.roster.left(volunteer, "2014-07-02"), campaign.roster.registered(volunteer, "2014-07-03")
    shares = await shared_on(campaign, volunteer, account, "2014-07-01", "2014-07-02", "2014-07-03")
    await campaign.know(back)
    await campaign.know(left)
    assert await campaign.counted() == [shares["2014-07-01"], shares["2014-07-03"]]


async def test_a_share_voided_by_its_county_of_that_day(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    await campaign.know(campaign.roster.transferred(volunteer, "2014-07-01", XIAPU))
    await shared_on(campaign, volunteer, account, "2014-07-01")
    await campaign.know(campaign.roster.withdrawn(volunteer, account, "2014-06-30 09:00"))
    [voided] = await campaign.events("repost_voided")
    assert voided.county == XIAPU


async def test_a_copy_of_the_event_has_no_second_effect(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    await shared_on(campaign, volunteer, account, "2014-07-01")
    withdrawn = campaign.roster.withdrawn(volunteer, account, "2014-07-01 08:30")
    await campaign.know(withdrawn, withdrawn)
    await campaign.know(withdrawn)
    assert len(await campaign.events("repost_voided")) == 1


async def test_what_was_voided_before_is_left_as_it_is(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    shares = await shared_on(campaign, volunteer, account, "2014-07-01")
    path = f"/campaign/api/v1/reposts/{shares['2014-07-01']}/void"
    await campaign.http.post(path, json={"reason": "duplicate"})
    await campaign.know(campaign.roster.withdrawn(volunteer, account, "2014-07-01 08:30"))
    [voided] = await campaign.events("repost_voided")
    assert voided.data.reason == "duplicate"


async def test_a_rebuild_projects_and_does_not_react(campaign: Campaign) -> None:
    volunteer, account = await campaign.sharer()
    await shared_on(campaign, volunteer, account, "2014-07-01")
    async with campaign.transaction() as connection:
        await project(connection, [campaign.roster.withdrawn(volunteer, account, "2014-07-01 08:30")])
    assert len(await campaign.counted()) == 1
    assert await campaign.pool.fetchval("select count(*) from inbox") == 0


async def test_in_a_story_shares_are_voided_when_the_ending_was_recorded(database_url: str) -> None:
    async with campaign_at(database_url, story_mode=True) as campaign:
        volunteer, account = await campaign.sharer()
        published = {"Qingsheng-Story-Time": "2014-07-01T08:00:00+08:00"}
        campaign.http.headers.update(published)
        post_id = await campaign.published()
        share = repost(volunteer, account, post_id) | {"time": "2014-07-01T09:05:00+08:00"}
        assert codes(await campaign.take(share)) == ["accepted"]
        event = campaign.roster.withdrawn(volunteer, account, "2014-07-01 08:30")
        recorded = at("2014-07-04 09:00")
        told = type("Told", (), {"id": event.id, "type": event.type, "data": event.data, "county": event.county,
                                 "sequence": event.sequence, "recordedtime": recorded})()  # fmt: skip
        await campaign.know(told)
        logged, voided = await campaign.events("repost")
        assert logged.recordedtime == at("2014-07-01 09:05")
        assert (voided.time, voided.recordedtime) == (recorded, recorded)


# -- races: a share is logged while a withdrawal is projected ----------------------------------------------------------


async def test_a_withdrawal_waits_for_the_share_being_logged_and_then_voids_it(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    withdrawn = campaign.roster.withdrawn(volunteer, account, "2014-07-01 08:30")
    async with campaign.transaction() as logging:
        assert codes(await campaign.take_in(logging, repost(volunteer, account, post_id))) == ["accepted"]
        reacting = asyncio.create_task(campaign.know(withdrawn))
        await eventually(campaign.someone_waits)
        assert not reacting.done()
    await reacting
    assert await campaign.counted() == []
    assert len(await campaign.events("repost_voided")) == 1


async def test_a_share_waits_for_the_withdrawal_being_projected_and_is_refused(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    withdrawn = campaign.roster.withdrawn(volunteer, account, "2014-07-01 08:30")
    async with campaign.transaction() as projecting:
        await take_roster_events(projecting, campaign.clock, [withdrawn])
        logging = asyncio.create_task(campaign.take(repost(volunteer, account, post_id)))
        await eventually(campaign.someone_waits)
        assert not logging.done()
    assert codes(await logging) == ["account_not_disclosed"]


async def test_over_http_too(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = await campaign.sharer()
    body = {"post_id": post_id, "volunteer_id": str(volunteer), "account_id": str(account)}
    body["shared_at"] = at("2014-07-01 09:00").isoformat()
    async with campaign.transaction() as projecting:
        await take_roster_events(projecting, campaign.clock, [campaign.roster.left(volunteer, "2014-07-01")])
        logging = asyncio.create_task(campaign.http.post("/campaign/api/v1/reposts", json=body))
        await eventually(campaign.someone_waits)
    assert (await logging).json()["code"] == "volunteer_not_active"


async def test_a_parked_share_waits_for_the_withdrawal_being_projected(campaign: Campaign) -> None:
    post_id = await campaign.published()
    volunteer, account = uuid4(), uuid4()
    share = repost(volunteer, account, post_id)
    await campaign.know(campaign.roster.registered(volunteer))
    await campaign.take(share)
    await campaign.know(campaign.roster.disclosed(volunteer, account))
    async with campaign.transaction() as projecting:
        withdrawn = campaign.roster.withdrawn(volunteer, account, "2014-07-01 08:30")
        await take_roster_events(projecting, campaign.clock, [withdrawn])
        settling = asyncio.create_task(campaign.settle())
        await eventually(campaign.someone_waits)
    await settling
    assert codes([[(await campaign.answers())[share["id"]]]]) == ["account_not_disclosed"]


async def test_shares_of_two_batches_do_not_wait_for_one_another(campaign: Campaign) -> None:
    post_id = await campaign.published()
    one, other = await campaign.sharer(), await campaign.sharer()
    async with campaign.transaction() as first:
        assert codes(await campaign.take_in(first, repost(*one, post_id))) == ["accepted"]
        assert codes(await asyncio.wait_for(campaign.take(repost(*other, post_id)), 10)) == ["accepted"]
