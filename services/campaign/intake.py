"""Reports of other systems about posts and shares, and the door they come through."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from services.campaign import commands, rules, storage
from services.campaign.rules import Share
from shared.clock import Clock
from shared.contracts.intake import PostReported, RepostReported, RepostWithdrawn
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.delivery.intake import Arrival, Decided, Door, Outcome, Reply, Waiting, in_data, refusal_in_data
from shared.delivery.references import Called, called, unheard_of
from shared.postgres import Connection
from shared.settings import Settings


class CampaignDoor(Door):
    """The door of a service whose decisions rest on a roster that must hold still meanwhile.

    That lock comes first of all, here, because the door takes locks of its own before it asks the takers.
    """

    async def take(self, connection: Connection, arrivals: Sequence[Arrival]) -> list[Reply]:
        await storage.hold_roster(connection)
        return await super().take(connection, arrivals)

    async def settle(self, connection: Connection, patience: float) -> int:
        await storage.hold_roster(connection)
        await storage.wake_withdrawals(connection)
        return await super().settle(connection, patience)

    async def keep(self, connection: Connection, decided: Sequence[Decided]) -> None:
        """Notes refused shares for the pages of their volunteers."""
        refused = {
            request: outcome
            for _, request, outcome in decided
            if isinstance(outcome, Refusal) and request is not None and request.type == RepostReported.TYPE
        }
        told = await _told(connection, list(refused))
        known = [
            (_share(request, volunteer, account), outcome)
            for (request, outcome), (volunteer, account) in zip(refused.items(), told, strict=True)
            if not volunteer.unknown and not account.unknown
        ]
        await commands.note_refused(connection, self._clock, known)


def create_door(settings: Settings) -> Door:
    """Posts come first, for shares may be of them; then shares, for withdrawals may be of them."""
    takers = {
        PostReported.TYPE: take_posts,
        RepostReported.TYPE: take_reposts,
        RepostWithdrawn.TYPE: take_withdrawals,
    }
    judges = {PostReported.TYPE: judge_post, RepostReported.TYPE: judge_repost}
    clock = Clock(settings.zone, settings.story_mode)
    return CampaignDoor("campaign", takers, clock, settings.secret_key.get_secret_value(), judges)


async def take_posts(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    posts = [_post(request) for request in requests]
    return [in_data(outcome) for outcome in await commands.publish_posts(connection, clock, posts)]


def judge_post(request: Request, clock: Clock) -> Refusal | None:
    """What is refused whatever units and columns there are."""
    refusal = commands.flaw_of(_post(request), clock.now())
    return refusal and refusal_in_data(refusal)


def _post(request: Request) -> commands.NewPost:
    data: Any = request.data
    return commands.NewPost(
        data.channel, data.unit_id, data.title, data.url, data.published_at, column_id=data.column_id
    )


async def take_reposts(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    told = await _told(connection, requests)
    shares = [_share(request, *named) for request, named in zip(requests, told, strict=True)]
    outcomes: list[Outcome] = []
    for (volunteer, account), outcome in zip(told, await commands.log_reposts(connection, clock, shares), strict=True):
        if isinstance(outcome, Waiting) and account.never:
            outcome = Refusal("unknown_account", pointer="/account_id")
        outcomes.append(in_data(volunteer.instead(account.instead(outcome))))
    return outcomes


def judge_repost(request: Request, clock: Clock) -> Refusal | None:
    """What is refused whatever volunteers, accounts and posts there are."""
    data: Any = request.data
    volunteer = unheard_of(request, "volunteer", data.volunteer_id)
    account = unheard_of(request, "account", data.account_id)
    verdict = rules.judge(_share(request, volunteer, account), (), (), (), clock.now(), clock.zone)
    if isinstance(verdict, Refusal):
        return refusal_in_data(verdict)
    if account.never:
        return Refusal("unknown_account", pointer="/data/account_id")
    return Refusal("unknown_volunteer", pointer="/data/volunteer_id") if volunteer.never else None


async def _told(connection: Connection, requests: Sequence[Request]) -> list[tuple[Called, Called]]:
    """The volunteer and the account of each report. Of somebody unknown the account is unknown as well: whose it is
    cannot be said yet."""
    data: list[Any] = [request.data for request in requests]
    told = list(zip(requests, data, strict=True))
    people = await called(connection, [(request, "volunteer", data.volunteer_id) for request, data in told])
    accounts = await called(connection, [(request, "account", data.account_id) for request, data in told])
    return [
        (person, account._replace(id=uuid4()) if person.unknown else account)
        for person, account in zip(people, accounts, strict=True)
    ]


def _share(request: Request, volunteer: Called, account: Called) -> Share:
    data: Any = request.data
    return Share(
        volunteer.id,
        account.id,
        data.shared_at,
        post_id=data.post_id,
        post_url=data.post_url,
        link=data.link,
        report=(request.source, request.id),
    )


async def take_withdrawals(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    withdrawals: list[commands.Withdrawal] = []
    for request in requests:
        data: Any = request.data
        withdrawals.append(commands.Withdrawal(request.source, data.report_id, data.reason))
    return [in_data(outcome) for outcome in await commands.withdraw_reports(connection, clock, withdrawals)]
