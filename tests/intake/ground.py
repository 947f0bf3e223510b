"""What the rows of the table of codes speak of: one world in one database, made once and copied for each door."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from services.training.consumers import take_roster_events as training_reads
from services.training.intake import create_door as training_door
from shared.contracts.envelope import Event
from shared.postgres import open_pool
from tests.campaign.harness import campaign_at, repost, withdrawal
from tests.opinion.harness import opinion_at
from tests.support.producing import JIAOCHENG, RosterLog, Service, codes
from tests.support.services import client, settings_for

SESSION = {
    "kind": "class",
    "title": {"zh": "培训"},
    "starts_at": "2014-05-20T09:00:00+08:00",
    "hours": 3,
    "venue_count": 2,
    "organisers": [JIAOCHENG],
}
KNOWN_LINK = "https://weibo.example/known"


@dataclass
class Ground:
    """Ids of what is known to the services. ``coming``: a volunteer, with account, of whom the roster has told nobody yet."""

    volunteer: str = field(default_factory=lambda: str(uuid4()))
    account: str = field(default_factory=lambda: str(uuid4()))
    gone: str = field(default_factory=lambda: str(uuid4()))
    """Left on 15 May 2014."""
    others_account: str = field(default_factory=lambda: str(uuid4()))
    withdrawn_account: str = field(default_factory=lambda: str(uuid4()))
    """The volunteer's own, until 1 June 2014."""
    coming: str = field(default_factory=lambda: str(uuid4()))
    coming_account: str = field(default_factory=lambda: str(uuid4()))
    session: str = ""
    attended: str = ""
    """Held as well; the volunteer's attendance is recorded."""
    cancelled: str = ""
    post: str = ""
    shared: str = ""
    """A post that the account has shared."""
    withdrawn_report: str = ""
    to_come: list[Event] = field(default_factory=list)


async def laid(database_url: str) -> Ground:
    """Makes the world; nobody is connected to the database afterwards."""
    ground, log = Ground(), RosterLog()
    settings = settings_for(database_url)
    async with AsyncExitStack() as stack:
        campaign = await stack.enter_async_context(campaign_at(database_url))
        opinion = await stack.enter_async_context(opinion_at(database_url))
        pool = await open_pool(settings, "training")
        stack.push_async_callback(pool.close)
        http = await stack.enter_async_context(client(settings, ["training"]))
        training = Service("training", settings, pool, http, training_door(settings), training_reads)
        known: list[Any] = [
            log.unit(),
            log.registered(UUID(ground.volunteer)),
            log.disclosed(UUID(ground.volunteer), UUID(ground.account)),
            log.disclosed(UUID(ground.volunteer), UUID(ground.withdrawn_account)),
            log.withdrawn(UUID(ground.volunteer), UUID(ground.withdrawn_account), "2014-06-01 09:00"),
            log.registered(UUID(ground.gone)),
            log.disclosed(UUID(ground.gone), UUID(ground.others_account)),
            log.left(UUID(ground.gone), "2014-05-15"),
        ]
        for service in (campaign, opinion, training):
            await service.know(*known)
        told = len(log.told)
        log.registered(UUID(ground.coming))
        log.disclosed(UUID(ground.coming), UUID(ground.coming_account))
        ground.to_come = log.told[told:]

        ground.session, ground.attended, ground.cancelled = [
            (await training.post("/sessions", SESSION)).json()["session_id"] for _ in range(3)
        ]
        entry = {"volunteer_id": ground.volunteer, "venue_no": 1, "hours": 3, "held_on": "2014-05-20"}
        done = await training.post(f"/sessions/{ground.attended}/attendances", {"entries": [entry]})
        assert done.status_code == 200, done.text
        await training.post(f"/sessions/{ground.cancelled}/cancel", {"reason": "error"})

        ground.post = await campaign.published("2014-05-10 09:00", url=KNOWN_LINK)
        ground.shared = await campaign.published("2014-05-10 09:00")
        spent = await campaign.published("2014-05-10 09:00")
        ground.withdrawn_report = f"spent-{uuid4()}"
        shares = [
            repost(ground.volunteer, ground.account, ground.shared),
            repost(ground.volunteer, ground.account, spent, id=ground.withdrawn_report),
        ]
        assert codes(await campaign.take(*shares, withdrawal(ground.withdrawn_report))) == ["accepted"] * 3
        await campaign.pool.close()
        await opinion.pool.close()
    return ground
