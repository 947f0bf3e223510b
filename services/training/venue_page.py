"""The page on which a venue's host records who came: by a private link, without signing in, made for a phone."""

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.training import queries, rules, venues
from shared.access.guard import Anyone
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.forms import filled_in
from shared.web.pages import after_post, failure, render, words_of
from shared.web.reads import snapshot
from shared.web.writes import submit

router = APIRouter(include_in_schema=False, prefix="/venue")
_PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "Referrer-Policy": "no-referrer"}


@router.api_route("/{token}", methods=["GET", "HEAD"])
async def venue(request: Request, who: Anyone, token: str, recorded: int = 0) -> Response:
    return await _page(request, token, recorded=recorded)


@router.post("/{token}")
async def came(request: Request, who: Anyone, token: str) -> Response:
    """Records those ticked and those written; those refused stay in the form with the reason."""
    filled = await filled_in(request)
    told = [*filled.ticked.get("came", []), *filter(None, re.split(r"[\s,，、;；]+", filled.told.get("others", "")))]

    async def work(connection: Connection, clock: Clock) -> list[tuple[str, object]]:
        return [*await venues.record_at(connection, clock, token, told)]

    try:
        results = await submit(request, work) if told else []
    except Refusal as refusal:
        if refusal.code not in ("invalid_state", "too_large"):
            return _unknown(request)
        return await _page(request, token, others=filled.told.get("others", ""), problem=refusal)
    wrong = [(each, result) for each, result in results if isinstance(result, Refusal)]
    recorded = len(results) - len(wrong)
    if told and not wrong:
        return after_post(request, f"/training/venue/{token}?recorded={recorded}")
    return await _page(request, token, recorded=recorded, wrong=wrong, nobody=not told)


async def _page(
    request: Request,
    token: str,
    *,
    recorded: int = 0,
    wrong: list[tuple[str, Refusal]] | None = None,
    nobody: bool = False,
    others: str = "",
    problem: Refusal | None = None,
) -> Response:
    clock: Clock = request.app.state.clock
    try:
        async with snapshot(request) as connection:
            link = await venues.opened(connection, token)
            expected = await queries.expected_at(connection, link["session_id"], link["venue_no"])
            present = await queries.present_at(connection, link["session_id"], link["venue_no"])
    except Refusal:
        return _unknown(request)
    first, last = rules.days_of(link["starts_at"], link["ends_on"], clock.zone)
    today = clock.now().astimezone(clock.zone).date()
    state = rules.state_of(link["held"], link["cancelled_at"] is not None)
    if state == "held" and not first <= today <= last:
        state = "early" if today < first else "over"
    words = words_of(request)
    page = render(
        request,
        "venue.html",
        status=422 if wrong or nobody or problem else 200,
        link=link,
        state=state,
        first=first,
        last=last,
        expected=expected,
        present=present,
        recorded=recorded,
        wrong=[(each, refusal.message[words.language]) for each, refusal in wrong or ()],
        others=others or "\n".join(each for each, _ in wrong or ()),
        message=problem.message[words.language] if problem else words("training.venue.nobody") if nobody else "",
    )
    page.headers.update(_PRIVATE)
    return page


def _unknown(request: Request) -> Response:
    page = failure(request, Refusal("not_found"), hint=words_of(request)("training.venue.unknown"))
    page.headers.update(_PRIVATE)
    return page
