"""The campaign's pages for operators: columns, posts with their counts, lists of shares, volunteers' links."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.campaign import commands, lists, queries, uploading, volunteers
from services.campaign.models import OpenColumn, PublishPost, VoidRepost, WithdrawPost
from shared.access.guard import Operator, Reader
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.campaign import Channel, PostWithdrawReason, RepostVoidReason
from shared.contracts.fields import Names
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.tables import Table
from shared.web.forms import absolute, body, errors, filled_in, moment, named, options
from shared.web.pages import after_post, redirect, render, words_of
from shared.web.paging import Cursor
from shared.web.reads import reading, snapshot
from shared.web.upload_pages import Kind, UploadPages
from shared.web.writes import submit

TEMPLATES = Path(__file__).with_name("templates")
router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]
_LISTED = 30
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_WRITERS = (Role.COUNTY_OPERATOR, Role.CITY_OPERATOR)
_DONE = ("opened", "published", "withdrawn", "voided", "link", "link_ended")
Command = Callable[[Connection, Clock], Awaitable[Any]]


async def _run_shared(
    connection: Connection, clock: Clock, who: Principal, about: str, table: Table, tried: bool
) -> list[Any]:
    return await uploading.log_table(connection, clock, who, table, dry_run=tried)


uploads = UploadPages(
    "campaign", {"shared": Kind(lists.SHARED, lists.MAX_ROWS, _run_shared, lambda _: "/campaign/shares")}
)


@router.api_route("/", methods=_PAGE)
async def home(request: Request, who: Reader) -> Response:
    return redirect(request, "/campaign/posts")


# -- columns -----------------------------------------------------------------------------------------------------------


@router.api_route("/columns", methods=_PAGE)
async def columns(request: Request, who: Reader, cursor: Cursor = None) -> Response:
    return await _columns(request, who, cursor=cursor)


@router.post("/columns")
async def open_column(request: Request, who: Operator) -> Response:
    told = (await filled_in(request)).told
    try:
        title = {"zh": told.get("title_zh"), "en": told.get("title_en")}
        fields = {
            "title": {name: text for name, text in title.items() if text},
            "opened_on": told.get("opened_on"),
            "unit_id": told.get("unit_id"),
        }
        new = body(OpenColumn, fields)
        names = Names(zh=new.title.zh, en=new.title.en)

        async def work(connection: Connection, clock: Clock) -> tuple[UUID, str]:
            return await commands.open_column(connection, clock, who, names, new.opened_on, new.unit_id)

        column_id, _ = await submit(request, work)
    except (ValidationError, Refusal) as problem:
        return await _columns(request, who, values=told, wrong=_wrong(request, problem))
    return after_post(request, f"/campaign/columns/{column_id}?done=opened")


async def _columns(
    request: Request,
    who: Principal,
    *,
    cursor: str | None = None,
    values: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> Response:
    async with reading(request) as connection:
        page = await queries.columns(connection, who.county, cursor, _LISTED)
        units = await _units(request, connection, None)
        own = await _units(request, connection, who.county)
    return render(
        request,
        "columns.html",
        status=422 if wrong else 200,
        tab="columns",
        columns=page["items"],
        next=page["next_cursor"],
        units=units,
        own=list(own.items()),
        writes=who.is_any(_WRITERS),
        values=values or {},
        errors=wrong or {},
    )


@router.api_route("/columns/{column_id}", methods=_PAGE)
async def column(request: Request, who: Reader, column_id: UUID, done: str = "", cursor: Cursor = None) -> Response:
    async with snapshot(request) as connection:
        found = await queries.column(connection, column_id, who.county)
        page = await queries.latest_posts(connection, who.county, cursor, _LISTED, column_id=column_id)
        units = await _units(request, connection, None)
    return render(
        request,
        "column.html",
        tab="columns",
        column=found,
        posts=page["items"],
        next=page["next_cursor"],
        units=units,
        done=done if done in _DONE else "",
        writes=who.is_any(_WRITERS),
    )


# -- posts -------------------------------------------------------------------------------------------------------------


@router.api_route("/posts", methods=_PAGE)
async def posts(request: Request, who: Reader, cursor: Cursor = None) -> Response:
    async with reading(request) as connection:
        page = await queries.latest_posts(connection, who.county, cursor, _LISTED)
        units = await _units(request, connection, None)
    return render(
        request,
        "posts.html",
        tab="posts",
        posts=page["items"],
        next=page["next_cursor"],
        units=units,
        writes=who.is_any(_WRITERS),
    )


@router.api_route("/posts/new", methods=_PAGE)
async def new_post(request: Request, who: Operator, column: str = "") -> Response:
    return await _post_form(request, who, {"column_id": column})


@router.post("/posts/new")
async def publish(request: Request, who: Operator) -> Response:
    """Records a text on each channel that was given a link: a post each, all of them or none."""
    told = (await filled_in(request)).told
    channels = [channel for channel, _ in _channels(request) if told.get(f"url_{channel}")]
    try:
        if not channels:
            reason = {"zh": "请至少填写一个渠道的链接", "en": "give the link on one channel at least"}
            raise Refusal("schema", pointer=f"/url_{_channels(request)[0][0]}", reason=reason)
        new = [_told_post(request, told, channel) for channel in channels]

        async def work(connection: Connection, clock: Clock) -> list[UUID]:
            return await commands.publish_all(connection, clock, who, new)

        made = await submit(request, work)
    except (ValidationError, Refusal) as problem:
        return await _post_form(request, who, told, _wrong_post(request, problem, channels))
    return after_post(request, f"/campaign/posts/{made[0]}?done=published")


def _told_post(request: Request, told: Mapping[str, str], channel: str) -> commands.NewPost:
    """Raises ValidationError; Refusal ``schema`` at the channel's link."""
    fields: dict[str, Any] = {name: told.get(name) for name in ("unit_id", "title", "column_id")}
    fields |= {
        "channel": channel,
        "url": told[f"url_{channel}"],
        "published_at": moment(told.get("published_at"), request.app.state.settings.zone),
    }
    try:
        post = body(PublishPost, fields)
    except ValidationError as invalid:
        if {error["loc"][0] for error in invalid.errors()} == {"url"}:
            reason = {"zh": "须为公开网址，如 https://…", "en": "a public address, such as https://…"}
            raise Refusal("schema", pointer=f"/url_{channel}", reason=reason) from None
        raise
    return commands.NewPost(
        post.channel, post.unit_id, post.title, post.url, post.published_at, column_id=post.column_id
    )


