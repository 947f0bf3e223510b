"""The campaign over HTTP: columns, posts, shares."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.campaign import commands, queries
from services.campaign.models import (
    Column,
    LogRepost,
    OpenColumn,
    Page,
    Post,
    PublishPost,
    Repost,
    VoidRepost,
    WithdrawPost,
)
from services.campaign.rules import Share
from services.campaign.storage import url_digest
from shared.access.guard import Operator, Reader
from shared.clock import Clock
from shared.contracts.fields import Names, Url
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import Cursor, Limit
from shared.web.reads import reading
from shared.web.writes import Answer, write

router = APIRouter(prefix="/api/v1")


# -- columns -----------------------------------------------------------------------------------------------------------


@router.post("/columns", status_code=201, response_model=Column, tags=["columns"])
async def open_column(request: Request, who: Operator, told: OpenColumn) -> Response:
    """Opens a column of a unit; its county is the unit's."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        title = Names(zh=told.title.zh, en=told.title.en)
        column_id = await commands.open_column(connection, clock, title, told.opened_on, told.unit_id)
        return Answer(Column(**await queries.column(connection, column_id)), 201, 1)

    return await write(request, work)


@router.get("/columns", response_model=Page[Column], tags=["columns"])
async def list_columns(request: Request, who: Reader, cursor: Cursor = None, limit: Limit = 100) -> Any:
    async with reading(request) as connection:
        return _page(await queries.columns(connection, cursor, limit))


@router.get("/columns/{column_id}", response_model=Column, tags=["columns"])
async def show_column(request: Request, who: Reader, response: Response, column_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.column(connection, column_id)
    response.headers["ETag"] = '"1"'
    return dict(found)


# -- posts -------------------------------------------------------------------------------------------------------------


@router.post("/posts", status_code=201, response_model=Post, tags=["posts"])
async def publish_post(request: Request, who: Operator, told: PublishPost) -> Response:
    """Records a post that was published. A link that a standing post has, letter by letter, is ``already_recorded``;
    after that one was withdrawn it may be entered again."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        new = commands.NewPost(
            told.channel, told.unit_id, told.title, told.url, told.published_at, column_id=told.column_id
        )
        post_id = await commands.publish_post(connection, clock, new)
        return await _post_answer(connection, post_id, 201)

    return await write(request, work)


@router.post("/posts/{post_id}/withdraw", response_model=Post, tags=["posts"])
async def withdraw_post(request: Request, who: Operator, post_id: UUID, told: WithdrawPost) -> Response:
    """Withdraws a post. Its shares stay, and one made before the withdrawal is still taken. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.withdraw_post(connection, clock, post_id, told.reason, _version_read(request))
        return await _post_answer(connection, post_id, 200)

    return await write(request, work)


@router.get("/posts", response_model=Page[Post], tags=["posts"])
async def list_posts(
    request: Request,
    who: Reader,
    column_id: UUID | None = None,
    url: Url | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Posts, withdrawn ones too; of one column, or under one link."""
    digest = None if url is None else url_digest(url)
    async with reading(request) as connection:
        return await queries.posts(connection, cursor, limit, column_id=column_id, url_digest=digest)


@router.get("/posts/{post_id}", response_model=Post, tags=["posts"])
async def show_post(request: Request, who: Reader, response: Response, post_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.post(connection, post_id)
    response.headers["ETag"] = f'"{_version(found["withdrawn_at"])}"'
    return found


# -- shares ------------------------------------------------------------------------------------------------------------


@router.post("/reposts", status_code=201, response_model=Repost, tags=["reposts"])
async def log_repost(request: Request, who: Operator, told: LogRepost) -> Response:
    """Logs a share that a volunteer made from an account disclosed and verified at that time (charter C2)."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        share = Share(told.volunteer_id, told.account_id, told.shared_at, post_id=told.post_id, link=told.link)
        repost_id = await commands.log_repost(connection, clock, share)
        return await _repost_answer(connection, repost_id, 201)

    return await write(request, work)


@router.post("/reposts/{repost_id}/void", response_model=Repost, tags=["reposts"])
async def void_repost(request: Request, who: Operator, repost_id: UUID, told: VoidRepost) -> Response:
    """Voids a share: it stands in the list, and counts no more. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.void_repost(connection, clock, repost_id, told.reason, _version_read(request))
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
        return await queries.reposts(connection, cursor, limit, volunteer_id=volunteer_id, post_id=post_id)


@router.get("/reposts/{repost_id}", response_model=Repost, tags=["reposts"])
async def show_repost(request: Request, who: Reader, response: Response, repost_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.repost(connection, repost_id)
    response.headers["ETag"] = f'"{_version(found["voided_at"])}"'
    return found


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


def _page(rows: dict[str, Any]) -> dict[str, Any]:
    return rows | {"items": [dict(row) for row in rows["items"]]}
