"""API keys of systems: issued, listed, revoked, each with an audit line."""

import asyncpg

from qingsheng.producers import issue_key, producers, revoke_key
from shared.access import audit
from tests.support.services import client, settings_for
from tests.support.stack import Servers

ANSWERS = "/campaign/api/v1/intake/answers"


async def test_a_revoked_key_opens_nothing_and_a_new_one_does(
    database_url: str, stack: Servers, topic_prefix: str
) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    first = await issue_key(settings, "city-feeds", ["campaign", "opinion"])
    async with client(settings, ["campaign", "opinion"]) as http:
        http.cookies.clear()
        assert (await http.get(ANSWERS, headers={"X-API-Key": first})).status_code == 200
        assert await revoke_key(settings, "city-feeds") == ["opinion", "campaign"]
        for path in (ANSWERS, ANSWERS.replace("campaign", "opinion")):
            assert (await http.get(path, headers={"X-API-Key": first})).status_code == 401
        [listed] = await producers(settings)
        assert (listed["producer"], listed["services"]) == ("city-feeds", ["campaign", "opinion"])
        assert listed["revoked_at"] is not None
        second = await issue_key(settings, "city-feeds", ["campaign"])
        assert (await http.get(ANSWERS, headers={"X-API-Key": first})).status_code == 401
        assert (await http.get(ANSWERS, headers={"Authorization": f"Bearer {second}"})).status_code == 200
    connection = await asyncpg.connect(database_url)
    lines = await audit.lines(connection, None, 10, "access.audit")
    kept = await connection.fetch("select key_hash from campaign.producer")
    await connection.close()
    assert [line["action"] for line in lines if line["subject"] == "producer/city-feeds"] == [
        "key.issued",
        "key.revoked",
        "key.issued",
    ]
    assert all(second.encode() not in row["key_hash"] for row in kept)
