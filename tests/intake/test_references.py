"""References of other systems: registered by the roster, used in reports, gone with the erased."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from qingsheng.users import administering
from services.training.consumers import take_roster_events as training_reads
from services.training.intake import create_door as training_door
from shared.access.roles import Role
from shared.contracts.references import may_be_reference
from shared.postgres import open_pool
from shared.roster_view.storage import NEEDED
from tests.campaign.harness import Campaign, campaign_at, repost
from tests.opinion.harness import opinion_at, tip_report
from tests.roster.harness import ACCOUNT, Roster, roster_at
from tests.support.producing import Service, codes, key_of, refused, report
from tests.support.services import client

PERSON, WEIBO = "crm:4711", "wb/4711"
SHARED = "2014-07-01 09:00"


@dataclass
class World:
    """The roster and the three services that take reports, on one database, without Kafka."""

    roster: Roster
    campaign: Campaign
    training: Service
    opinion: Service
    _read: int = 0

    async def member(self) -> tuple[str, str]:
        """A registered volunteer with a disclosed account; the services have not heard of them yet."""
        volunteer_id = await self.roster.registered()
        disclosed = ACCOUNT | {"verified_at": "2014-05-02T09:00:00+08:00"}
        account = await self.roster.post(f"/volunteers/{volunteer_id}/accounts", disclosed, 201)
        return volunteer_id, account["account_id"]

    async def tell(self) -> None:
        """Brings what the roster published since to the services."""
        events = await self.roster.events()
        needed = [event for event in events[self._read :] if event.type in {known.TYPE for known in NEEDED}]
        self._read = len(events)
        for service in (self.campaign, self.training, self.opinion):
            await service.know(*needed)

    async def refer(self, *refs: dict[str, Any], producer: str = "feeds", **more: Any) -> Any:
        return await self.roster.post("/external-refs", {"producer": producer, "external_refs": refs}, **more)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        roster = await stack.enter_async_context(roster_at(database_url))
        await key_of(roster.settings, "feeds")
        campaign = await stack.enter_async_context(campaign_at(database_url))
        opinion = await stack.enter_async_context(opinion_at(database_url))
        pool = await open_pool(roster.settings, "training")
        stack.callback(pool.terminate)
        http = await stack.enter_async_context(client(roster.settings, ["training"]))
        door = training_door(roster.settings)
        training = Service("training", roster.settings, pool, http, door, training_reads)
        yield World(roster, campaign, training, opinion)


def person(volunteer_id: str, ref: str = PERSON) -> dict[str, Any]:
    return {"external_ref": ref, "volunteer_id": volunteer_id}


def account(volunteer_id: str, account_id: str, ref: str = WEIBO) -> dict[str, Any]:
    return {"external_ref": ref, "volunteer_id": volunteer_id, "account_id": account_id}


def statuses(answer: Any) -> list[str]:
    return [row.get("code", row["status"]) for row in answer["rows"]]


# -- registering -------------------------------------------------------------------------------------------------------


async def test_references_are_registered_read_by_their_producer_and_removed(world: World) -> None:
    volunteer_id, account_id = await world.member()
    both = [person(volunteer_id), account(volunteer_id, account_id)]
    dry = await world.roster.post("/external-refs?dry_run=true", {"producer": "feeds", "external_refs": both}, 200)
    assert (dry["dry_run"], dry["registered"]) == (True, 2)
    assert (await world.roster.get("/external-refs"))["items"] == []
    for _ in range(2):  # said again it is the same
        assert statuses(await world.refer(*both, status=200)) == ["registered", "registered"]
    key = await key_of(world.roster.settings, "feeds", "opinion")
    found = (await world.roster.get("/external-refs", headers=key))["items"]
    shown = {"producer": "feeds", "volunteer_id": volunteer_id}
    of_account = shown | {"kind": "account", "external_ref": WEIBO, "account_id": account_id}
    of_person = shown | {"kind": "volunteer", "external_ref": PERSON, "account_id": None}
    assert found == [of_account, of_person]
    first = await world.roster.get("/external-refs?limit=1", headers=key)
    assert first["items"] == [of_account]
    rest = await world.roster.get("/external-refs", headers=key, params={"cursor": first["next_cursor"]})
    assert rest == {"items": [of_person], "next_cursor": None}
    for asked in ({"external_ref": PERSON}, {"kind": "volunteer"}):
        assert (await world.roster.get("/external-refs", headers=key, params=asked))["items"] == [of_person]
    # Another system sees nothing of it, and cannot ask for it.
    others = await key_of(world.roster.settings, "others")
    assert (await world.roster.get("/external-refs", headers=others))["items"] == []
    assert (await world.roster.get("/external-refs?producer=feeds", 403, headers=others))["code"] == "forbidden"
    gone = {"producer": "feeds", "kind": "volunteer", "external_ref": PERSON}
    assert await world.roster.post("/external-refs/removals", gone, 200) == {"removed": True}
    assert (await world.roster.post("/external-refs/removals", gone, 404))["code"] == "not_found"
    assert (await world.roster.get("/external-refs", headers=key))["items"] == [of_account]
    lines = await world.roster.audited()
    told = [(line["action"], line["subject"], line["details"]["volunteers"]) for line in lines]
    assert told == [
        (f"reference.{act}", "producer/feeds", [volunteer_id]) for act in ("registered", "registered", "removed")
    ]


async def test_references_that_are_refused_row_by_row(world: World) -> None:
    volunteer_id, account_id = await world.member()
    other, others_account = await world.member()
    erased, _ = await world.member()
    await world.roster.post(f"/volunteers/{erased}/erase", None, 200)
    answer = await world.refer(
        person(volunteer_id),
        person(other),
        person(str(uuid4()), "a"),
        person(erased, "b"),
        account(volunteer_id, others_account, "c"),
        account(volunteer_id, account_id, PERSON),
        person(volunteer_id, "chen.wei@example.org"),
        person(volunteer_id, "陈伟"),
        status=200,
    )
    assert statuses(answer) == [
        "registered",
        "invalid_state",
        "unknown_volunteer",
        "erased",
        "unknown_account",
        "registered",  # an account may have the reference of its owner: they are asked for apart
        "personal_data",
        "schema",
    ]
    assert (answer["registered"], answer["refused"]) == (2, 6)
    assert [row["row"] for row in answer["rows"]] == list(range(8))
    assert "example.org" not in str(answer)
    unheard = await world.refer(person(volunteer_id), producer="unheard-of", status=422)
    assert (unheard["code"], unheard["pointer"]) == ("schema", "/producer")


async def test_a_county_registers_and_sees_references_of_its_own_volunteers(world: World) -> None:
    volunteer_id, _ = await world.member()
    theirs = await world.roster.nominated(unit_id="350921")
    county = await world.roster.as_county("350902")
    answer = await world.refer(person(volunteer_id), person(theirs, "x"), status=200, headers=county)
    assert statuses(answer) == ["registered", "forbidden"]
    await world.refer(person(theirs, "x"), status=200)
    assert [each["external_ref"] for each in (await world.roster.get("/external-refs", headers=county))["items"]] == [
        PERSON
    ]
    gone = {"producer": "feeds", "kind": "volunteer", "external_ref": "x"}
    assert (await world.roster.post("/external-refs/removals", gone, 403, headers=county))["code"] == "forbidden"


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("crm:4711", None),
        ("2014/17_a-3.b", None),
        ("0017", None),
        ("20140502001", None),
        ("x" * 128, None),
        ("chen.wei@example.org", "personal_data"),
        ("@chenwei", "personal_data"),
        ("13905930077", "personal_data"),
        ("139-0593-0077", "personal_data"),
        ("tel:8613905930077", "personal_data"),
        ("0593-7654321", "personal_data"),
        ("352201198807011234", "personal_data"),
        ("id/35220119880701123X", "personal_data"),
        ("", "schema"),
        ("陈伟", "schema"),
        ("a b", "schema"),
        (".x", "schema"),
        ("x" * 129, "schema"),
        ("0198c0de-0000-7000-8000-000000000001", "schema"),
        ("0198c0de000070008000000000000001", "schema"),
    ],
)
def test_what_may_be_a_reference(reference: str, code: str | None) -> None:
    refusal = may_be_reference(reference, "/external_ref")
    assert (refusal and refusal.code) == code
    if refusal and len(reference) > 2:
        assert reference not in str(refusal.message)


# -- reporting ---------------------------------------------------------------------------------------------------------

Report = Callable[[World], Awaitable[tuple[Service, dict[str, Any]]]]


async def shared(world: World) -> tuple[Service, dict[str, Any]]:
    return world.campaign, repost(PERSON, WEIBO, await world.campaign.published("2014-06-01 09:00"), SHARED)


async def attended(world: World) -> tuple[Service, dict[str, Any]]:
    held = {
        "kind": "class",
        "title": {"zh": "培训"},
        "starts_at": "2014-05-20T09:00:00+08:00",
        "hours": 3,
        "venue_count": 1,
        "organisers": ["350902"],
    }
    session_id = (await world.training.post("/sessions", held)).json()["session_id"]
    told = {"session_id": session_id, "volunteer_id": PERSON, "venue_no": 1, "hours": 3}
    return world.training, report("attendance_reported", told | {"held_on": "2014-05-20"})


async def relayed(world: World) -> tuple[Service, dict[str, Any]]:
    return world.opinion, tip_report(relayed_by=PERSON)


REPORTS = pytest.mark.parametrize("told", [shared, attended, relayed])


@REPORTS
async def test_a_reference_takes_the_place_of_an_id(world: World, told: Report) -> None:
    volunteer_id, account_id = await world.member()
    await world.tell()
    await world.refer(person(volunteer_id), account(volunteer_id, account_id), status=200)
    service, event = await told(world)
    assert codes(await service.take(event)) == ["accepted"]
    fact = (await service.events())[-1].data
    assert str(getattr(fact, "volunteer_id", None) or fact.relayed_by) == volunteer_id
    if told is shared:
        assert str(fact.account_id) == account_id


@REPORTS
async def test_a_report_waits_for_its_reference_and_then_for_the_person(world: World, told: Report) -> None:
    await world.tell()
    service, event = await told(world)
    assert codes(await service.take(event)) == ["waiting"]
    parked = await service.pool.fetchrow("select thing, awaits from parked")
    assert tuple(parked or ()) == (f"reference/feeds/volunteer/{PERSON}", None)
    assert await service.settle() == 0
    volunteer_id, account_id = await world.member()
    await world.refer(person(volunteer_id), account(volunteer_id, account_id), status=200)
    assert await service.settle() == 1, "registered: it now waits for the person, who is on the way"
    assert await service.pool.fetchval("select thing from parked") == f"volunteer/{volunteer_id}"
    await world.tell()
    assert await service.settle() == 1
    assert "code" not in (await service.answers())[event["id"]]["data"]


@REPORTS
async def test_a_reference_that_stays_unknown(world: World, told: Report) -> None:
    await world.tell()
    service, event = await told(world)
    field = "relayed_by" if told is relayed else "volunteer_id"
    # Somebody's number can never be one, and is not kept while it waits.
    numbered = event | {"id": "n", "data": event["data"] | {field: "13905930077"}}
    assert codes(await service.take(event, numbered)) == ["waiting", "unknown_volunteer"]
    await service.let_waits_end()
    assert await service.settle() == 1
    answer = (await service.answers())[event["id"]]["data"]
    assert (answer["code"], answer["pointer"]) == ("unknown_volunteer", f"/data/{field}")


async def test_references_are_each_producers_own(world: World) -> None:
    volunteer_id, account_id = await world.member()
    await world.tell()
    await world.refer(person(volunteer_id), account(volunteer_id, account_id), status=200)
    _, event = await shared(world)
    strange = event | {"source": "/ext/others"}
    assert codes(await world.campaign.take(strange, producer="others")) == ["waiting"]
    assert codes(await world.campaign.take(event)) == ["accepted"]


async def test_shares_by_references_are_judged_as_by_ids(world: World) -> None:
    volunteer_id, account_id = await world.member()
    other, others_account = await world.member()
    await world.tell()
    await world.refer(
        person(volunteer_id), account(volunteer_id, account_id), account(other, others_account, "wb/2"), status=200
    )
    _, event = await shared(world)

    def changed(**change: Any) -> dict[str, Any]:
        return report("repost_reported", event["data"] | change)

    answers = await world.campaign.take(
        changed(account_id="wb/2"),
        changed(account_id=others_account),
        changed(account_id="wb 3"),
        changed(account_id="wb/3"),
        changed(volunteer_id="crm:none", account_id="wb 3"),
        changed(volunteer_id="crm:none", account_id=account_id),
        changed(volunteer_id="crm:none", shared_at="1999-01-01T00:00:00Z"),
        changed(shared_at="2014-04-01T09:00:00+08:00"),
        changed(volunteer_id=volunteer_id, account_id=account_id),
        changed(),
    )
    assert codes(answers) == [
        "unknown_account",
        "unknown_account",
        "unknown_account",
        "waiting",
        "unknown_account",
        "waiting",  # whose account it is cannot be said before the person is known
        "time_out_of_range",
        "volunteer_not_active",
        "accepted",
        "already_logged",
    ]
    # The volunteer's own page knows of what was refused, though it was told by references.
    noted = await world.campaign.pool.fetch("select code from refused_share where volunteer_id = $1", volunteer_id)
    assert {row["code"] for row in noted} == {"unknown_account", "volunteer_not_active", "already_logged"}


# -- the erased --------------------------------------------------------------------------------------------------------


async def test_c1_what_others_call_somebody_is_told_to_them_and_goes_with_the_erased(world: World) -> None:
    volunteer_id, account_id = await world.member()
    await world.tell()
    key = {"Idempotency-Key": "refs"}
    await world.refer(person(volunteer_id), account(volunteer_id, account_id), status=200, headers=key)
    _, event = await shared(world)
    held = await world.roster.get(f"/volunteers/{volunteer_id}/export")
    assert [each["external_ref"] for each in held["known_elsewhere_as"]] == [WEIBO, PERSON]
    assert "reference.registered" in [each["action"] for each in held["looked_at"]]
    await world.roster.post(f"/volunteers/{volunteer_id}/erase", None, 200)
    assert (await world.roster.get("/external-refs"))["items"] == []
    assert codes(await world.campaign.take(event)) == ["waiting"], "the reference means nobody"
    async with administering(world.roster.settings) as connection:
        kept = await connection.fetchval("select count(*) from roster.idempotency_key where key = 'refs'")
        details: Sequence[Any] = await connection.fetch("select details::text from roster.audit")
    assert kept == 0
    assert not any(PERSON in row["details"] or WEIBO in row["details"] for row in details)


async def test_services_read_references_and_only_the_roster_writes_them(world: World) -> None:
    for service in (world.training, world.opinion, world.campaign):
        assert await service.pool.fetch("select * from access.external_ref") == []
        with pytest.raises(Exception, match="permission denied"):
            await service.pool.execute("delete from access.external_ref")
    auditor = await world.roster.as_role(Role.AUDITOR)
    answer = await world.roster.http.get("/roster/api/v1/external-refs", headers=auditor)
    assert refused(answer)[0] == 403
