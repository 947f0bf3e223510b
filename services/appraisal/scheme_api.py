"""Schemes over HTTP: proposing, adopting, asking "what if", comparing two; and trends over periods."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.appraisal import commands, comparing, reports, scheme_storage
from services.appraisal.models import Adopt, Committee
from services.appraisal.periods import Period
from services.appraisal.schemes import DEFAULT, InvalidScheme, Problem, Scheme
from shared.access.guard import Anyone, ReportReader
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.settings import Settings
from shared.web.paging import Cursor, Limit, after
from shared.web.paging import cursor as next_page
from shared.web.problems import with_members
from shared.web.reads import snapshot
from shared.web.writes import Answer, write

router = APIRouter(prefix="/api/v1", tags=["schemes"])
MAX_SCHEME = 64 * 1024
MAX_PERIODS = 60
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "title": "Scheme"}}},
    }
}


@router.get("/schemes")
async def schemes(request: Request, who: Anyone, cursor: Cursor = None, limit: Limit = 100) -> dict[str, Any]:
    """All schemes by name and version, drafts among them (``adopted_at`` null); ``default``: what comes with the
    software, and appraises every period for which none was adopted."""
    start = after(cursor, 2)
    if start and not str(start[1]).isdecimal():
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before")
    async with snapshot(request) as connection:
        items = await scheme_storage.listed(connection, (str(start[0]), int(start[1])) if start else None, limit)
    last = items[limit - 1] if len(items) > limit else None
    return {
        "items": items[:limit],
        "next_cursor": next_page([last["scheme_id"], str(last["version"])]) if last else None,
        "default": scheme_storage.shown(DEFAULT.to_data(), DEFAULT.digest, None, None),
    }


@router.post("/schemes", status_code=201, openapi_extra=_BODY)
async def propose_scheme(request: Request, who: Committee) -> Response:
    """Keeps a scheme as a draft. A wrong one is refused with all that is wrong with it: ``errors`` has for each the field
    (a JSON pointer), the rule ("C7" for the charter's on sharing), and what to do. The same one again is answered 200."""
    try:
        scheme = _scheme(await request.body())
    except InvalidScheme as invalid:
        return _refused(invalid)

    async def work(connection: Connection, clock: Clock) -> Answer:
        new = await commands.propose_scheme(connection, clock, who, scheme)
        return Answer(_named(scheme), 201 if new else 200)

    return await write(request, work)


@router.post("/schemes/{scheme_id}/adopt")
async def adopt_scheme(request: Request, who: Committee, scheme_id: str, told: Adopt | None = None) -> Response:
    """Adopts a draft, named ``id@version`` or by its id (then ``version``, or the latest): from its ``valid_from`` on it
    appraises the periods that begin then. Closed periods keep theirs."""
    name, _, told_version = scheme_id.partition("@")
    if told_version and not (told_version.isascii() and told_version.isdecimal() and len(told_version) < 8):
        raise Refusal("not_found", pointer="path:scheme_id")
    version = int(told_version) if told_version else told.version if told else None

    async def work(connection: Connection, clock: Clock) -> Answer:
        scheme = await commands.adopt_scheme(connection, clock, who, name, version)
        return Answer(_named(scheme) | {"adopted": True})

    return await write(request, work)


@router.post("/reports/{period}/what-if", openapi_extra=_BODY)
async def what_if(
    request: Request,
    who: ReportReader,
    period: str,
    as_of: Annotated[date | None, Query(description="As it stood at the end of this past local day.")] = None,
) -> Any:
    """``{report, moves}``: the report under the scheme of the body, and what it moves against the period's own scheme on
    the same events. Nothing is kept. Of a closed period both are seen from its closing instant."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    asked = reports.question(period, None, as_of, now, settings.zone)
    try:
        draft = _scheme(await request.body())
    except InvalidScheme as invalid:
        return _refused(invalid)
    async with snapshot(request, long=True) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        return await comparing.what_if(
            connection, asked, draft, prefix=settings.topic_prefix, now=now, zone=settings.zone
        )


@router.get("/reports/{period}/compare")
async def compare(
    request: Request,
    who: ReportReader,
    period: str,
    left: Annotated[str, Query(description="A scheme as id@version.")],
    right: Annotated[str, Query(description="Another scheme as id@version.")],
) -> dict[str, Any]:
    """Two schemes side by side on one period and the same events: per county both scores, ranks and points."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    async with snapshot(request, long=True) as connection:
        asked = [
            await reports.settled(connection, reports.question(period, name, None, now, settings.zone), settings.zone)
            for name in (left, right)
        ]
        return await comparing.side_by_side(connection, asked[0], asked[1].scheme)


@router.get("/trends")
async def trends(
    request: Request,
    who: ReportReader,
    since: Annotated[str, Query(alias="from", description="The first period, such as 2014-Q1.")],
    to: Annotated[str, Query(description="The last period, of the same length.")],
) -> dict[str, Any]:
    """Score and rank per county and period, closed ones as they were closed."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    codes = _run(since, to)
    async with snapshot(request, long=True) as connection:
        items = [
            await comparing.at_a_glance(
                connection,
                await reports.settled(
                    connection, reports.question(code, None, None, now, settings.zone), settings.zone
                ),
            )
            for code in codes
        ]
    return {"from": since, "to": to, "items": items, "next_cursor": None}


def _run(since: str, to: str) -> Sequence[str]:
    found: list[Period] = []
    for name, code in (("from", since), ("to", to)):
        try:
            found.append(Period.parse(code))
        except ValueError:
            raise Refusal("schema", pointer=f"query:{name}", reason=_UNKNOWN) from None
    first, last = found
    if first.length != last.length or first.start > last.start:
        raise Refusal("schema", pointer="query:to", reason=_NO_RUN)
    codes = [first.code]
    while first != last:
        if len(codes) == MAX_PERIODS:
            raise Refusal("schema", pointer="query:to", reason=_TOO_MANY)
        first = first.neighbour(1)
        codes.append(first.code)
    return codes


_UNKNOWN = {"zh": "写作 2014、2014-H1、2014-Q3 或 2014-07", "en": "write it like 2014, 2014-H1, 2014-Q3 or 2014-07"}
_NO_RUN = {"zh": "须与 from 等长，且不早于它", "en": "of the same length as from, and not before it"}
_TOO_MANY = {"zh": f"一次最多 {MAX_PERIODS} 个期间", "en": f"at most {MAX_PERIODS} periods at a time"}


def _scheme(content: bytes) -> Scheme:
    """Raises InvalidScheme, or ``too_large``."""
    if len(content) > MAX_SCHEME:
        raise Refusal("too_large")
    return Scheme.from_json(content)


def _named(scheme: Scheme) -> dict[str, Any]:
    return {"scheme_id": scheme.scheme_id, "version": scheme.version, "digest": scheme.digest} | {
        "valid_from": scheme.valid_from.isoformat()
    }


def _refused(invalid: InvalidScheme) -> Response:
    first = invalid.problems[0]
    code = "not_json" if first.rule == "not_json" else "schema"
    refusal = Refusal(code, pointer=first.field, reason=first.message)
    return with_members(refusal, errors=[_problem(each) for each in invalid.problems])


def _problem(each: Problem) -> dict[str, Any]:
    return {"pointer": each.field, "rule": each.rule, "message": each.message}
