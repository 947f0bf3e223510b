"""Workbooks made to harm: refused at every door that takes one, soon, in little memory; and nothing we write is run."""

import asyncio
import io
import struct
import time
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.roster import ledger
from shared import workbooks
from tests.abuse.serving import MEGABYTE, Served, serving
from tests.support.services import client, settings_for
from tests.tables.books import xlsx

pytestmark = pytest.mark.fault(24, "zip and XML bombs; formulas in exports")

GROWS = 600
"""Megabytes by which a process may grow: six times a file of the largest size unpacked, and what a file leaves behind."""
SOON = 60.0
"""Seconds, on a machine that does other things besides; a file that is read to its end takes about five."""
SESSION = "0198c0de-0000-7000-8000-000000000000"
LISTS = (
    "/roster/api/v1/ledgers",
    "/campaign/api/v1/repost-lists",
    f"/training/api/v1/sessions/{SESSION}/attendance-list",
)
FORMS = ("/roster/ledgers", "/campaign/shares")
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_SHEET = "xl/worksheets/sheet1.xml"
BASE = xlsx(["单位代码"], ["350902"])


def book(**parts: str | bytes) -> bytes:
    """A workbook of which some parts are others: ``sheet``, ``strings``, ``workbook``."""
    names = {"sheet": _SHEET, "strings": "xl/sharedStrings.xml", "workbook": "xl/workbook.xml"}
    put = {names[part]: content for part, content in parts.items()}
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(BASE)) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new,
    ):
        for entry in old.infolist():
            if entry.filename not in put:
                new.writestr(entry.filename, old.read(entry))
        for name, content in put.items():
            new.writestr(name, content)
    return made.getvalue()


def _sheet(rows: str) -> str:
    return f"<worksheet {_MAIN}><sheetData>{rows}</sheetData></worksheet>"


def unpacks_to_gigabytes() -> bytes:
    """A kilobyte for each megabyte: four parts of 500 MB."""
    made = io.BytesIO(BASE)
    with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for number in range(4):
            with packed.open(f"xl/worksheets/sheet{number + 2}.xml", "w") as part:
                for _ in range(500):
                    part.write(bytes(MEGABYTE))
    return made.getvalue()


def says_it_is_small() -> bytes:
    """A part of 200 MB of which the archive says that it is of a thousand bytes."""
    size = 200 * MEGABYTE
    return book(strings=bytes(size)).replace(struct.pack("<L", size), struct.pack("<L", 1000))


def very_many_parts() -> bytes:
    made = io.BytesIO(BASE)
    with zipfile.ZipFile(made, "a") as packed:
        for number in range(80_000):
            packed.writestr(f"xl/{number}.xml", "")
    return made.getvalue()


def archives_in_archives() -> bytes:
    inner = unpacks_to_gigabytes()
    for _ in range(5):
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
            for number in range(10):
                packed.writestr(f"xl/{number}.xlsx", inner)
        inner = made.getvalue()
        if len(inner) > MEGABYTE:
            break
    return inner


def billion_laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return book(
        strings=f'<!DOCTYPE sst [<!ENTITY l0 "lol">{entities}]><sst {_MAIN}><si><t>&l9;</t></si></sst>',
        sheet=_sheet('<row r="1"><c r="A1" t="s"><v>0</v></c></row>'),
    )


def quadratic_entity() -> bytes:
    return book(sheet=f'<!DOCTYPE worksheet [<!ENTITY a "{"a" * MEGABYTE}">]>{_sheet("&a;" * 10_000)}')


def one_text_in_very_many_cells() -> bytes:
    """Both parts are small: together they are forty gigabytes of cells."""
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 40_000))
    return book(strings=f"<sst {_MAIN}><si><t>{'x' * MEGABYTE}</t></si></sst>", sheet=_sheet(cells))


