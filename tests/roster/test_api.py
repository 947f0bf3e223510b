"""The roster's commands over HTTP, on real PostgreSQL: what is answered, and which events stand in the outbox."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import xlsxwriter

from services.roster import ledger
from shared.contracts.decoding import Decoder
from shared.contracts.registry import of_service
from tests.support.engine import SHANGHAI
from tests.support.services import client, settings_for

UNIT = {"unit_id": "350902", "name": {"zh": "蕉城", "en": "Jiaocheng"}, "kind": "county", "county": "350902"}
OTHER = {"unit_id": "350921", "name": {"zh": "霞浦"}, "kind": "county", "county": "350921"}
MEMBER = {"unit_id": "350902", "team": "county", "category": "cadre_county"}
CONSENT = {"registered_on": "2014-05-01", "consented_on": "2014-04-20"}
ACCOUNT = {"platform": "weibo", "disclosed_at": "2014-05-02T08:00:00+08:00", "disclosure_url": "https://example.org/d"}


class Roster:
    def __init__(self, http: httpx.AsyncClient, database_url: str) -> None:
        self.http = http
        self._database_url = database_url
        self._decoder = Decoder("roster", list(of_service("roster").values()), SHANGHAI)

    async def post(self, path: str, body: Any = None, status: int | None = None, **more: Any) -> Any:
        return await self._call("POST", path, body, status, **more)

    async def put(self, path: str, body: Any = None, status: int | None = None, **more: Any) -> Any:
        return await self._call("PUT", path, body, status, **more)

    async def get(self, path: str) -> Any:
        return await self._call("GET", path, None, 200)

    async def _call(self, method: str, path: str, body: Any, status: int | None, **more: Any) -> Any:
        response = await self.http.request(method, f"/roster/api/v1{path}", json=body, **more)
        if status is not None:
            assert response.status_code == status, response.text
        return response.json()

    async def events(self) -> list[Any]:
        connection = await asyncpg.connect(self._database_url)
        try:
            rows = await connection.fetch("select value from roster.outbox order by id")
            return [self._decoder(row["value"]) for row in rows]
        finally:
            await connection.close()

    async def registered(self, **change: Any) -> str:
        volunteer = await self.post("/volunteers", MEMBER | change, 201)
        await self.post(f"/volunteers/{volunteer['volunteer_id']}/register", CONSENT, 200)
        return volunteer["volunteer_id"]


@pytest.fixture
async def roster(database_url: str) -> AsyncIterator[Roster]:
    async with client(settings_for(database_url), ["roster"]) as http:
        roster = Roster(http, database_url)
        await roster.post("/units", UNIT, 201)
        await roster.post("/units", OTHER, 201)
        yield roster


async def test_a_volunteer_from_nomination_to_return(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    await roster.post(
        f"/volunteers/{volunteer_id}/transfer", {"to_unit_id": "350921", "effective_on": "2014-06-01"}, 200
    )
    await roster.post(f"/volunteers/{volunteer_id}/leave", {"left_on": "2014-07-01"}, 200)
    again = {"registered_on": "2014-08-01", "consented_on": "2014-08-01"}
    found = await roster.post(f"/volunteers/{volunteer_id}/register", again, 200)
    assert found["state"] == "registered"
    assert [m["kind"] for m in found["movements"]] == ["registered", "transferred", "left", "registered"]
    told = [event for event in await roster.events() if event.partitionkey == volunteer_id]
    assert [event.type.split(".")[2] for event in told] == [
        "volunteer_nominated",
        "volunteer_registered",
        "volunteer_transferred",
        "volunteer_left",
        "volunteer_registered",
    ]
    assert [event.sequence for event in told] == [1, 2, 3, 4, 5]
    # Before the transfer the old county, from its day on the new one.
    assert [event.county for event in told] == ["350902", "350902", "350921", "350921", "350921"]


async def test_c1_nobody_is_registered_without_consent(roster: Roster) -> None:
    volunteer = await roster.post("/volunteers", MEMBER, 201)
    path = f"/volunteers/{volunteer['volunteer_id']}/register"
    for consented_on in (None, "2014-05-02"):
        told = await roster.post(path, {"registered_on": "2014-05-01", "consented_on": consented_on}, 422)
        assert told["code"] == "no_consent"
        assert told["message"]["zh"]
        assert told["message"]["en"]
    assert not [event for event in await roster.events() if event.type.endswith("volunteer_registered.v1")]


async def test_c1_leaving_takes_no_reason(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    told = await roster.post(f"/volunteers/{volunteer_id}/leave", {"reason": "x"}, 422)
    assert told["code"] == "schema"
    assert (await roster.post(f"/volunteers/{volunteer_id}/leave", None, 200))["state"] == "left"


@pytest.mark.parametrize("field", ["party", "religion", "ethnicity", "health", "name", "phone", "penalty"])
async def test_c9_fields_that_are_not_asked_for_are_refused(roster: Roster, field: str) -> None:
    told = await roster.post("/volunteers", MEMBER | {field: "x"}, 422)
    assert (told["code"], told["pointer"]) == ("schema", f"/{field}")


async def test_movements_in_date_order(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    early = {"to_unit_id": "350921", "effective_on": "2014-04-30"}
    assert (await roster.post(f"/volunteers/{volunteer_id}/transfer", early, 422))["code"] == "out_of_order_date"
    assert (await roster.post(f"/volunteers/{volunteer_id}/leave", {"left_on": "2014-04-30"}, 422))["code"] == (
        "out_of_order_date"
    )


async def test_a_second_registration_is_refused(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    assert (await roster.post(f"/volunteers/{volunteer_id}/register", CONSENT, 409))["code"] == "invalid_state"
    declined = await roster.post("/volunteers", MEMBER, 201)
    await roster.post(f"/volunteers/{declined['volunteer_id']}/decline", {"reason": "not_eligible"}, 200)
    path = f"/volunteers/{declined['volunteer_id']}/register"
    assert (await roster.post(path, CONSENT, 409))["code"] == "invalid_state"


async def test_the_last_place_of_a_quota_is_given_once(roster: Roster) -> None:
    await roster.put("/units/350902/quotas/county/2014", {"quota": 1}, 200)
    both = [await roster.post("/volunteers", MEMBER, 201) for _ in range(2)]
    answers = await asyncio.gather(
        *(roster.post(f"/volunteers/{one['volunteer_id']}/register", CONSENT) for one in both)
    )
    assert sorted(answer.get("code", answer.get("state")) for answer in answers) == ["quota_full", "registered"]
    [quota] = (await roster.get("/quotas?year=2014"))["items"]
    assert (quota["quota"], quota["filled"]) == (1, 1)


async def test_accounts_are_disclosed_and_withdrawn(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    account = await roster.post(f"/volunteers/{volunteer_id}/accounts", ACCOUNT, 201)
    future = ACCOUNT | {"disclosed_at": "2999-01-01T00:00:00Z"}
    assert (await roster.post(f"/volunteers/{volunteer_id}/accounts", future, 422))["code"] == "time_out_of_range"
    path = f"/accounts/{account['account_id']}/withdraw"
    assert (await roster.post(path, {"withdrawn_at": "2014-05-01T00:00:00Z"}, 422))["code"] == "out_of_order_date"
    await roster.post(path, {"withdrawn_at": "2014-06-01T00:00:00Z"}, 200)
    assert (await roster.post(path, None, 409))["code"] == "invalid_state"
    disclosed, withdrawn = (await roster.events())[-2:]
    assert disclosed.data.account_id == withdrawn.data.account_id == UUID(account["account_id"])
    assert b"example.org" not in repr(disclosed).encode()


async def test_updates_name_the_version_they_read(roster: Roster) -> None:
    change = {"name": {"zh": "蕉城区"}, "kind": "county", "county": "350902"}
    assert (await roster.put("/units/350902", change, 428))["code"] == "version_required"
    assert (await roster.put("/units/350902", change, 412, headers={"If-Match": '"7"'}))["code"] == "version_conflict"
    changed = await roster.put("/units/350902", change, 200, headers={"If-Match": '"1"'})
    assert changed["version"] == 2
    assert (await roster.put("/units/000000", change, 404, headers={"If-Match": "*"}))["code"] == "not_found"


async def test_a_write_is_answered_once_under_its_key(roster: Roster) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await roster.post("/volunteers", MEMBER, 201, headers=key)
    assert await roster.post("/volunteers", MEMBER, 201, headers=key) == first
    told = await roster.post("/volunteers", MEMBER | {"team": "city"}, 409, headers=key)
    assert told["code"] == "idempotency_key_reused"
    assert len((await roster.get("/volunteers"))["items"]) == 1


async def test_lists_are_paged(roster: Roster) -> None:
    made = {await roster.registered() for _ in range(5)}
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        found = await roster.get(f"/volunteers?limit=2&cursor={cursor}")
        seen += [item["volunteer_id"] for item in found["items"]]
        cursor = found["next_cursor"]
    assert len(seen) == 5
    assert set(seen) == made
    assert (await roster.http.get("/roster/api/v1/volunteers?cursor=x")).json()["code"] == "schema"


def workbook(*rows: list[Any], headings: list[str] | None = None) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = book.add_worksheet()
    for at, row in enumerate([headings or list(ledger.COLUMNS.values()), *rows]):
        sheet.write_row(at, 0, row)
    book.close()
    return buffer.getvalue()


GOOD = [
    "350902",
    "county",
    "reviewer",
    "2014-05-01",
    "2014-04-20",
    "r1",
    "weibo",
    "2014-05-02",
    "2014-05-03",
    "https://example.org/d",
]


async def test_a_ledger_is_answered_row_by_row(roster: Roster) -> None:
    book = workbook(
        GOOD,
        [350902, "county", "reviewer", "2014-05-01", "2014-04-20"],
        ["350902", "county", "wizard", "2014-05-01", "2014-04-20"],
        ["350902", "county", "reviewer", "2014-05-01", ""],
        ["999999", "county", "reviewer", "2014-05-01", "2014-04-20"],
        GOOD,
    )
    for dry_run in (True, False):
        told = (await roster.http.post(f"/roster/api/v1/ledgers?dry_run={dry_run}", content=book)).json()
        assert (told["registered"], told["refused"]) == (2, 4), told
        assert [(row["row"], row["status"], row.get("code"), row.get("pointer")) for row in told["rows"]] == [
            (2, "registered", None, None),
            (3, "registered", None, None),
            (4, "refused", "schema", "/category"),
            (5, "refused", "no_consent", "/consented_on"),
            (6, "refused", "unknown_unit", "/unit_id"),
            (7, "already_registered", "already_registered", "/row_ref"),
        ]
        stored = len((await roster.get("/volunteers"))["items"])
        assert stored == (0 if dry_run else 2)
    names = [event.type.split(".")[2] for event in (await roster.events())[2:]]
    assert names == ["volunteer_nominated", "volunteer_registered", "account_disclosed", *names[:2]]
    again = (await roster.http.post("/roster/api/v1/ledgers", content=workbook(GOOD))).json()
    assert [row["status"] for row in again["rows"]] == ["already_registered"]


async def test_a_ledger_that_cannot_be_read_is_refused_whole(roster: Roster) -> None:
    async def code(content: bytes) -> tuple[str, str]:
        told = (await roster.http.post("/roster/api/v1/ledgers", content=content)).json()
        return told["code"], told["message"]["en"]

    assert (await code(b"not a workbook"))[0] == "schema"
    assert (await code(b"x" * (ledger.MAX_BYTES + 1)))[0] == "too_large"
    assert (await code(workbook(GOOD[:5], headings=["unit_id", "team", "category", "registered_on"])))[0] == "schema"
    refused = await code(workbook([*GOOD, "x"], headings=[*ledger.COLUMNS.values(), "党员"]))
    assert refused[0] == "schema"
    assert "党员" in refused[1]


async def test_the_template_can_be_filled_and_imported(roster: Roster) -> None:
    response = await roster.http.get("/roster/api/v1/ledgers/template.xlsx")
    assert ledger.read(response.content, SHANGHAI) == []


async def test_a_large_ledger_is_one_call(roster: Roster) -> None:
    book = workbook(*([[*GOOD[:5], f"r{n}", *GOOD[6:]] for n in range(2200)]))
    told = (await roster.http.post("/roster/api/v1/ledgers", content=book)).json()
    assert told["registered"] == 2200
