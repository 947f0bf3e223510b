"""A volunteer's own page, by a private link: what of mine was counted, why not, and taking a share back."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.campaign import commands, queries, volunteers
from shared.access.guard import Anyone
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.pages import after_post, failure, render, words_of
from shared.web.paging import Cursor
from shared.web.reads import snapshot
from shared.web.writes import submit

router = APIRouter(include_in_schema=False, prefix="/mine")
_LISTED = 30
_PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}


@router.api_route("/{token}", methods=["GET", "HEAD"])
async def mine(request: Request, who: Anyone, token: str, done: bool = False, cursor: Cursor = None) -> Response:
    try:
        async with snapshot(request) as connection:
            volunteer_id = await volunteers.volunteer_of(connection, token)
            shares = await queries.own_shares(connection, volunteer_id, cursor, _LISTED)
            counts = await queries.own_counts(connection, volunteer_id)
    except Refusal as refusal:
        if refusal.code != "not_found":
            raise
        return _private(failure(request, refusal, hint=words_of(request)("campaign.mine.unknown")))
    return _private(
        render(
            request,
            "mine.html",
            shares=shares["items"],
            next=shares["next_cursor"],
            counts=counts,
            done=done,
            path=f"/campaign/mine/{token}",
        )
    )


@router.post("/{token}/reposts/{repost_id}/take-back")
async def take_back(request: Request, who: Anyone, token: str, repost_id: UUID) -> Response:
    async def work(connection: Connection, clock: Clock) -> None:
        volunteer_id = await volunteers.volunteer_of(connection, token)
        await commands.void_own(connection, clock, volunteer_id, repost_id)

    try:
        await submit(request, work)
    except Refusal as refusal:
        if refusal.code == "already_withdrawn":  # pressed twice
            return after_post(request, f"/campaign/mine/{token}?done=true")
        if refusal.code != "not_found":
            raise
        return _private(failure(request, refusal, hint=words_of(request)("campaign.mine.unknown")))
    return after_post(request, f"/campaign/mine/{token}?done=true")


def _private(page: Response) -> Response:
    page.headers.update(_PRIVATE)
    return page
