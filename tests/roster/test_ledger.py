"""Ledgers over HTTP: answered row by row, taken once, and refused whole where the whole cannot be read."""

import time
from datetime import date, datetime
from typing import Any

import pytest

from services.roster import ledger
from shared import workbooks as xlsx
from shared.contracts.refusals import Refusal
from tests.roster.harness import MOVE, PLAIN, ROW, Roster, edited, fact, sheet, workbook
from tests.support.engine import SHANGHAI


async def test_a_ledger_is_answered_row_by_row(roster: Roster) -> None:
    book = workbook(
        ROW,
        PLAIN | {"unit_id": 350902},
        PLAIN | {"category": "wizard"},
        PLAIN | {"consented_on": None},
        PLAIN | {"unit_id": "999999"},
        ROW,
        {},
        ROW | {"row_ref": "r2", "disclosure_url": "ftp://example.org"},
        PLAIN | {"platform": "weibo"},
    )
    for dry_run in (True, False):
        told = await roster.send(book, dry_run=dry_run)
        assert (told["dry_run"], told["registered"], told["already_registered"], told["refused"]) == (dry_run, 2, 1, 5)
        assert [(row["row"], row["status"], row.get("code"), row.get("pointer")) for row in told["rows"]] == [
            (2, "registered", None, None),
            (3, "registered", None, None),
            (4, "refused", "schema", "/category"),
            (5, "refused", "no_consent", "/consented_on"),
            (6, "refused", "unknown_unit", "/unit_id"),
            (7, "already_registered", "already_registered", "/row_ref"),
            (9, "refused", "schema", "/disclosure_url"),
            (10, "refused", "schema", "/disclosure_url"),
        ]
        assert all(
            row["message"]["zh"] and row["message"]["en"] for row in told["rows"] if row["status"] != "registered"
        )
        assert len((await roster.get("/volunteers"))["items"]) == (0 if dry_run else 2)
        assert len(await roster.events()) == (2 if dry_run else 2 + 5)
        assert (told["rows"][0]["volunteer_id"] is None) is dry_run
    first, second = told["rows"][:2]
    assert second["account_id"] is None
    events = await roster.events(first["volunteer_id"])
    assert [(event.sequence, fact(event), event.county) for event in events] == [
        (1, "volunteer_nominated", "350902"),
        (2, "volunteer_registered", "350902"),
        (3, "account_disclosed", "350902"),
    ]
    account = events[2].data
    assert str(account.account_id) == first["account_id"]
    assert account.disclosed_at == datetime(2014, 5, 2, tzinfo=SHANGHAI)
    assert account.verified_at == datetime(2014, 5, 3, tzinfo=SHANGHAI)
    found = await roster.get(f"/volunteers/{first['volunteer_id']}")
    assert [(m["kind"], m["unit_id"], m["day"]) for m in found["movements"]] == [("registered", "350902", "2014-05-01")]
    assert [one["disclosure_url"] for one in found["accounts"]] == [ROW["disclosure_url"]]


async def test_the_same_workbook_again_registers_nobody_twice(roster: Roster) -> None:
    book = workbook(ROW, ROW | {"row_ref": "r2"})
    first = await roster.send(book)
    count = len(await roster.events())
    again = await roster.send(book)
    assert (again["registered"], again["already_registered"], again["refused"]) == (0, 2, 0)
    assert [row["volunteer_id"] for row in again["rows"]] == [row["volunteer_id"] for row in first["rows"]]
    assert len(await roster.events()) == count
    # References are each unit's own.
    assert (await roster.send(workbook(ROW | {"unit_id": "350921"})))["registered"] == 1


async def test_without_references_the_idempotency_key_protects(roster: Roster) -> None:
    book = workbook(PLAIN)
    first = await roster.send(book, Idempotency_Key="k")
    assert await roster.send(book, Idempotency_Key="k") == first
    assert (await roster.send(book))["registered"] == 1
    assert len((await roster.get("/volunteers"))["items"]) == 2


async def test_a_reference_stays_with_the_unit_that_gave_it(roster: Roster) -> None:
    here = (await roster.send(workbook(ROW)))["rows"][0]["volunteer_id"]
    await roster.send(workbook(ROW | {"unit_id": "350921"}))
    # The other unit has a row of that reference too; that holds up no transfer, and no row is taken twice after it.
    await roster.post(f"/volunteers/{here}/transfer", MOVE, 200)
    again = await roster.send(workbook(ROW))
    assert [(row["status"], row["volunteer_id"]) for row in again["rows"]] == [("already_registered", here)]


async def test_a_ledger_fills_a_quota_in_its_order(roster: Roster) -> None:
    await roster.put("/units/350902/quotas/county/2014", {"quota": 2}, 200)
    book = workbook(PLAIN | {"consented_on": None}, PLAIN, PLAIN, PLAIN, PLAIN | {"team": "city"})
    told = await roster.send(book)
    assert [row.get("code") for row in told["rows"]] == ["no_consent", None, None, "quota_full", None]


