"""Ledgers there and back: what is given out changes nothing when it comes in again; errors in a copy; long ledgers."""

import io
import time
import zipfile
from datetime import date, timedelta
from typing import Any

import python_calamine

from services.roster import ledger
from shared import tables
from tests.roster.harness import ACCOUNT, MOVE, PLAIN, ROW, Roster, workbook


def cells(book: bytes) -> list[list[Any]]:
    read: Any = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(book))
    return read.get_sheet_by_index(0).to_python()


async def given(roster: Roster, unit_id: str = "350902", query: str = "") -> bytes:
    response = await roster.http.get(f"/roster/api/v1/ledgers/{unit_id}.xlsx{query}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == ledger.MEDIA_TYPE
    return response.content


async def state(roster: Roster) -> Any:
    """Everything that an import could change."""
    names = ("volunteer", "movement", "account", "ledger_row", "contact", "contact_hash", "outbox", "audit")
    return [[dict(row) for row in await roster.pool.fetch(f"select * from {name} order by 1")] for name in names]


async def test_a_ledger_given_out_and_taken_again_changes_nothing(roster: Roster) -> None:
    await roster.send(workbook(ROW | {"name": "张三", "phone": "13800138000"}, PLAIN, PLAIN | {"team": "city"}))
    moved = (await roster.send(workbook(ROW | {"unit_id": "350921"})))["rows"][0]["volunteer_id"]
    await roster.post(f"/volunteers/{moved}/transfer", MOVE | {"to_unit_id": "350902"}, 200)
    over_http = await roster.registered()
    await roster.post(f"/volunteers/{over_http}/accounts", ACCOUNT, 201)
    left = await roster.registered()
    await roster.post(f"/volunteers/{left}/leave", None, 200)
    await roster.nominated()

    book = await given(roster)
    heads, *rows = cells(book)
    assert heads == list(ledger.COLUMNS.values())
    assert len(rows) == 5
    told = [dict(zip(ledger.COLUMNS, row, strict=True)) for row in rows]
    assert told[0] | {"verified_at": None} == {
        "unit_id": "350902",
        "team": "county",
        "category": "reviewer",
        "registered_on": date(2014, 5, 1),
        "consented_on": date(2014, 4, 20),
        "row_ref": "r1",
        "platform": "weibo",
        "disclosed_at": date(2014, 5, 2),
        "verified_at": None,
        "disclosure_url": ROW["disclosure_url"],
        "name": "",  # what is personal is taken out for a reason only
        "phone": "",
        "email": "",
    }
    # The other unit's reference of who was transferred is not this one's: the id stands for it.
    assert {row["row_ref"] for row in told} >= {"r1", moved, over_http}

    before = await state(roster)
    answer = await roster.send(book)
    assert (answer["registered"], answer["already_registered"], answer["refused"]) == (0, 5, 0)
    assert {row["volunteer_id"] for row in answer["rows"]} >= {moved, over_http}
    assert await state(roster) == before


async def test_a_ledger_of_a_unit_and_the_units_below_it(roster: Roster) -> None:
    part = {
        "unit_id": "350902-1",
        "name": {"zh": "某镇"},
        "kind": "township",
        "county": "350902",
        "parent_id": "350902",
    }
    await roster.post("/units", part, 201)
    await roster.send(workbook(PLAIN, PLAIN | {"unit_id": "350902-1"}, PLAIN | {"unit_id": "350921"}))
    assert [row[0] for row in cells(await given(roster))[1:]] == ["350902"]
    whole = cells(await given(roster, query="?parts=true"))
    assert [row[0] for row in whole[1:]] == ["350902", "350902-1"]
    assert (await roster.get("/ledgers/999999.xlsx", 404))["code"] == "not_found"


async def test_texts_of_a_ledger_are_never_formulas(roster: Roster) -> None:
    url = "https://example.org/?=cmd"
    await roster.send(workbook(ROW | {"disclosure_url": url}))
    book = await given(roster)
    assert cells(book)[1][9] == url
    copy = await _copy(roster, workbook(PLAIN | {"category": "-1+1", "name": "@x", "row_ref": "+1"}))
    assert {"-1+1", "@x", "+1"} <= set(cells(copy)[1])
    for each in (book, copy):
        with zipfile.ZipFile(io.BytesIO(each)) as parts:
            assert "<f>" not in parts.read("xl/worksheets/sheet1.xml").decode()


async def test_errors_come_back_in_a_copy_that_can_be_corrected_and_sent_again(roster: Roster) -> None:
    book = workbook(ROW, PLAIN | {"consented_on": None, "name": "李四"}, PLAIN | {"category": "wizard"})
    copies = [
        await _copy(roster, book, "?dry_run=true&answer=xlsx"),
        await _copy(roster, book, "?dry_run=true", Accept=ledger.MEDIA_TYPE),
    ]
    for copy in copies:
        heads, good, no_consent, wrong = cells(copy)
        assert heads[-2:] == [tables.RESULT, tables.ADVICE]
        assert (good[-2], good[-1]) == ("已登记 registered", "")
        assert no_consent[-2] == "未登记 refused"
        assert "consented_on" in no_consent[-1]
        assert "同意" in no_consent[-1]
        assert "须为" in wrong[-1]
        assert "must be one of" in wrong[-1]
        assert no_consent[heads.index("name")] == "李四"
    assert await roster.pool.fetchval("select count(*) from volunteer") == 0
    told = await roster.send(copies[0])
    assert [row["status"] for row in told["rows"]] == ["registered", "refused", "refused"]


async def test_a_ledger_of_one_unit_needs_no_column_for_it(roster: Roster) -> None:
    names = [name for name in PLAIN if name != "unit_id"]
    book = workbook(PLAIN, headings=names)
    assert (await roster.send(book))["code"] == "schema"
    response = await roster.http.post("/roster/api/v1/ledgers?unit_id=350921", content=book)
    assert response.json()["registered"] == 1
    [found] = (await roster.get("/volunteers"))["items"]
    assert found["unit_id"] == "350921"


async def test_20000_rows_within_a_minute(roster: Roster) -> None:
    day = date(2014, 1, 1)
    rows = [
        ROW
        | {"row_ref": f"r{n}", "name": f"志愿者{n}", "phone": 13_000_000_000 + n}
        | {"registered_on": day + timedelta(days=n % 300), "consented_on": day}
        for n in range(20_000)
    ]
    book = workbook(*rows)
    start = time.perf_counter()
    told = await roster.send(book)
    took = time.perf_counter() - start
    print(f"20,000 rows of {len(book) / 1e6:.1f} MB with contacts: {took:.1f} s")
    assert (told["registered"], told["contacts_kept"]) == (20_000, 20_000)
    start = time.perf_counter()
    again = await given(roster)
    print(f"given out: {time.perf_counter() - start:.1f} s")
    assert len(cells(again)) == 20_001
    assert took < 60


async def _copy(roster: Roster, book: bytes, query: str = "?answer=xlsx", **headers: str) -> bytes:
    response = await roster.http.post(f"/roster/api/v1/ledgers{query}", content=book, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == ledger.MEDIA_TYPE
    return response.content
