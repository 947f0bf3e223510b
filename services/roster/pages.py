"""The roster's pages for people: units and their places, volunteers, the disclosure register."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.roster import people, queries
from services.roster.contacts import read as read_contact
from services.roster.personal import Contact
from services.roster.rules import State
from shared.access.guard import Operator, Reader
from shared.access.roles import Principal, Role
from shared.contracts.fields import Team
from shared.contracts.roster import Platform
from shared.postgres import Connection, in_transaction
from shared.web.forms import named, options
from shared.web.i18n import Catalogue
from shared.web.pages import asked, render, words_of
from shared.web.paging import Cursor, page
from shared.web.reads import snapshot

TEMPLATES = Path(__file__).with_name("templates")
router = APIRouter(include_in_schema=False)
PAGE = ["GET", "HEAD"]
WRITERS = (Role.COUNTY_OPERATOR, Role.CITY_OPERATOR)
LISTED = 50
_TIERS = ("city", "county", "organ", "township")


@router.api_route("/", methods=PAGE)
async def home(request: Request, who: Reader, year: str = "") -> Response:
    """Units with the fill of their quotas, and what awaits review. Townships stand on their county's page, unless there is
    only one county to show."""
    chosen = _year(request, year)
    async with snapshot(request) as connection:
        places = await queries.places(connection, who.county, chosen)
    shown = [place for place in places if who.county or place["kind"] != "township"]
    return render(
        request,
        "home.html",
        tab="home",
        year=chosen,
        this_year=_year(request, ""),
        tiers=[(kind, tier) for kind in _TIERS if (tier := [each for each in shown if each["kind"] == kind])],
        totals={
            name: sum(team[name] or 0 for place in places for team in place["teams"])
            for name in ("filled", "nominated", "waiting")
        },
        **common(request, who),
    )


@router.api_route("/units/{unit_id}", methods=PAGE)
async def unit(
    request: Request,
    who: Reader,
    unit_id: str,
    year: str = "",
    state: str = "",
    team: str = "",
    ref: str = "",
    cursor: Cursor = None,
    done: str = "",
) -> Response:
    """A unit's places, its parts, and its volunteers: searched by id or reference, filtered, paged."""
    chosen = _year(request, year)
    async with snapshot(request) as connection:
        found = await queries.unit(connection, unit_id)
        who.must_serve(found["county"])
        [place] = await queries.places(connection, None, chosen, unit_id=unit_id)
        parts = await queries.places(connection, None, chosen, parent_id=unit_id)
        rows = await queries.volunteers(
            connection,
            who.county,
            chosen,
            cursor,
            LISTED,
            unit_id=None if ref else unit_id,
            state=_known(state, State),
            team=_known(team, Team),
            ref=ref.strip()[:40] or None,
        )
    listed = page(rows, LISTED, ["volunteer_id"])
    words = words_of(request)
    query = {"year": year, "state": state, "team": team, "ref": ref}
    return render(
        request,
        "unit.html",
        tab="home",
        unit=found,
        place=place,
        parts=parts,
        year=chosen,
        this_year=_year(request, ""),
        volunteers=listed["items"],
        next=asked(**query, cursor=listed["next_cursor"]) if listed["next_cursor"] else None,
        asked=query,
        states=options(words, "roster.state", State),
        teams=options(words, "roster.team", Team),
        done=done if done in ("quota", "defined") else "",
        **common(request, who),
    )


@router.api_route("/volunteers/{volunteer_id}", methods=PAGE)
async def volunteer(request: Request, who: Reader, volunteer_id: UUID, done: str = "", same: str = "") -> Response:
    """``same``: ids of others who may be the same person, as a form found them."""
    return await show_volunteer(request, who, volunteer_id, done=done, same=same)


@router.post("/volunteers/{volunteer_id}/contact/show")
async def show_contact(request: Request, who: Operator, volunteer_id: UUID) -> Response:
    """A look at what is personal, on purpose and with an audit line."""

    async def work(connection: Connection) -> Contact:
        await people.served(connection, who, volunteer_id)
        return await read_contact(connection, who, request.app.state.vault, volunteer_id)

    contact = await in_transaction(request.app.state.pool, work)
    response = await show_volunteer(request, who, volunteer_id, contact=contact)
    response.headers["Cache-Control"] = "no-store"
    return response


async def show_volunteer(
    request: Request,
    who: Principal,
    volunteer_id: UUID,
    *,
    contact: Contact | None = None,
    done: str = "",
    same: str = "",
) -> Response:
    words = words_of(request)
    async with snapshot(request) as connection:
        found = await queries.volunteer(connection, volunteer_id, _year(request, ""))
        who.must_serve(found["county"])
        names = await queries.unit_names(connection)
        refs = await queries.ledger_refs(connection, volunteer_id)
        kept = await queries.has_contact(connection, volunteer_id)
        elsewhere: list[UUID] = []
        if who.county is None and who.is_any([Role.CITY_OPERATOR]):
            elsewhere = (await queries.in_other_counties(connection, [volunteer_id])).get(volunteer_id, [])
    told = f"roster.done.{done}"
    return render(
        request,
        "volunteer.html",
        tab="home",
        volunteer=found,
        units=_named(words, names),
        refs=refs,
        has_contact=kept,
        elsewhere=elsewhere,
        contact=contact,
        done=words(told) if told in words.messages else "",
        same=[each for each in same.split(",") if _is_id(each)],
        **common(request, who),
    )


@router.api_route("/disclosures", methods=PAGE)
async def disclosures(
    request: Request, who: Reader, county: str = "", platform: str = "", state: str = "standing", cursor: Cursor = None
) -> Response:
    """The disclosure register by county."""
    words = words_of(request)
    county = who.county or county
    async with snapshot(request) as connection:
        rows = await queries.disclosures(
            connection,
            county or None,
            cursor,
            LISTED,
            platform=_known(platform, Platform),
            standing={"standing": True, "withdrawn": False}.get(state),
        )
        names = _named(words, await queries.unit_names(connection, who.county))
        counties = [each for each in await queries.places(connection, who.county, 2000) if each["kind"] == "county"]
    listed = page(rows, LISTED, ["account_id"])
    query = {"county": county, "platform": platform, "state": state}
    return render(
        request,
        "disclosures.html",
        tab="disclosures",
        accounts=listed["items"],
        next=asked(**query, cursor=listed["next_cursor"]) if listed["next_cursor"] else None,
        units=names,
        asked=query,
        counties=[(each["county"], named(words, each["name"])) for each in counties],
        platforms=options(words, "roster.platform", Platform),
        **common(request, who),
    )


def common(request: Request, who: Principal) -> dict[str, Any]:
    """What every page of the roster needs."""
    return {
        "writes": who.is_any(WRITERS),
        "city": who.is_any([Role.CITY_OPERATOR]),
        "audits": who.is_any([Role.AUDITOR]),
    }


def _named(words: Catalogue, names: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {unit_id: named(words, name) for unit_id, name in names.items()}


def _known(told: str, codes: Any) -> str | None:
    """A filter that a link or form told; one that is unknown filters nothing."""
    return told if told in get_args(codes) else None


def _year(request: Request, told: str) -> int:
    if told.isascii() and told.isdecimal() and 2000 <= int(told) <= 2100:
        return int(told)
    return queries.year_of(request.app.state.clock)


def _is_id(told: str) -> bool:
    try:
        UUID(told)
    except ValueError:
        return False
    return True