def cells_a_world_apart() -> bytes:
    return book(
        sheet=_sheet('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    )


def deep() -> bytes:
    return book(sheet=_sheet("<row>" * 1_000_000))


def one_row_of_very_many_cells() -> bytes:
    return book(sheet=_sheet(f"<row>{'<c/>' * 7_000_000}</row>"))


def text_without_end() -> bytes:
    return b"a," * (5 * MEGABYTE)


BOMBS: tuple[Callable[[], bytes], ...] = (
    unpacks_to_gigabytes,
    says_it_is_small,
    very_many_parts,
    archives_in_archives,
    billion_laughs,
    quadratic_entity,
    one_text_in_very_many_cells,
    cells_a_world_apart,
    deep,
    one_row_of_very_many_cells,
    text_without_end,
)


@pytest.fixture
async def served(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(settings_for(database_url), tmp_path / "log") as running:
        yield running


@pytest.mark.slow
async def test_every_bomb_is_refused_at_every_door_soon_and_in_little_memory(served: Served) -> None:
    sound = await served.http.post(LISTS[0], content=BASE)
    assert "team" in sound.json()["detail"], "a workbook that is none is refused for what it lacks"
    before = served.peak()
    wrong: list[str] = []
    for make in BOMBS:
        content = await asyncio.to_thread(make)
        assert len(content) <= workbooks.MAX_BYTES
        for door in (*LISTS, *FORMS):
            sent = {"files": {"file": ("list.xlsx", content)}} if door in FORMS else {"content": content}
            told = {"Accept": "text/html"} if door in FORMS else {}
            began = time.monotonic()
            asked = asyncio.create_task(served.http.post(door, **sent, headers=told))
            lived = await served.lives()  # while it reads
            answer = await asked
            took = time.monotonic() - began
            fine = answer.status_code == 422 if door in FORMS else _says_why(answer)
            if not (fine and lived and took < SOON):
                wrong.append(f"{make.__name__} at {door}: {answer.status_code} after {took:.1f} s {answer.text[:200]}")
            if (peak := served.peak()) > before + GROWS:
                wrong.append(f"{make.__name__} at {door}: {peak:.0f} MB, before {before:.0f}")
                return
    assert wrong == []


def _says_why(answer: "object") -> bool:
    problem = answer.json()  # type: ignore[attr-defined]
    return (
        answer.headers["content-type"] == "application/problem+json"  # type: ignore[attr-defined]
        and (problem["status"], problem["code"]) in ((413, "too_large"), (422, "schema"))
        and bool(problem["message"]["zh"] and problem["message"]["en"])
    )


async def test_an_entity_from_outside_is_not_fetched(served: Served) -> None:
    asked: list[object] = []

    def heard(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)
        writer.close()

    listener = await asyncio.start_server(heard, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    for outside in (f"http://127.0.0.1:{port}/x.dtd", "file:///etc/passwd"):
        for declared in (f'<!DOCTYPE sst SYSTEM "{outside}">', f'<!DOCTYPE sst [<!ENTITY x SYSTEM "{outside}">]>'):
            content = book(
                strings=f"{declared}<sst {_MAIN}><si><t>{'&x;' if 'ENTITY' in declared else 'x'}</t></si></sst>",
                sheet=_sheet('<row r="1"><c r="A1" t="s"><v>0</v></c></row>'),
            )
            answer = await served.http.post(LISTS[0], content=content)
            assert _says_why(answer)
            assert "root:" not in answer.text
    listener.close()
    assert asked == []


RUN_BY_A_SPREADSHEET = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=HYPERLINK("http://x.example","y")',
    "=cmd|'/C calc'!A0",
)


async def test_a_ledger_that_is_given_back_runs_nothing(database_url: str) -> None:
    async with client(settings_for(database_url), ["roster"]) as http:
        for text in RUN_BY_A_SPREADSHEET:
            row = dict.fromkeys(ledger.COLUMNS, text)
            copy = await http.post(f"{LISTS[0]}?answer=xlsx", content=xlsx(list(row), list(row.values())))
            assert copy.status_code == 200, copy.text
            with zipfile.ZipFile(io.BytesIO(copy.content)) as packed:
                sheet = packed.read(_SHEET).decode()
                texts = packed.read("xl/sharedStrings.xml").decode()
            assert text.strip()[1:4] in texts, "the cell is there"
            assert "<f>" not in sheet
            assert "hyperlink" not in sheet.lower()
