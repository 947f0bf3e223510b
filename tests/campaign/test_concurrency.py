"""Everything at once: reports, repeats, settling, disclosures, withdrawals and departures, in a seeded disorder."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.campaign import rules
from services.campaign.consumers import take_roster_events
from shared.postgres import in_transaction
from shared.roster_view import storage as roster
from tests.campaign.harness import PATIENCE, SHANGHAI, Campaign, at, codes, repost, withdrawal

PEOPLE, REPORTS = 12, 240
Step = Callable[[], Awaitable[Any]]


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_meets_ends_right(campaign: Campaign, seed: int) -> None:
    rng = random.Random(seed)
    posts = [await campaign.published() for _ in range(6)]
    known: list[Any] = []
    endings: list[Any] = []
    people: list[tuple[UUID, UUID]] = []
    for number in range(PEOPLE):
        volunteer, account = uuid4(), uuid4()
        people.append((volunteer, account))
        known += [campaign.roster.registered(volunteer), campaign.roster.disclosed(volunteer, account)]
        if number % 3 == 0:
            endings.append(campaign.roster.withdrawn(volunteer, account, "2014-07-01 12:00"))
        if number % 3 == 1:
            endings.append(campaign.roster.left(volunteer, "2014-07-02"))
    days = ("2014-07-01 09:00", "2014-07-01 15:00", "2014-07-02 09:00")
    shares = [_share(rng.choice(people), rng.choice(posts), rng.choice(days)) for _ in range(REPORTS)]
    reports = shares + rng.sample(shares, 40) + [withdrawal(share["id"]) for share in rng.sample(shares, 40)]
    rng.shuffle(reports)

    work: list[Step] = [
        *(_taking(campaign, reports[start : start + 16]) for start in range(0, len(reports), 16)),
        *(_projecting(campaign, known[start : start + 5]) for start in range(0, len(known), 5)),
        *(_projecting(campaign, [ending]) for ending in endings),
        *([lambda: in_transaction(campaign.pool, lambda c: campaign.door.settle(c, PATIENCE))] * 10),
    ]
    rng.shuffle(work)
    places = asyncio.Semaphore(6)

    async def in_place(step: Step) -> None:
        async with places:
            await step()

    await asyncio.gather(*map(in_place, work))
    while await campaign.settle():
        pass

    assert await campaign.pool.fetchval("select count(*) from parked") == 0
    answers = await campaign.answers()
    assert set(answers) == {told["id"] for told in reports}
    refusals = {code for answer in answers.values() for code in codes([[answer]])} - {"accepted"}
    roster_says, posts_say = {"volunteer_not_active", "account_not_disclosed"}, {"already_logged"}
    assert refusals <= roster_says | posts_say | {"already_withdrawn", "unknown_report"}
    await _every_share_stands_as_the_roster_tells(campaign)
    await _events_tell_what_the_tables_tell(campaign)


def _share(person: tuple[UUID, UUID], post_id: str, when: str) -> dict[str, Any]:
    return repost(*person, post_id, when)


def _taking(campaign: Campaign, reports: list[dict[str, Any]]) -> Step:
    return lambda: in_transaction(campaign.pool, lambda connection: campaign.take_in(connection, *reports))


def _projecting(campaign: Campaign, events: list[Any]) -> Step:
    return lambda: in_transaction(campaign.pool, lambda c: take_roster_events(c, campaign.clock, events))


async def _every_share_stands_as_the_roster_tells(campaign: Campaign) -> None:
    rows = await campaign.pool.fetch("select * from repost")
    assert rows
    async with campaign.transaction() as connection:
        movements = await roster.movements(connection, {row["volunteer_id"] for row in rows})
        disclosures = await roster.accounts(connection, {row["account_id"] for row in rows})
    for row in rows:
        share = rules.Share(row["volunteer_id"], row["account_id"], row["shared_at"])
        valid = rules.may_count(share, movements[share.volunteer_id], disclosures[share.account_id], SHANGHAI)
        assert valid or row["voided_at"] is not None
        assert valid or share.shared_at > at("2014-07-01 10:00")
        assert not (valid and row["void_reason"] == "not_disclosed")


async def _events_tell_what_the_tables_tell(campaign: Campaign) -> None:
    logged: dict[UUID, Any] = {}
    voided: dict[UUID, Any] = {}
    sequences: dict[str, list[int]] = {}
    for event in await campaign.events("repost"):
        told = logged if "logged" in event.type else voided
        assert event.data.repost_id not in told
        told[event.data.repost_id] = event
        sequences.setdefault(event.partitionkey, []).append(event.sequence)
    assert all(sorted(given) == list(range(1, len(given) + 1)) for given in sequences.values())
    for repost_id, event in voided.items():
        assert event.sequence > logged[repost_id].sequence
    assert sorted(set(logged) - set(voided)) == await campaign.counted()