async def test_2200_rows_are_one_quick_call(roster: Roster) -> None:
    book = workbook(*(ROW | {"row_ref": f"r{n}"} for n in range(2200)))
    start = time.perf_counter()
    told = await roster.send(book)
    assert time.perf_counter() - start < 5
    assert told["registered"] == 2200
    assert len(await roster.events()) == 2 + 3 * 2200


async def test_headings_in_either_language_and_any_order() -> None:
    names = list(reversed(ledger.COLUMNS))
    titles = {"row_ref": "备注号", "disclosed_at": "公开日期", "verified_at": "核验日期"}
    values = [ROW.get(name) for name in names]
    in_chinese = ledger.read(sheet([[ledger.COLUMNS[name] for name in names], values]), SHANGHAI)
    otherwise = ledger.read(sheet([[f" {titles.get(name, name)} " for name in names], values]), SHANGHAI)
    assert in_chinese.lines == otherwise.lines == ledger.read(workbook(ROW), SHANGHAI).lines


def test_dates_as_excel_keeps_them_and_as_text() -> None:
    cells = {
        "registered_on": date(2014, 5, 1),
        "consented_on": date(2014, 4, 20),
        "disclosed_at": date(2014, 5, 2),
        "verified_at": date(2014, 5, 3),
    }
    as_text = ledger.read(workbook(ROW), SHANGHAI).lines
    assert ledger.read(workbook(ROW | cells), SHANGHAI).lines == as_text
    [line] = ledger.read(workbook(ROW | {"verified_at": "2014-05-03T09:30:00+09:00"}), SHANGHAI).lines
    assert line.content.disclosure.verified_at == datetime(2014, 5, 3, 8, 30, tzinfo=SHANGHAI)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"registered_on": "May 2014"}, "/registered_on"),
        ({"registered_on": 12}, "/registered_on"),
        ({"registered_on": None}, "/registered_on"),
        ({"unit_id": None}, "/unit_id"),
        ({"unit_id": "3" * 501}, "/unit_id"),
        ({"team": "red"}, "/team"),
        ({"platform": "x"}, "/platform"),
        ({"disclosed_at": None}, "/disclosed_at"),
        ({"verified_at": "soon"}, "/verified_at"),
        ({"disclosure_url": "https://"}, "/disclosure_url"),
    ],
)
def test_cells_that_cannot_be_taken(change: dict[str, Any], pointer: str) -> None:
    bad, good = ledger.read(workbook(ROW | change, ROW), SHANGHAI).lines
    assert isinstance(bad.content, Refusal)
    assert (bad.content.code, bad.content.pointer) == ("schema", pointer)
    assert not isinstance(good.content, Refusal)


async def test_characters_that_cannot_be_stored_hurt_their_row_alone(roster: Roster) -> None:
    book = edited(workbook(ROW | {"row_ref": "MARK"}, ROW), "MARK", "_x0000_", "xl/sharedStrings.xml")
    told = await roster.send(book)
    assert [(row["status"], row.get("pointer")) for row in told["rows"]] == [
        ("refused", "/row_ref"),
        ("registered", None),
    ]


async def test_a_ledger_that_cannot_be_read_is_refused_whole(roster: Roster) -> None:
    async def code(content: bytes) -> tuple[str, str | None]:
        told = await roster.send(content)
        return told["code"], told.get("pointer")

    assert await code(b"") == ("schema", None)
    assert await code(b"PK\x03\x04 not a workbook") == ("schema", None)
    assert await code(b"not a list") == ("schema", "/1")
    assert await code(b"x" * (xlsx.MAX_BYTES + 1)) == ("too_large", None)
    assert await code(sheet([])) == ("schema", None)
    assert await code(workbook(ROW, headings=["unit_id", "team", "category", "registered_on"])) == ("schema", None)
    assert await code(workbook(PLAIN, headings=[*PLAIN, "单位代码"])) == ("schema", "/6")
    assert await roster.pool.fetchval("select count(*) from volunteer") == 0


def test_so_many_rows_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MAX_ROWS", 3)
    assert len(ledger.read(workbook(*[PLAIN] * 3), SHANGHAI).lines) == 3
    with pytest.raises(Refusal, match="too_large"):
        ledger.read(workbook(*[PLAIN] * 4), SHANGHAI)


async def test_the_template_can_be_filled_and_imported(roster: Roster) -> None:
    response = await roster.http.get("/roster/api/v1/ledgers/template.xlsx")
    assert response.headers["content-type"] == ledger.MEDIA_TYPE
    assert ledger.read(response.content, SHANGHAI).lines == []
    cells = "".join(
        f'<c r="{chr(ord("A") + at)}2" t="inlineStr"><is><t>{ROW.get(name, "")}</t></is></c>'
        for at, name in enumerate(ledger.COLUMNS)
    )
    filled = edited(response.content, "</row></sheetData>", f'</row><row r="2">{cells}</row></sheetData>')
    told = await roster.send(filled)
    assert [row["status"] for row in told["rows"]] == ["registered"]
    assert told["rows"][0]["account_id"]