def _wrong_post(request: Request, problem: ValidationError | Refusal, channels: list[str]) -> dict[str, str]:
    """A refusal's place in the list of posts is that of its channel."""
    wrong = _wrong(request, problem)
    for place, channel in enumerate(channels):
        for field in [name for name in wrong if name.startswith(f"{place}_")]:
            name = field.partition("_")[2]
            wrong[f"url_{channel}" if name == "url" else name] = wrong.pop(field)
    return wrong


async def _post_form(
    request: Request, who: Principal, values: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        units = await _units(request, connection, who.county)
        columns = (await queries.columns(connection, who.county, None, 1000))["items"]
    return render(
        request,
        "post_form.html",
        status=422 if wrong else 200,
        tab="new",
        units=list(units.items()),
        columns=[(str(each["column_id"]), named(words, each["title"])) for each in columns],
        channels=_channels(request),
        values=values,
        errors=wrong or {},
    )


def _channels(request: Request) -> list[tuple[str, str]]:
    return options(words_of(request), "campaign.channel", Channel)


@router.api_route("/posts/{post_id}", methods=_PAGE)
async def post(request: Request, who: Reader, post_id: UUID, done: str = "", cursor: Cursor = None) -> Response:
    return await _post(request, who, post_id, done=done, cursor=cursor)


@router.post("/posts/{post_id}/withdraw")
async def withdraw(request: Request, who: Operator, post_id: UUID) -> Response:
    told = (await filled_in(request)).told
    try:
        reason = body(WithdrawPost, {"reason": told.get("reason")}).reason
        await submit(request, lambda connection, clock: commands.withdraw_post(connection, clock, who, post_id, reason))
    except (ValidationError, Refusal) as problem:
        return await _post(request, who, post_id, step="withdraw", wrong=_shown(request, problem))
    return after_post(request, f"/campaign/posts/{post_id}?done=withdrawn")


@router.post("/posts/{post_id}/reposts/{repost_id}/void")
async def void(request: Request, who: Operator, post_id: UUID, repost_id: UUID) -> Response:
    told = (await filled_in(request)).told
    try:
        reason = body(VoidRepost, {"reason": told.get("reason")}).reason
        await submit(request, lambda connection, clock: commands.void_repost(connection, clock, who, repost_id, reason))
    except (ValidationError, Refusal) as problem:
        return await _post(request, who, post_id, step="void", wrong=_shown(request, problem))
    return after_post(request, f"/campaign/posts/{post_id}?done=voided#shares")


async def _post(
    request: Request,
    who: Principal,
    post_id: UUID,
    *,
    step: str = "",
    wrong: Mapping[str, str] | None = None,
    done: str = "",
    cursor: str | None = None,
) -> Response:
    """``step``: the form that was not taken, with what is wrong."""
    words = words_of(request)
    async with snapshot(request) as connection:
        found = await queries.post(connection, post_id, who.county)
        shares = await queries.reposts(connection, who.county, cursor, _LISTED, volunteer_id=None, post_id=post_id)
        units = await _units(request, connection, None)
    return render(
        request,
        "post.html",
        status=422 if wrong else 200,
        tab="posts",
        post=found,
        shares=shares["items"],
        next=shares["next_cursor"],
        units=units,
        writes=who.is_any(_WRITERS),
        own=who.is_any(_WRITERS) and who.county in (None, found["county"]),
        withdraw_reasons=options(words, "campaign.withdraw_reason", PostWithdrawReason),
        void_reasons=options(words, "campaign.void_reason", RepostVoidReason, without=["volunteer_request"]),
        step=step,
        values={},
        errors=wrong or {},
        done=done if done in _DONE else "",
    )


# -- lists of shares ---------------------------------------------------------------------------------------------------


@router.api_route("/shares", methods=_PAGE)
async def shares(request: Request, who: Operator) -> Response:
    return _shares(request)


@router.post("/shares")
async def upload(request: Request, who: Operator) -> Response:
    try:
        return await uploads.take(request, who, "shared", "")
    except Refusal as refusal:
        # Whatever is wrong with the whole is wrong with the file.
        return _shares(request, _wrong(request, Refusal(refusal.code, pointer="/file", **refusal.detail)))


def _shares(request: Request, wrong: Mapping[str, str] | None = None) -> Response:
    return render(
        request,
        "shares.html",
        status=422 if wrong else 200,
        tab="shares",
        columns=", ".join(column.named(words_of(request).language) for column in lists.SHARED),
        most=lists.MAX_ROWS,
        errors=wrong or {},
    )


# -- volunteers --------------------------------------------------------------------------------------------------------


@router.api_route("/volunteers", methods=_PAGE)
async def find_volunteer(request: Request, who: Operator, volunteer_id: str = "") -> Response:
    """To the page of the volunteer with this id."""
    wrong: dict[str, str] = {}
    if volunteer_id.strip():
        try:
            found = UUID(volunteer_id.strip())
            async with reading(request) as connection:
                await volunteers.serving(connection, who, found)
            return redirect(request, f"/campaign/volunteers/{found}")
        except (ValueError, Refusal) as problem:
            refusal = (
                problem
                if isinstance(problem, Refusal) and problem.code == "forbidden"
                else Refusal("unknown_volunteer")
            )
            wrong = {"volunteer_id": refusal.message[words_of(request).language]}
    return render(
        request,
        "volunteers.html",
        status=422 if wrong else 200,
        tab="volunteers",
        values={"volunteer_id": volunteer_id},
        errors=wrong,
    )


@router.api_route("/volunteers/{volunteer_id}", methods=_PAGE)
async def volunteer(
    request: Request, who: Operator, volunteer_id: UUID, done: str = "", link: str = "", cursor: Cursor = None
) -> Response:
    """What the volunteer's own page shows, and the link to it."""
    async with snapshot(request) as connection:
        await volunteers.serving(connection, who, volunteer_id)
        page = await queries.own_shares(connection, volunteer_id, cursor, _LISTED)
        counts = await queries.own_counts(connection, volunteer_id)
        issued_at: datetime | None = await queries.link_issued_at(connection, volunteer_id)
    return render(
        request,
        "volunteer.html",
        tab="volunteers",
        volunteer_id=volunteer_id,
        shares=page["items"],
        next=page["next_cursor"],
        counts=counts,
        issued_at=issued_at,
        done=done if done in _DONE else "",
        link=absolute(request, f"/campaign/mine/{link}") if _TOKEN.fullmatch(link) else "",
    )


@router.post("/volunteers/{volunteer_id}/link")
async def issue_link(request: Request, who: Operator, volunteer_id: UUID) -> Response:
    path = await submit(request, lambda connection, clock: volunteers.issue_link(connection, clock, who, volunteer_id))
    token = path.rpartition("/")[2]
    return after_post(request, f"/campaign/volunteers/{volunteer_id}?done=link&link={token}")


@router.post("/volunteers/{volunteer_id}/end-link")
async def end_link(request: Request, who: Operator, volunteer_id: UUID) -> Response:
    await submit(request, lambda connection, clock: volunteers.revoke_link(connection, clock, who, volunteer_id))
    return after_post(request, f"/campaign/volunteers/{volunteer_id}?done=link_ended")


def _shown(request: Request, problem: ValidationError | Refusal) -> dict[str, str]:
    """What is wrong, for the page to show; what has no page here goes on."""
    if isinstance(problem, Refusal) and problem.code in ("forbidden", "not_found"):
        raise problem
    return _wrong(request, problem)


def _wrong(request: Request, problem: ValidationError | Refusal) -> dict[str, str]:
    words = words_of(request)
    found = errors(problem, words, {"title": "title_zh"} if "columns" in request.url.path else None)
    if isinstance(problem, Refusal) and not (problem.pointer or "").strip("/"):
        found[""] = problem.message[words.language]
    return found


async def _units(request: Request, connection: Connection, county: str | None) -> dict[str, str]:
    """Names of units by their codes."""
    words = words_of(request)
    return {unit["unit_id"]: named(words, unit["name"]) for unit in await queries.units(connection, county)}
