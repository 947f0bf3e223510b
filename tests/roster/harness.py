"""The roster on one test's database: its HTTP door and what comes out of it; ledgers as units send them."""

import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import xlsxwriter

from qingsheng.users import administering
from services.roster import ledger
from shared.access import accounts, sessions
from shared.access.roles import Role
from shared.contracts.decoding import Decoder
from shared.contracts.registry import of_service
from shared.postgres import open_pool
from tests.support.engine import SHANGHAI
from tests.support.services import client, settings_for

UNIT = {"unit_id": "350902", "name": {"zh": "蕉城", "en": "Jiaocheng"}, "kind": "county", "county": "350902"}
OTHER = {"unit_id": "350921", "name": {"zh": "霞浦"}, "kind": "county", "county": "350921"}
MEMBER = {"unit_id": "350902", "team": "county", "category": "cadre_county"}
CONSENT = {"registered_on": "2014-05-01", "consented_on": "2014-04-20"}
ACCOUNT = {"platform": "weibo", "disclosed_at": "2014-05-02T08:00:00+08:00", "disclosure_url": "https://example.org/d"}
MOVE = {"to_unit_id": "350921", "effective_on": "2014-06-01"}

ROW = {
    "unit_id": "350902",
    "team": "county",
    "category": "reviewer",
    "registered_on": "2014-05-01",
    "consented_on": "2014-04-20",
    "row_ref": "r1",
    "platform": "weibo",
    "disclosed_at": "2014-05-02",
    "verified_at": "2014-05-03",
    "disclosure_url": "https://example.org/d",
}
"""A good row of a ledger."""
PLAIN = {name: ROW[name] for name in ("unit_id", "team", "category", "registered_on", "consented_on")}
"""A good row without reference and account."""


@dataclass
class Roster:
    http: httpx.AsyncClient
    pool: Any
    settings: Any

    async def post(self, path: str, body: Any = None, status: int | None = None, **more: Any) -> Any:
        return await self._call("POST", path, body, status, **more)

    async def put(self, path: str, body: Any = None, status: int | None = None, **more: Any) -> Any:
        return await self._call("PUT", path, body, status, **more)

    async def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return await self._call("GET", path, None, status, **more)

    async def as_role(self, role: Role, county: str | None = None) -> dict[str, str]:
        """Headers of somebody with this role alone, named after it."""
        name = f"{role}-{county}" if county else str(role)
        async with administering(self.settings) as connection:
            await accounts.add(connection, "tests", name, [role], county)
            return {"Authorization": f"Bearer {await sessions.begin(connection, name)}"}

    async def as_county(self, county: str) -> dict[str, str]:
        return await self.as_role(Role.COUNTY_OPERATOR, county)

    async def keep(self, volunteer_id: str, contact: Any, status: int = 200) -> Any:
        """Puts a volunteer's contact."""
        path = f"/volunteers/{volunteer_id}/contact"
        return await self.put(path, contact, status, headers={"If-Match": "*"})

    async def audited(self, action: str | None = None) -> list[Any]:
        """The roster's audit lines, in order."""
        rows = await self.pool.fetch("select actor, action, subject, details from audit order by number")
        return [row for row in rows if action in (None, row["action"])]

    async def _call(self, method: str, path: str, body: Any, status: int | None, **more: Any) -> Any:
        response = await self.http.request(method, f"/roster/api/v1{path}", json=body, **more)
        if status is not None:
            assert response.status_code == status, response.text
        return response.json()

    async def send(self, book: bytes, *, dry_run: bool = False, **headers: str) -> Any:
        """Imports a ledger; gives the answer's body."""
        told = {"Content-Type": ledger.MEDIA_TYPE, **{name.replace("_", "-"): value for name, value in headers.items()}}
        path = f"/roster/api/v1/ledgers?dry_run={str(dry_run).lower()}"
        return (await self.http.post(path, content=book, headers=told)).json()

    async def events(self, about: str | None = None) -> list[Any]:
        """The events in the outbox, decoded as any reader of the topic would; ``about``: of this partition key."""
        decoder = Decoder("roster", list(of_service("roster").values()), SHANGHAI)
        rows = await self.pool.fetch("select topic, key, value from outbox order by id")
        assert {row["topic"] for row in rows} <= {"qingsheng.roster.events"}
        decoded = [(row["key"], decoder(row["value"])) for row in rows]
        assert all(event and event.partitionkey == key for key, event in decoded)
        return [event for key, event in decoded if event and about in (None, key)]

    async def nominated(self, **change: Any) -> str:
        return (await self.post("/volunteers", MEMBER | change, 201))["volunteer_id"]

    async def registered(self, **change: Any) -> str:
        volunteer_id = await self.nominated(**change)
        await self.post(f"/volunteers/{volunteer_id}/register", CONSENT, 200)
        return volunteer_id


@asynccontextmanager
async def roster_at(database_url: str, **more: Any) -> AsyncIterator[Roster]:
    """With two counties defined."""
    settings = settings_for(database_url, **more)
    pool = await open_pool(settings, "roster")
    try:
        async with client(settings, ["roster"]) as http:
            roster = Roster(http, pool, settings)
            await roster.post("/units", UNIT, 201)
            await roster.post("/units", OTHER, 201)
            yield roster
    finally:
        pool.terminate()


def fact(event: Any) -> str:
    """Such as ``volunteer_left``."""
    return event.type.split(".")[2]


# -- ledgers -----------------------------------------------------------------------------------------------------------


def workbook(*rows: dict[str, Any], headings: Sequence[str] = tuple(ledger.COLUMNS)) -> bytes:
    """An .xlsx with these headings and, below them, the rows' cells."""
    return sheet([list(headings), *([row.get(heading) for heading in headings] for row in rows)])


def sheet(rows: Sequence[Sequence[Any]]) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer, {"in_memory": True, "default_date_format": "yyyy-mm-dd", "strings_to_urls": False}
    )
    made = book.add_worksheet()
    for at, cells in enumerate(rows):
        made.write_row(at, 0, cells)
    book.close()
    return buffer.getvalue()


def edited(book: bytes, find: str, put: str, part: str = "xl/worksheets/sheet1.xml") -> bytes:
    """The workbook with one piece of a part's XML replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == part:
                assert find.encode() in content
                content = content.replace(find.encode(), put.encode())
            new.writestr(entry.filename, content)
    return made.getvalue()
