"""A service whose database is older than what it published refuses commands, and goes on once it is reconciled."""

import json
from datetime import date

import pytest
from uuid_utils.compat import uuid7

from shared.delivery.own_topic import BehindOwnTopic
from shared.delivery.relay import Relay
from shared.settings import Settings
from tests.delivery.tables import SHARES, Tables
from tests.delivery.test_relay import commit, share
from tests.operate.asking import qingsheng
from tests.support.events import records, shares
from tests.support.kafka import put
from tests.support.kafka import read as read_topic
from tests.support.running import running
from tests.support.services import client
from tests.support.waiting import eventually


async def test_behind_its_own_topic_it_refuses_until_reconciled(settings: Settings) -> None:
    volunteer = uuid7()
    async with Tables.of(settings, "campaign") as campaign:
        await commit(campaign.pool, settings, [share(volunteer) for _ in range(2)])
        async with running(Relay(settings, "campaign")):
            await eventually(lambda: _sent(campaign))
        marks = [tuple(row) for row in await campaign.pool.fetch("select * from published")]
        stream = [tuple(row) for row in await campaign.pool.fetch("select * from stream")]
        await commit(campaign.pool, settings, [share(volunteer) for _ in range(3)])
        async with running(Relay(settings, "campaign")):
            await eventually(lambda: _sent(campaign))

        # The backup of before is put back.
        await campaign.pool.execute("delete from published; delete from stream")
        await campaign.pool.executemany("insert into published values ($1, $2, $3)", marks)
        await campaign.pool.executemany("insert into stream values ($1, $2, $3)", stream)
        await commit(campaign.pool, settings, [share(volunteer)])  # before the relay has looked

        relay = Relay(settings, "campaign")
        async with running(relay), client(settings, ["campaign"]) as http:
            await eventually(lambda: relay.problem)
            assert "lacks 3 events" in str(relay.problem)
            with pytest.raises(BehindOwnTopic):
                await commit(campaign.pool, settings, [share(volunteer)])
            refused = await http.post(
                "/campaign/api/v1/columns",
                json={"title": {"zh": "栏目"}, "unit_id": "350902", "opened_on": date(2014, 1, 1).isoformat()},
            )
            assert (refused.status_code, refused.json()["code"]) == (503, "behind_own_topic")
            # Nothing is sent meanwhile.
            assert len(await read_topic(settings, SHARES)) == 5

            told = await qingsheng(settings, "reconcile", "campaign", "--json")
            assert (told.code, len(told.json["unknown"])) == (1, 3)
            assert (await qingsheng(settings, "reconcile", "campaign", "--accept")).code == 0
            await eventually(lambda: _sent(campaign))
            await commit(campaign.pool, settings, [share(volunteer)])
            await eventually(lambda: _sent(campaign))
            assert relay.problem is None
        sequences = [int(json.loads(record.value)["sequence"]) for record in await read_topic(settings, SHARES)]
        assert sorted(sequences) == [1, 2, 3, 4, 5, 6, 7]
        line = await campaign.pool.fetchrow("select action, details from audit")
        assert (line["action"], line["details"]["renumbered"]) == ("reconcile", 1)
        assert (await qingsheng(settings, "reconcile", "campaign")).code == 0


async def test_what_others_write_to_its_topic_does_not_put_it_behind(settings: Settings) -> None:
    await put(settings, SHARES, records(shares(3)))
    async with Tables.of(settings, "campaign") as campaign:
        relay = Relay(settings, "campaign")
        async with running(relay):
            await commit(campaign.pool, settings, [share(uuid7())])
            await eventually(lambda: _sent(campaign))
        assert relay.problem is None


async def _sent(campaign: Tables) -> bool:
    return not await campaign.pool.fetchval("select exists (select from outbox)")
