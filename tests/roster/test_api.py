"""The roster's commands over HTTP, on real PostgreSQL: what is answered, and which events stand in the outbox."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.web.paging import cursor
from tests.roster.harness import ACCOUNT, CONSENT, MEMBER, MOVE, OTHER, UNIT, Roster, fact, roster_at
from tests.support.engine import SHANGHAI

# -- units and quotas --------------------------------------------------------------------------------------------------


async def test_a_unit_is_defined_and_redefined(roster: Roster) -> None:
    part = {
        "unit_id": "350902-1",
        "name": {"zh": "某乡"},
        "kind": "township",
        "county": "350902",
        "parent_id": "350902",
    }
    await roster.post("/units", part, 201)
    assert (await roster.post("/units", part, 409))["code"] == "invalid_state"
    change = {key: value for key, value in part.items() if key != "unit_id"} | {"name": {"zh": "某镇", "en": "A town"}}
    changed = await roster.put("/units/350902-1", change, 200, headers={"If-Match": '"1"'})
    assert changed == part | change | {"version": 2}
    first, second = await roster.events("350902-1")
    assert (first.sequence, first.county, first.subject) == (1, "350902", "unit/350902-1")
    assert (second.sequence, second.data.name.en, second.data.parent_id) == (2, "A town", "350902")
    response = await roster.http.get("/roster/api/v1/units/350902-1")
    assert (response.headers["ETag"], response.json()) == ('"2"', changed)
    assert [unit["unit_id"] for unit in (await roster.get("/units"))["items"]] == ["350902", "350902-1", "350921"]


async def test_updates_name_the_version_they_read(roster: Roster) -> None:
    change = {"name": {"zh": "蕉城区"}, "kind": "county", "county": "350902"}
    assert (await roster.put("/units/350902", change, 428))["code"] == "version_required"
    assert (await roster.put("/units/350902", change, 412, headers={"If-Match": '"7"'}))["code"] == "version_conflict"
    changed = await roster.put("/units/350902", change, 200, headers={"If-Match": '"1"'})
    assert changed["version"] == 2
    assert (await roster.put("/units/000000", change, 404, headers={"If-Match": "*"}))["code"] == "not_found"


NO_UNITS: list[tuple[dict[str, Any], str, str]] = [
    ({"unit_id": "35"}, "schema", "/unit_id"),
    ({"unit_id": "350902-X"}, "schema", "/unit_id"),
    ({"unit_id": "350922", "county": "350922", "parent_id": "350900"}, "unknown_unit", "/parent_id"),
    ({"county": "3509"}, "schema", "/county"),
    ({"kind": "party"}, "schema", "/kind"),
    ({"name": {"zh": ""}}, "schema", "/name/zh"),
    ({"name": {"zh": "a\x00"}}, "schema", "/name/zh"),
]


async def test_units_that_are_refused(roster: Roster) -> None:
    for change, code, pointer in NO_UNITS:
        told = await roster.post("/units", UNIT | change, 422)
        assert (told["code"], told["pointer"]) == (code, pointer), change


async def test_a_unit_is_no_part_of_itself(roster: Roster) -> None:
    for child, parent in (("350902-1", "350902"), ("350902-1-1", "350902-1")):
        unit = {"unit_id": child, "name": {"zh": child}, "kind": "township", "county": "350902", "parent_id": parent}
        await roster.post("/units", unit, 201)
    told = {"name": {"zh": "蕉城"}, "kind": "county", "county": "350902"}
    for parent in ("350902", "350902-1", "350902-1-1"):
        refused = await roster.put("/units/350902", told | {"parent_id": parent}, 422, headers={"If-Match": "*"})
        assert (refused["code"], refused["pointer"]) == ("schema", "/parent_id")


async def test_quotas_are_set_and_filled(roster: Roster) -> None:
    await roster.put("/units/350902/quotas/county/2014", {"quota": 3}, 200)
    await roster.put("/units/350902/quotas/county/2014", {"quota": 2}, 200)
    await roster.put("/units/350902/quotas/county/2015", {"quota": 2}, 200)
    await roster.put("/units/350902/quotas/city/2014", {"quota": 0}, 200)
    told = [event.data for event in await roster.events("350902") if fact(event) == "quota_set"]
    assert [(data.team, data.year, data.quota) for data in told] == [
        ("county", 2014, 3),
        ("county", 2014, 2),
        ("county", 2015, 2),
        ("city", 2014, 0),
    ]

    async def filled() -> dict[tuple[str, int], int]:
        items = (await roster.get("/quotas"))["items"]
        return {(item["team"], item["year"]): item["filled"] for item in items}

    assert (await roster.post(f"/volunteers/{await roster.nominated(team='city')}/register", CONSENT, 409))["code"] == (
        "quota_full"
    )
    staying, leaving, waiting = await roster.registered(), await roster.registered(), await roster.nominated()
    assert await filled() == {("city", 2014): 0, ("county", 2014): 2, ("county", 2015): 2}
    assert (await roster.post(f"/volunteers/{waiting}/register", CONSENT, 409))["code"] == "quota_full"
    # Who stays keeps the place in the next year; who leaves makes room; who comes later takes none of the year before.
    later = {"registered_on": "2015-02-01", "consented_on": "2015-01-01"}
    assert (await roster.post(f"/volunteers/{waiting}/register", later, 409))["code"] == "quota_full"
    await roster.post(f"/volunteers/{leaving}/leave", {"left_on": "2014-12-31"}, 200)
    await roster.post(f"/volunteers/{waiting}/register", later, 200)
    assert await filled() == {("city", 2014): 0, ("county", 2014): 1, ("county", 2015): 2}
    await roster.post(f"/volunteers/{await roster.nominated()}/register", CONSENT, 200)
    assert (await roster.get(f"/volunteers/{staying}"))["state"] == "registered"
    assert (await roster.put("/units/999999/quotas/city/2014", {"quota": 1}, 422))["code"] == "unknown_unit"
    for year, quota in ((1999, 1), (2014, -1), (2014, True), (2014, "1")):
        assert (await roster.put(f"/units/350902/quotas/city/{year}", {"quota": quota}, 422))["code"] == "schema"


# -- volunteers --------------------------------------------------------------------------------------------------------


async def test_a_volunteer_from_nomination_to_return(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    assert UUID(volunteer_id).version == 7
    await roster.post(f"/volunteers/{volunteer_id}/transfer", MOVE, 200)
    await roster.post(f"/volunteers/{volunteer_id}/leave", {"left_on": "2014-07-01"}, 200)
    again = {"registered_on": "2014-08-01", "consented_on": "2014-08-01"}
    found = await roster.post(f"/volunteers/{volunteer_id}/register", again, 200)
    assert found == await roster.get(f"/volunteers/{volunteer_id}")
    assert {name: found[name] for name in ("state", "unit_id", "team", "category", "registered_on")} == {
        "state": "registered",
        "unit_id": "350921",
        "team": "county",
        "category": "cadre_county",
        "registered_on": "2014-08-01",
    }
    assert [(m["kind"], m["unit_id"], m["day"]) for m in found["movements"]] == [
        ("registered", "350902", "2014-05-01"),
        ("transferred", "350921", "2014-06-01"),
        ("left", "350921", "2014-07-01"),
        ("registered", "350921", "2014-08-01"),
    ]
    told = await roster.events(volunteer_id)
    assert [fact(event) for event in told] == [
        "volunteer_nominated",
        "volunteer_registered",
        "volunteer_transferred",
        "volunteer_left",
        "volunteer_registered",
    ]
    assert [event.sequence for event in told] == [1, 2, 3, 4, 5]
    # Before the transfer the old county, from its day on the new one.
    assert [event.county for event in told] == ["350902", "350902", "350921", "350921", "350921"]
    moved = told[2].data
    assert (moved.from_unit_id, moved.to_unit_id, moved.from_county, moved.to_county) == (
        "350902",
        "350921",
        "350902",
        "350921",
    )
    assert told[0].time == told[0].recordedtime
    assert told[1].time == datetime(2014, 5, 1, 12, tzinfo=SHANGHAI)


async def test_a_nomination_is_declined(roster: Roster) -> None:
    volunteer_id = await roster.nominated()
    found = await roster.post(f"/volunteers/{volunteer_id}/decline", {"reason": "not_eligible"}, 200)
    assert (found["state"], found["movements"]) == ("declined", [])
    told = (await roster.events(volunteer_id))[-1]
    assert (told.data.reason, told.county) == ("not_eligible", "350902")
    for path, body in (("decline", {"reason": "other"}), ("register", CONSENT), ("leave", None), ("transfer", MOVE)):
        assert (await roster.post(f"/volunteers/{volunteer_id}/{path}", body, 409))["code"] == "invalid_state"


async def test_what_a_registered_one_cannot_do(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    path = f"/volunteers/{volunteer_id}"
    assert (await roster.post(f"{path}/register", CONSENT, 409))["code"] == "invalid_state"
    assert (await roster.post(f"{path}/decline", {"reason": "other"}, 409))["code"] == "invalid_state"
    told = await roster.post(f"{path}/transfer", MOVE | {"to_unit_id": "350902"}, 409)
    assert told["code"] == "invalid_state"
    told = await roster.post(f"{path}/transfer", MOVE | {"to_unit_id": "999999"}, 422)
    assert (told["code"], told["pointer"]) == ("unknown_unit", "/to_unit_id")
    assert (await roster.post("/volunteers", MEMBER | {"unit_id": "999999"}, 422))["code"] == "unknown_unit"
    for call in ("register", "transfer", "decline", "leave"):
        body = {"register": CONSENT, "transfer": MOVE, "decline": {"reason": "other"}}.get(call)
        assert (await roster.post(f"/volunteers/{uuid4()}/{call}", body, 404))["code"] == "not_found"
    assert len(await roster.events(volunteer_id)) == 2


async def test_movements_in_date_order(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    path = f"/volunteers/{volunteer_id}"
    early = {"to_unit_id": "350921", "effective_on": "2014-04-30"}
    assert (await roster.post(f"{path}/transfer", early, 422))["code"] == "out_of_order_date"
    assert (await roster.post(f"{path}/leave", {"left_on": "2014-04-30"}, 422))["code"] == "out_of_order_date"
    far = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert (await roster.post(f"{path}/leave", {"left_on": far}, 422))["code"] == "time_out_of_range"
    await roster.post(f"{path}/leave", {"left_on": "2014-06-01"}, 200)
    told = await roster.post(f"{path}/register", CONSENT, 422)
    assert (told["code"], told["pointer"]) == ("out_of_order_date", "/registered_on")


async def test_leaving_is_today_where_nothing_is_told(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    await roster.post(f"/volunteers/{volunteer_id}/leave", None, 200)
    told = (await roster.events(volunteer_id))[-1]
    assert abs(told.data.left_on - datetime.now(SHANGHAI).date()) <= timedelta(days=1)


async def test_in_story_mode_a_departure_is_recorded_when_it_was_told(database_url: str) -> None:
    async with roster_at(database_url, story_mode=True) as roster:

        def at(moment: str) -> dict[str, str]:
            return {"Qingsheng-Story-Time": f"{moment}:00+08:00"}

        told = await roster.post("/volunteers", MEMBER, 201, headers=at("2014-04-20T09:00"))
        path = f"/volunteers/{told['volunteer_id']}"
        early = await roster.post(f"{path}/register", CONSENT, 422, headers=at("2014-04-29T09:00"))
        assert early["code"] == "time_out_of_range"
        await roster.post(f"{path}/register", CONSENT, 200, headers=at("2014-05-02T09:00"))
        await roster.post(f"{path}/leave", None, 200, headers=at("2014-08-24T09:00"))
        _, registered, left = await roster.events(told["volunteer_id"])
        assert registered.time == datetime(2014, 5, 1, 12, tzinfo=SHANGHAI)
        assert registered.recordedtime == datetime(2014, 5, 2, 9, tzinfo=SHANGHAI)
        assert str(left.data.left_on) == "2014-08-24"
        assert left.recordedtime == datetime(2014, 8, 24, 9, tzinfo=SHANGHAI)


# -- accounts ----------------------------------------------------------------------------------------------------------


async def test_accounts_are_disclosed_and_withdrawn(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    account = await roster.post(f"/volunteers/{volunteer_id}/accounts", ACCOUNT, 201)
    assert UUID(account["account_id"]).version == 7
    [listed] = (await roster.get(f"/volunteers/{volunteer_id}/accounts"))["items"]
    assert listed["account_id"] == account["account_id"]
    assert (listed["platform"], listed["disclosure_url"], listed["withdrawn_at"]) == (
        "weibo",
        ACCOUNT["disclosure_url"],
        None,
    )
    assert (await roster.get(f"/volunteers/{uuid4()}/accounts", 404))["code"] == "not_found"
    path = f"/accounts/{account['account_id']}/withdraw"
    assert (await roster.post(path, {"withdrawn_at": "2014-05-01T00:00:00Z"}, 422))["code"] == "out_of_order_date"
    withdrawn = await roster.post(path, {"withdrawn_at": "2014-06-01T00:00:00Z"}, 200)
    assert withdrawn == account | {"withdrawn_at": withdrawn["withdrawn_at"]}
    assert (await roster.post(path, None, 409))["code"] == "invalid_state"
    assert (await roster.post(f"/accounts/{uuid4()}/withdraw", None, 404))["code"] == "not_found"
    first, second = (await roster.events(volunteer_id))[-2:]
    assert first.data.account_id == second.data.account_id == UUID(account["account_id"])
    assert first.subject == second.subject == f"account/{account['account_id']}"
    assert (first.sequence, second.sequence) == (3, 4)
    values = await roster.pool.fetch("select value from outbox")
    assert not any(b"example.org" in row["value"] for row in values)


NO_DISCLOSURES: list[tuple[dict[str, Any], str, str]] = [
    ({"disclosed_at": "2999-01-01T00:00:00Z"}, "time_out_of_range", "/disclosed_at"),
    ({"disclosed_at": "1999-01-01T00:00:00Z"}, "time_out_of_range", "/disclosed_at"),
    ({"verified_at": "2999-01-01T00:00:00Z"}, "time_out_of_range", "/verified_at"),
    ({"disclosed_at": "2014-05-02T08:00:00"}, "schema", "/disclosed_at"),
    ({"disclosure_url": "weibo"}, "schema", "/disclosure_url"),
    ({"disclosure_url": "javascript:alert(1)"}, "schema", "/disclosure_url"),
    ({"platform": "party"}, "schema", "/platform"),
]


async def test_disclosures_that_are_refused(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    for change, code, pointer in NO_DISCLOSURES:
        told = await roster.post(f"/volunteers/{volunteer_id}/accounts", ACCOUNT | change, 422)
        assert (told["code"], told["pointer"]) == (code, pointer), change


async def test_only_the_registered_disclose_and_anyone_withdraws(roster: Roster) -> None:
    nominated = await roster.nominated()
    assert (await roster.post(f"/volunteers/{nominated}/accounts", ACCOUNT, 409))["code"] == "invalid_state"
    volunteer_id = await roster.registered()
    account = await roster.post(f"/volunteers/{volunteer_id}/accounts", ACCOUNT, 201)
    await roster.post(f"/volunteers/{volunteer_id}/leave", None, 200)
    assert (await roster.post(f"/volunteers/{volunteer_id}/accounts", ACCOUNT, 409))["code"] == "invalid_state"
    await roster.post(f"/accounts/{account['account_id']}/withdraw", None, 200)


async def test_an_account_belongs_to_the_county_of_its_moment(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    await roster.post(f"/volunteers/{volunteer_id}/transfer", MOVE, 200)
    ids: dict[str, str] = {}
    # Before the registration, before the transfer, in the first minute of its day (which is May in UTC), after it.
    moments = [
        "2014-04-01T08:00:00+08:00",
        "2014-05-31T23:59:00+08:00",
        "2014-06-01T00:01:00+08:00",
        "2014-07-01T08:00Z",
    ]
    for moment in [moment.replace("08:00Z", "08:00:00Z") for moment in moments]:
        told = ACCOUNT | {"disclosed_at": moment}
        ids[moment] = (await roster.post(f"/volunteers/{volunteer_id}/accounts", told, 201))["account_id"]
    first = next(iter(ids.values()))
    await roster.post(f"/accounts/{first}/withdraw", {"withdrawn_at": "2014-05-20T00:00:00Z"}, 200)
    told = [event.county for event in await roster.events(volunteer_id) if fact(event).startswith("account_")]
    assert told == ["350902", "350902", "350921", "350921", "350902"]


async def test_a_changed_account_changes_its_volunteers_etag(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    seen: set[str] = set()

    async def look() -> None:
        response = await roster.http.get(f"/roster/api/v1/volunteers/{volunteer_id}")
        assert response.headers["ETag"] not in seen
        seen.add(response.headers["ETag"])

    await look()
    account = await roster.post(f"/volunteers/{volunteer_id}/accounts", ACCOUNT, 201)
    await look()
    await roster.post(f"/accounts/{account['account_id']}/withdraw", None, 200)
    await look()


# -- what all calls have -----------------------------------------------------------------------------------------------


async def test_a_write_is_answered_once_under_its_key(roster: Roster) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await roster.post("/volunteers", MEMBER, 201, headers=key)
    assert await roster.post("/volunteers", MEMBER, 201, headers=key) == first
    told = await roster.post("/volunteers", MEMBER | {"team": "city"}, 409, headers=key)
    assert told["code"] == "idempotency_key_reused"
    assert len((await roster.get("/volunteers"))["items"]) == 1


async def test_lists_are_paged(roster: Roster) -> None:
    for unit_id in (UNIT["unit_id"], OTHER["unit_id"]):
        for year in (2014, 2015):
            await roster.put(f"/units/{unit_id}/quotas/county/{year}", {"quota": 9}, 200)
    made = [await roster.registered() for _ in range(3)] + [await roster.nominated(unit_id="350921") for _ in range(2)]
    for path, count in (("units", 2), ("quotas", 4), ("volunteers", 5)):
        assert len(await _all(roster, f"/{path}?limit=2")) == count
    assert [item["volunteer_id"] for item in await _all(roster, "/volunteers?limit=1")] == sorted(made)
    assert len(await _all(roster, "/volunteers?limit=2&unit_id=350921")) == 2
    assert len(await _all(roster, "/volunteers?limit=2&state=registered")) == 3
    assert await _all(roster, "/volunteers?limit=2&unit_id=350921&state=registered") == []
    assert len(await _all(roster, "/quotas?limit=1&year=2015")) == 2


NO_READS = [
    "/volunteers?cursor=x",
    f"/volunteers?cursor={cursor(['x'])}",
    f"/volunteers?cursor={cursor([1])}",
    f"/units?cursor={cursor([1])}",
    f"/units?cursor={cursor([chr(0)])}",
    f"/quotas?cursor={cursor(['350902', 'city', 'x'])}",
    f"/quotas?cursor={cursor(['350902', 'city', '99999999999'])}",
    "/quotas?year=99999999999",
    "/volunteers?unit_id=%00",
    "/volunteers?state=x",
    "/units/%00",
    "/volunteers/x",
]


async def test_what_cannot_be_asked_is_told(roster: Roster) -> None:
    for path in NO_READS:
        assert (await roster.get(path, 422))["code"] == "schema", path


async def _all(roster: Roster, path: str) -> list[Any]:
    items: list[Any] = []
    page = await roster.get(path)
    while True:
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        page = await roster.get(f"{path}&cursor={page['next_cursor']}")
