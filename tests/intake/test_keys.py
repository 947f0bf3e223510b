"""API keys of other systems: several living ones, revoked at once, and a bound on how fast they report by HTTP."""

import json
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from qingsheng import cli, producers
from qingsheng.users import administering
from shared.access import audit
from shared.postgres import connect, open_pool
from shared.settings import Settings
from shared.web.intake_rate import SECONDS, wait_before
from tests.support.producing import JIAOCHENG, key_of, refused, report
from tests.support.services import client, settings_for
from tests.support.stack import Servers


def tip(id: str) -> dict[str, Any]:
    told = {"channel": "phone", "kind": "need", "topic": "jobs", "unit_id": JIAOCHENG, "text": "路灯坏了，请修。"}
    return report("tip_reported", told | {"reported_at": "2014-07-01T09:00:00+08:00"}, id=id)


async def send(http: httpx.AsyncClient, key: str, *events: dict[str, Any], service: str = "opinion") -> httpx.Response:
    return await http.post(f"/{service}/api/v1/intake", json=list(events), headers={"X-API-Key": key})


async def test_a_key_is_changed_without_a_gap_and_revoked_at_once(
    database_url: str, stack: Servers, topic_prefix: str
) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    old = await producers.issue_key(settings, "feeds", ["opinion"])
    new = await producers.issue_key(settings, "feeds", await producers.services_of(settings, "feeds"))
    async with client(settings, ["opinion", "campaign"]) as http:
        assert [(await send(http, key, tip(key[-5:]))).status_code for key in (old, new)] == [200, 200]
        first, second = await producers.listed(settings)
        assert (first["producer"], first["services"], first["revoked_at"]) == ("feeds", ["opinion"], None)
        assert old not in str(first)
        assert await producers.revoke(settings, "feeds", first["key"]) == [first["key"]]
        assert refused(await send(http, old, tip("a")))[:2] == (401, "unauthorized")
        assert (await send(http, new, tip("b"))).status_code == 200
        # Of another service it says nothing.
        assert refused(await send(http, new, tip("c"), service="campaign"))[0] == 401
        assert await producers.revoke(settings, "feeds") == [second["key"]]
        assert refused(await send(http, new, tip("b")))[0] == 401
    assert [each["revoked_at"] is not None for each in await producers.listed(settings)] == [True, True]
    assert await producers.revoke(settings, "feeds") == []
    async with administering(settings) as connection:
        lines = await audit.lines(connection, None, 10, log="access.audit")
    told = [(line["actor"], line["action"], line["subject"]) for line in lines if line["action"].startswith("key.")]
    assert told == [
        ("qingsheng keys", f"key.{act}", "producer/feeds") for act in ("revoked", "revoked", "issued", "issued")
    ]


@pytest.mark.parametrize(("name", "services"), [("Feeds", ["opinion"]), ("feeds", []), ("feeds", ["roster"])])
async def test_keys_that_are_not_issued(database_url: str, name: str, services: list[str]) -> None:
    with pytest.raises(ValueError, match=r"producer's name|services that take"):
        await producers.issue_key(settings_for(database_url), name, services)


@pytest.mark.fault(24, "rate limits: of passwords, tips and reports")
async def test_too_many_reports_are_told_to_wait_and_lose_nothing(database_url: str) -> None:
    settings = settings_for(database_url, intake_rate=0.5)
    key = (await key_of(settings, "feeds"))["X-API-Key"]
    batch = [tip(f"r-{number}") for number in range(20)]
    async with client(settings, ["opinion"]) as http:
        assert (await send(http, key, *batch)).status_code == 200  # into debt: a batch passes whole
        again = await send(http, key, tip("late"))
        assert refused(again)[:2] == (429, "rate_limited")
        assert (
            20 < int(again.headers["retry-after"]) <= 30
        )  # 15 reports beyond the bucket of 5, at one every two seconds
        other = (await key_of(settings, "others"))["X-API-Key"]
        assert (await send(http, other, tip("x") | {"source": "/ext/others"})).status_code == 200
        await _let_pass(settings, 60)
        [answer] = (await send(http, key, tip("late"))).json()
        assert answer["data"]["request_id"] == "late"
        # What cannot be read costs as well.
        await _let_pass(settings, -60)
        unreadable = await http.post("/opinion/api/v1/intake", content=b"{", headers={"X-API-Key": key})
        assert refused(unreadable)[1] == "rate_limited"


async def test_a_full_bucket_holds_ten_seconds_of_the_rate(database_url: str) -> None:
    settings = settings_for(database_url)
    pool = await open_pool(settings, "opinion")
    async with pool.acquire() as connection:
        assert await wait_before(connection, "feeds", 1, 2.0) == 0
        await connection.execute("update intake_bucket set at = at - interval '1 hour'")
        assert await wait_before(connection, "feeds", 0, 2.0) == 0
        assert await connection.fetchval("select tokens from intake_bucket") == 2.0 * SECONDS
    pool.terminate()


async def _let_pass(settings: Settings, seconds: float) -> None:
    connection = await connect(settings, search_path="opinion")
    await connection.execute("update intake_bucket set at = at - make_interval(secs => $1)", seconds)
    connection.terminate()


def test_the_command_lists_and_revokes(
    database_url: str, stack: Servers, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QINGSHENG_DATABASE_URL", database_url)
    monkeypatch.setenv("QINGSHENG_KAFKA_BOOTSTRAP_SERVERS", stack.kafka_bootstrap_servers)
    monkeypatch.setenv("QINGSHENG_SECRET_KEY", "a secret of tests alone")
    monkeypatch.setenv("QINGSHENG_TOPIC_PREFIX", topic_prefix)

    def keys(*arguments: str) -> Any:
        return CliRunner().invoke(cli.app, ["keys", *arguments])

    first = keys("issue", "feeds", "--services", "campaign,opinion", "--json")
    assert first.exit_code == 0, first.output
    issued = json.loads(first.stdout)
    assert issued["source"] == "/ext/feeds"
    again = json.loads(keys("issue", "feeds", "--json").stdout)
    assert (again["topics"], again["key"] == issued["key"]) == (issued["topics"], False)
    assert issued["kafka"]["bootstrap_servers"] == stack.kafka_bootstrap_servers
    printed = " ".join(keys("issue", "feeds").stdout.split())
    assert f"bootstrap.servers={stack.kafka_bootstrap_servers} security.protocol=" in printed
    if stack.kafka_user:
        assert issued["kafka"]["sasl_plain_password"] == issued["key"]
        assert issued["kafka"]["sasl_plain_username"] != again["kafka"]["sasl_plain_username"]
        assert 'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="' in printed
    assert keys("issue", "others").exit_code == 2
    [one, two, _] = json.loads(keys("list", "--json").stdout)
    assert (one["services"], one["revoked_at"]) == (["campaign", "opinion"], None)
    assert keys("revoke", "feeds", "--key", one["key"]).exit_code == 0
    assert keys("revoke", "feeds", "--key", one["key"]).exit_code == 1
    assert two["key"] in keys("list").stdout
    assert keys("revoke", "feeds").exit_code == 0
    assert keys("revoke", "nobody").exit_code == 1
