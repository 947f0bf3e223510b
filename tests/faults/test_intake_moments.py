"""Reports of other systems while who answers them dies around a commit or a send, or never hears that these were done."""

import httpx
import pytest

from tests.delivery.test_outages import through_a_way
from tests.end_to_end.test_mixed_stream import DOORS, Sent
from tests.faults.asking import SERVICES, WORKERS, Asking, asking
from tests.faults.doomed_process import MODULE
from tests.faults.sizes import size
from tests.faults.summary import ONE_EACH
from tests.support.running import child
from tests.support.services import client, settings_for
from tests.support.stack import Servers
from tests.support.waiting import eventually


@pytest.mark.fault(2, ONE_EACH)
@pytest.mark.fault(3, ONE_EACH)
@pytest.mark.fault(4, ONE_EACH)
@pytest.mark.fault(8, ONE_EACH)
async def test_answers_around_a_commit(database_url: str, stack: Servers, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix, parking_seconds=2.0)
    dooms = [
        (moment, topic)
        for moment, topics in {
            "before": [f"intake.{service}" for service in SERVICES],
            "after": [f"intake.{service}" for service in SERVICES],
            "acknowledged": ["intake.answers.feeds", "campaign.events"],
        }.items()
        for topic in topics[: size(1, 3)]
    ]
    cuts = size(2, 6)
    async with asking(settings, size(300, 1_500)) as asked:
        parts = iter(asked.parts(len(dooms) + cuts))
        for moment, topic in dooms:
            await asked.send(next(parts))
            with child(settings, MODULE, ["producing-workers", moment, topic]) as doomed:
                await eventually(doomed.was_killed, 60)
            await asked.expel()
        async with through_a_way(settings) as (severed, way), through_a_way(settings) as (severed_door, way_of_door):
            with child(severed, "qingsheng", WORKERS):
                for part in parts:
                    # On new connections, which say a statement in full: so it is a batch whose reply is lost.
                    await way.cut()
                    way.lose_answer(b"set next_offset = d.next", b"COMMIT;")
                    await way.mend()
                    by_http = next(each for each in part if each.producer == "hotline" and each.code is None)
                    await asked.send([each for each in part if each is not by_http])
                    await eventually(lambda: way.has_lost_it, 60)
                    way_of_door.lose_answer(b"insert into intake_request", b"COMMIT;")
                    async with client(severed_door, list(SERVICES)) as http:
                        assert (await _says(http, asked, by_http)).status_code == 503
                        assert way_of_door.has_lost_it
                        # Whoever heard nothing says it again.
                        [answer] = (await _says(http, asked, by_http)).json()
                        assert answer["data"]["request_id"] == by_http.event["id"]
                await asked.all_answered()
        await asked.holds()


async def _says(http: httpx.AsyncClient, asked: Asking, report: Sent) -> httpx.Response:
    headers = {"X-API-Key": asked.ground.keys[report.producer]}
    return await http.post(f"/{DOORS[report.producer]}/api/v1/intake", json=report.event, headers=headers)
