"""The campaign over HTTP: columns, posts, shares."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.campaign import commands, lists, queries, uploading, volunteers
from services.campaign.models import (
    Column,
    ColumnWithCounts,
    Link,
    Logged,
    LogRepost,
    OpenColumn,
    Page,
    Post,
    PostWithCounts,
    PublishPost,
    Repost,
    Row,
    VoidRepost,
    WithdrawPost,
)
from services.campaign.rules import Share
from services.campaign.storage import url_digest
from shared import tables
from shared.access.guard import Operator, Reader, allowed
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.fields import Names, Url
from shared.contracts.refusals import Refusal
from shared.postgres import Connection, in_transaction
from shared.web import uploads
from shared.web.paging import Cursor, Limit
from shared.web.reads import reading, snapshot
from shared.web.writes import Answer, submit, write

router = APIRouter(prefix="/api/v1")
PostReader = Annotated[
    Principal,
    allowed(Role.COUNTY_OPERATOR, Role.CITY_OPERATOR, Role.COMMITTEE, Role.AUDITOR, Role.PRODUCER),
]


# -- columns -----------------------------------------------------------------------------------------------------------


@router.post("/columns", status_code=201, response_model=Column, tags=["columns"])
async def open_column(request: Request, who: Operator, told: OpenColumn) -> Response:
    """Opens a column of a unit; its county is the unit's."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        title = Names(zh=told.title.zh, en=told.title.en)
        id, county = await commands.open_column(connection, clock, who, title, told.opened_on, told.unit_id)
        opened = Column(column_id=id, title=told.title, unit_id=told.unit_id, county=county, opened_on=told.opened_on)
        return Answer(opened, 201, 1)

    return await write(request, work)


@router.get("/columns", response_model=Page[Column], tags=["columns"])
async def list_columns(request: Request, who: PostReader, cursor: Cursor = None, limit: Limit = 100) -> Any:
    """A county operator sees the county's own and the city level's; so it is with posts."""
    async with reading(request) as connection:
        return await queries.columns(connection, who.county, cursor, limit)


@router.get("/columns/{column_id}", response_model=ColumnWithCounts, tags=["columns"])
async def show_column(request: Request, who: PostReader, response: Response, column_id: UUID) -> Any:
    """A column with the counts of its posts' shares, by county."""
    async with snapshot(request) as connection:
        found = await queries.column(connection, column_id, who.county)
    response.headers["ETag"] = '"1"'
    return found


# -- posts -------------------------------------------------------------------------------------------------------------


@router.post("/posts", status_code=201, response_model=Post, tags=["posts"])
async def publish_post(request: Request, who: Operator, told: PublishPost) -> Response:
    """Records a post that was published. A link that a standing post has, letter by letter, is ``already_recorded``;
    after that one was withdrawn it may be entered again."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        new = commands.NewPost(
            told.channel, told.unit_id, told.title, told.url, told.published_at, column_id=told.column_id
        )
        post_id = await commands.publish_post(connection, clock, who, new)
        return await _post_answer(connection, post_id, 201)

    return await write(request, work)


@router.post("/posts/{post_id}/withdraw", response_model=Post, tags=["posts"])
async def withdraw_post(request: Request, who: Operator, post_id: UUID, told: WithdrawPost) -> Response:
    """Withdraws a post. Its shares stay, and one made before the withdrawal is still taken. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.withdraw_post(connection, clock, who, post_id, told.reason, _version_read(request))
        return await _post_answer(connection, post_id, 200)

    return await write(request, work)


