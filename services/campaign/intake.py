"""Reports of other systems about posts and shares, and the door they come through."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.campaign import commands, storage
from services.campaign.rules import Share
from shared.clock import Clock
from shared.contracts.intake import PostReported, RepostReported, RepostWithdrawn
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.delivery.intake import Arrival, Decided, Door, Outcome, Reply, in_data, own_id
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
        refused = [
            (share, outcome)
            for _, request, outcome in decided
            if isinstance(outcome, Refusal) and request is not None and request.type == RepostReported.TYPE
            if (share := _share(request)) is not None
        ]
        await commands.note_refused(connection, self._clock, refused)


def create_door(settings: Settings) -> Door:
    """Posts come first, for shares may be of them; then shares, for withdrawals may be of them."""
    takers = {
        PostReported.TYPE: take_posts,
        RepostReported.TYPE: take_reposts,
        RepostWithdrawn.TYPE: take_withdrawals,
    }
    clock = Clock(settings.zone, settings.story_mode)
    return CampaignDoor("campaign", takers, clock, settings.secret_key.get_secret_value())


async def take_posts(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    posts: list[commands.NewPost] = []
    for request in requests:
        data: Any = request.data
        posts.append(
            commands.NewPost(
                data.channel, data.unit_id, data.title, data.url, data.published_at, column_id=data.column_id
            )
        )
    return [in_data(outcome) for outcome in await commands.publish_posts(connection, clock, posts)]


async def take_reposts(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    outcomes: dict[int, Outcome] = {}
    shares: dict[int, Share] = {}
    for index, request in enumerate(requests):
        data: Any = request.data
        volunteer_id, account_id = own_id(data.volunteer_id), own_id(data.account_id)
        if volunteer_id is None:
            outcomes[index] = Refusal("unknown_volunteer", pointer="/data/volunteer_id")
        elif account_id is None:
            outcomes[index] = Refusal("unknown_account", pointer="/data/account_id")
        else:
            shares[index] = _share_of(request, volunteer_id, account_id)
    decided = await commands.log_reposts(connection, clock, list(shares.values()))
    outcomes |= zip(shares, map(in_data, decided), strict=True)
    return [outcomes[index] for index in range(len(requests))]


def _share(request: Request) -> Share | None:
    """The share that a report tells, None where it names nobody known by an id of ours."""
    data: Any = request.data
    volunteer_id, account_id = own_id(data.volunteer_id), own_id(data.account_id)
    return _share_of(request, volunteer_id, account_id) if volunteer_id and account_id else None


def _share_of(request: Request, volunteer_id: UUID, account_id: UUID) -> Share:
    data: Any = request.data
    return Share(
        volunteer_id,
        account_id,
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