@router.get("/posts", response_model=Page[Post], tags=["posts"])
async def list_posts(
    request: Request,
    who: PostReader,
    column_id: UUID | None = None,
    url: Url | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Posts, withdrawn ones too; of one column, or under one link."""
    digest = None if url is None else url_digest(url)
    async with reading(request) as connection:
        return await queries.posts(connection, who.county, cursor, limit, column_id=column_id, url_digest=digest)


@router.get("/posts/{post_id}", response_model=PostWithCounts, tags=["posts"])
async def show_post(request: Request, who: PostReader, response: Response, post_id: UUID) -> Any:
    """A post with the counts of its shares, by county."""
    async with snapshot(request) as connection:
        found = await queries.post(connection, post_id, who.county)
    response.headers["ETag"] = f'"{_version(found["withdrawn_at"])}"'
    return found


# -- shares ------------------------------------------------------------------------------------------------------------


@router.post("/reposts", status_code=201, response_model=Repost, tags=["reposts"])
async def log_repost(request: Request, who: Operator, told: LogRepost) -> Response:
    """Logs a share that a volunteer made from an account disclosed and verified at that time (charter C2)."""
    share = Share(told.volunteer_id, told.account_id, told.shared_at, post_id=told.post_id, link=told.link)
    refused: list[Refusal] = []

    async def work(connection: Connection, clock: Clock) -> Answer:
        refused.clear()
        try:
            repost_id = await commands.log_repost(connection, clock, who, share)
        except Refusal as refusal:
            refused.append(refusal)
            raise
        return await _repost_answer(connection, repost_id, 201)

    response = await write(request, work)
    if refused:  # the refusal has taken everything back; the note for the volunteer's page stays
        clock: Clock = request.app.state.clock
        await in_transaction(
            request.app.state.pool,
            lambda connection: commands.note_refused(connection, clock, [(share, refused[0])]),
            timeout=request.app.state.settings.database_timeout,
        )
    return response


@router.get("/repost-lists/template.xlsx", tags=["reposts"], response_class=Response)
async def list_template(who: Operator) -> Response:
    """An empty list of shares."""
    return uploads.workbook(tables.template(lists.SHARED), "shares.xlsx")


@router.post("/repost-lists", response_model=Logged, tags=["reposts"], openapi_extra=uploads.FILE)
async def upload_list(request: Request, who: Operator, dry_run: bool = False) -> Response:
    """Logs a list of shares sent as a workbook or CSV file (the body), and answers row by row; rows that are refused do not
    hold up the others. Where the request accepts a workbook, it is answered with a copy of the list with the errors in it.
    With ``dry_run`` nothing of it stays."""
    request, content = await uploads.received(request)
    table = await uploads.read(content, lists.SHARED, lists.MAX_ROWS)

    async def work(connection: Connection, clock: Clock) -> Answer:
        rows = [Row(**row) for row in await uploading.log_table(connection, clock, who, table, dry_run=dry_run)]
        logged = sum(row.status == "logged" for row in rows)
        return Answer(Logged(dry_run=dry_run, logged=logged, refused=len(rows) - logged, rows=rows))

    return await uploads.answered(request, await write(request, work, dry_run=dry_run), table)


@router.post("/reposts/{repost_id}/void", response_model=Repost, tags=["reposts"])
async def void_repost(request: Request, who: Operator, repost_id: UUID, told: VoidRepost) -> Response:
    """Voids a share: it stands in the list, and counts no more. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.void_repost(connection, clock, who, repost_id, told.reason, _version_read(request))
        return await _repost_answer(connection, repost_id, 200)

    return await write(request, work)


@router.get("/reposts", response_model=Page[Repost], tags=["reposts"])
async def list_reposts(
    request: Request,
    who: Reader,
    volunteer_id: UUID | None = None,
    post_id: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Shares, voided ones too; of one volunteer, of one post, or both."""
    async with reading(request) as connection:
        return await queries.reposts(connection, who.county, cursor, limit, volunteer_id=volunteer_id, post_id=post_id)


@router.get("/reposts/{repost_id}", response_model=Repost, tags=["reposts"])
async def show_repost(request: Request, who: Reader, response: Response, repost_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.repost(connection, repost_id)
    who.must_serve(found["county"])
    response.headers["ETag"] = f'"{_version(found["voided_at"])}"'
    return found


# -- volunteers' own pages ---------------------------------------------------------------------------------------------


@router.post("/volunteers/{volunteer_id}/link", status_code=201, response_model=Link, tags=["volunteers"])
async def issue_link(request: Request, who: Operator, volunteer_id: UUID) -> Link:
    """A new private link to the page on which a volunteer sees what counts and why not; an earlier one ends. It is shown
    once. An ``Idempotency-Key`` is not heeded: its answer would have to be kept."""

    async def work(connection: Connection, clock: Clock) -> str:
        return await volunteers.issue_link(connection, clock, who, volunteer_id)

    return Link(path=await submit(request, work))


@router.delete("/volunteers/{volunteer_id}/link", status_code=204, tags=["volunteers"])
async def revoke_link(request: Request, who: Operator, volunteer_id: UUID) -> Response:
    """Ends the volunteer's link at once."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await volunteers.revoke_link(connection, clock, who, volunteer_id)
        return Answer(None)

    response = await write(request, work)
    return Response(status_code=204) if response.status_code == 200 else response


async def _post_answer(connection: Connection, post_id: UUID, status: int) -> Answer:
    found = await queries.post(connection, post_id)
    return Answer(Post(**found), status, _version(found["withdrawn_at"]))


async def _repost_answer(connection: Connection, repost_id: UUID, status: int) -> Answer:
    found = await queries.repost(connection, repost_id)
    return Answer(Repost(**found), status, _version(found["voided_at"]))


def _version(undone_at: datetime | None) -> int:
    """A post or share changes once at most: when it is undone."""
    return 1 if undone_at is None else 2


def _version_read(request: Request) -> int | None:
    """What If-Match tells. Not required: what is undone cannot be undone again, so no update can be lost."""
    told = request.headers.get("if-match", "*").strip()
    if told == "*":
        return None
    if told not in ('"1"', '"2"'):
        raise Refusal("version_conflict")
    return int(told.strip('"'))
