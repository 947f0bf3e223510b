"""Forms of the roster's pages: the review, nominating, and each step in a volunteer's time, shown once more before it is
done."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.roster import commands, comparing, contacts, disclosures, erasing, ledger, people, queries
from services.roster.models import (
    Confirm,
    Decline,
    DeclineMany,
    Disclose,
    Nominate,
    PersonalContact,
    Register,
    Transfer,
)
from services.roster.models import ContactList as ContactListTold
from services.roster.models import Leave as LeaveTold
from services.roster.pages import LISTED, PAGE, common
from services.roster.personal import Contact
from shared.access.guard import Operator
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.fields import Team
from shared.contracts.refusals import Refusal
from shared.contracts.roster import Category, DeclineReason, Platform
from shared.postgres import Connection, in_transaction
from shared.web import uploads
from shared.web.forms import body, errors, filled_in, moment, named, options
from shared.web.pages import after_post, asked, render, words_of
from shared.web.paging import Cursor, page
from shared.web.reads import reading, snapshot
from shared.web.writes import submit

router = APIRouter(include_in_schema=False)
_CONTACT = ("name", "phone", "email")
_HANDLES = get_args(Platform)
_NAMES = {"contact": "phone"} | {f"contact_{name}": name for name in (*_CONTACT, *_HANDLES)}
_NAMES |= {f"handles_{name}": name for name in _HANDLES} | {f"contact_handles_{name}": name for name in _HANDLES}
"""Where the form's fields are not called as in the body."""


# -- the review --------------------------------------------------------------------------------------------------------


@router.api_route("/review", methods=PAGE)
async def review(request: Request, who: Operator, unit_id: str = "", cursor: Cursor = None, done: str = "") -> Response:
    return await _review(request, who, unit_id, cursor, done=done)


@router.post("/review")
async def decide(request: Request, who: Operator) -> Response:
    """Confirms or declines all that were ticked, row by row: those refused are shown again, each with why."""
    form = await filled_in(request)
    chosen, told = form.ticked.get("chosen", []), form.told
    unit_id = told.get("unit_id", "")
    declining = told.get("what") == "decline"
    if not chosen:
        words = words_of(request)
        return await _review(request, who, unit_id, None, told, {"": words("roster.review.none_chosen")})

    async def work(connection: Connection, clock: Clock) -> tuple[list[UUID], list[Refusal | None]]:
        if declining:
            rows = [{"volunteer_id": each, "reason": told.get("reason", "")} for each in chosen]
            declinations = body(DeclineMany, {"declinations": rows}).declinations
            these = [commands.Declination(each.volunteer_id, each.reason) for each in declinations]
            return [each.volunteer_id for each in these], await commands.decline_all(connection, clock, who, these)
        days = {name: told.get(name) for name in ("registered_on", "consented_on")}
        confirmations = body(Confirm, {"confirmations": [{"volunteer_id": each} | days for each in chosen]})
        those = [commands.Confirmation(*each) for each in confirmations.rows()]
        return [each.volunteer_id for each in those], await commands.register_all(connection, clock, who, those)

    words = words_of(request)
    try:
        ids, answers = await submit(request, work)
    except (ValidationError, Refusal) as problem:
        wrong = {field.rpartition("_0_")[2]: text for field, text in errors(problem, words).items()}
        return await _review(request, who, unit_id, None, told, wrong, ticked=chosen)
    why = {id: refusal.message[words.language] for id, refusal in zip(ids, answers, strict=True) if refusal}
    count = str(len(ids) - len(why))
    if why:
        return await _review(request, who, unit_id, None, told, why=why, done=count)
    return after_post(request, f"/roster/review{asked(unit_id=unit_id, done=count)}")


async def _review(
    request: Request,
    who: Principal,
    unit_id: str,
    cursor: str | None,
    values: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    *,
    why: Mapping[UUID, str] | None = None,
    done: str = "",
    ticked: list[str] | None = None,
) -> Response:
    words, clock = words_of(request), request.app.state.clock
    async with snapshot(request) as connection:
        rows = await queries.volunteers(
            connection,
            who.county,
            queries.year_of(clock),
            cursor,
            LISTED,
            state="nominated",
            unit_id=unit_id or None,
        )
        names = await queries.unit_names(connection, who.county)
        listed = page(rows, LISTED, ["volunteer_id"])
        elsewhere: dict[UUID, list[UUID]] = {}
        across: list[dict[str, Any]] = []
        if who.county is None:
            ids = [each["volunteer_id"] for each in listed["items"]]
            elsewhere = await queries.in_other_counties(connection, ids)
            across = await queries.of_two_counties(connection, LISTED)
    today = clock.now().astimezone(clock.zone).date()
    return render(
        request,
        "review.html",
        status=422 if wrong or why else 200,
        tab="review",
        volunteers=listed["items"],
        elsewhere=elsewhere,
        across=across,
        next=asked(unit_id=unit_id, cursor=listed["next_cursor"]) if listed["next_cursor"] else None,
        units={each: named(words, name) for each, name in names.items()},
        unit_id=unit_id,
        values=values or {},
        errors=wrong or {},
        why=why or {},
        done=done if done.isdecimal() else "",
        ticked=ticked or [],
        today=today,
        reasons=options(words, "roster.reason", DeclineReason),
        **common(request, who),
    )


# -- nominating --------------------------------------------------------------------------------------------------------


@router.api_route("/nominate", methods=PAGE)
async def nominate_form(request: Request, who: Operator, unit_id: str = "") -> Response:
    return await _nominate(request, who, {"unit_id": unit_id})


@router.post("/nominate")
async def nominate(request: Request, who: Operator) -> Response:
    told = (await filled_in(request)).told
    pool, vault = request.app.state.pool, request.app.state.vault
    try:
        fields = {name: told.get(name) for name in ("unit_id", "team", "category")}
        read = body(Nominate, fields | {"contact": _contact(told)})
        contact = read.contact.read("/contact") if read.contact else None
        await comparing.noted(pool, who, [contact])

        async def work(connection: Connection, clock: Clock) -> commands.Nominated:
            return await commands.nominate(
                connection, clock, who, vault, read.unit_id, read.team, read.category, contact
            )

        found = await submit(request, work)
    except (ValidationError, Refusal) as problem:
        return await _nominate(request, who, told, errors(problem, words_of(request), _NAMES))
    same = ",".join(map(str, found.duplicates))
    return after_post(request, f"/roster/volunteers/{found.volunteer_id}{asked(done='nominate', same=same)}")


async def _nominate(
    request: Request, who: Principal, values: Mapping[str, str], wrong: Mapping[str, str] | None = None
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        names = await queries.unit_names(connection, who.county)
    return render(
        request,
        "nominate.html",
        status=422 if wrong else 200,
        tab="nominate",
        units=[(each, f"{named(words, name)} {each}") for each, name in names.items()],
        teams=options(words, "roster.team", Team),
        categories=options(words, "roster.category", Category),
        values=values,
        errors=wrong or {},
        **common(request, who),
    )


def _contact(told: Mapping[str, str]) -> dict[str, Any] | None:
    found: dict[str, Any] = {name: told[name] for name in _CONTACT if name in told}
    handles = {name: told[name] for name in _HANDLES if name in told}
    return (found | {"handles": handles}) if found or handles else None


# -- one volunteer, step by step ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """A step's form, as it was filled in."""

    who: Principal
    volunteer_id: UUID
    told: Mapping[str, str]
    request: Request


Work = Callable[[Connection, Clock, _Asked], Awaitable[str | None]]
Step = Literal["register", "decline", "transfer", "leave", "erase", "contact", "disclose", "withdraw"]


async def _register(connection: Connection, clock: Clock, form: _Asked) -> None:
    told = body(Register, _only(form, "registered_on", "consented_on"))
    confirmation = commands.Confirmation(form.volunteer_id, told.registered_on, told.consented_on)
    await commands.register(connection, clock, form.who, confirmation)


async def _decline(connection: Connection, clock: Clock, form: _Asked) -> None:
    told = body(Decline, _only(form, "reason"))
    await commands.decline(connection, clock, form.who, commands.Declination(form.volunteer_id, told.reason))


async def _transfer(connection: Connection, clock: Clock, form: _Asked) -> None:
    told = body(Transfer, _only(form, "to_unit_id", "effective_on"))
    await commands.transfer(connection, clock, form.who, form.volunteer_id, told.to_unit_id, told.effective_on)


async def _leave(connection: Connection, clock: Clock, form: _Asked) -> None:
    told = body(LeaveTold, _only(form, "left_on"))
    await commands.leave(connection, clock, form.who, form.volunteer_id, told.left_on)


async def _erase(connection: Connection, clock: Clock, form: _Asked) -> None:
    if "sure" not in form.told:
        reason = {"zh": "请确认本人要求删除", "en": "confirm that the person asked for it"}
        raise Refusal("schema", pointer="/sure", reason=reason)
    await erasing.erase(connection, clock, form.who, form.volunteer_id)


async def _change_contact(connection: Connection, clock: Clock, form: _Asked) -> str | None:
    """What is left empty stays as it is, so that nothing has to be shown for a change."""
    vault = form.request.app.state.vault
    told = _contact_told(form.told)
    volunteer = await people.served(connection, form.who, form.volunteer_id)
    before = (await contacts.opened(connection, vault, [form.volunteer_id])).get(form.volunteer_id)
    contact = before.with_more(told) if before else told
    same = await contacts.replace(connection, form.who, vault, volunteer, contact)
    return ",".join(map(str, same)) or None


def _contact_told(told: Mapping[str, str]) -> Contact:
    return body(PersonalContact, _contact(told) or {}).read()


async def _disclose(connection: Connection, clock: Clock, form: _Asked) -> None:
    days = {name: moment(form.told.get(name), clock.zone) for name in ("disclosed_at", "verified_at")}
    told = body(Disclose, _only(form, "platform", "disclosure_url") | days)
    disclosure = disclosures.Disclosure(told.platform, told.disclosed_at, told.verified_at, told.disclosure_url)
    await disclosures.disclose(connection, clock, form.who, form.volunteer_id, disclosure)


async def _withdraw(connection: Connection, clock: Clock, form: _Asked) -> None:
    account = await queries.account(connection, _id(form.told.get("account_id")))
    if account["volunteer_id"] != form.volunteer_id:
        raise Refusal("not_found")
    await disclosures.withdraw(connection, clock, form.who, account["account_id"], None)


_STEPS: dict[Step, Any] = {
    "register": _register,
    "decline": _decline,
    "transfer": _transfer,
    "leave": _leave,
    "erase": _erase,
    "contact": _change_contact,
    "disclose": _disclose,
    "withdraw": _withdraw,
}


@router.api_route("/volunteers/{volunteer_id}/{step}", methods=PAGE)
async def step_form(request: Request, who: Operator, volunteer_id: UUID, step: Step, account_id: str = "") -> Response:
    """What the step does is said before it is done."""
    return await _step(request, who, volunteer_id, step, {"account_id": account_id})


@router.post("/volunteers/{volunteer_id}/{step}")
async def take_step(request: Request, who: Operator, volunteer_id: UUID, step: Step) -> Response:
    told = (await filled_in(request)).told
    form = _Asked(who, volunteer_id, told, request)
    work: Work = _STEPS[step]
    try:
        if step == "contact":
            await comparing.noted(request.app.state.pool, who, [_contact_told(told)])
        same = await submit(request, lambda connection, clock: work(connection, clock, form))
    except (ValidationError, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code in ("forbidden", "not_found"):
            raise
        wrong = errors(problem, words_of(request), _NAMES)
        return await _step(request, who, volunteer_id, step, told, wrong)
    return after_post(request, f"/roster/volunteers/{volunteer_id}{asked(done=step, same=same)}")


async def _step(
    request: Request,
    who: Principal,
    volunteer_id: UUID,
    step: Step,
    values: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
) -> Response:
    words, clock = words_of(request), request.app.state.clock
    async with snapshot(request) as connection:
        found = await queries.volunteer(connection, volunteer_id, queries.year_of(clock))
        names = await queries.unit_names(connection)
    who.must_serve(found["county"])
    if step == "withdraw" and not any(
        str(each["account_id"]) == values.get("account_id") for each in found["accounts"]
    ):
        raise Refusal("not_found")
    return render(
        request,
        "step.html",
        status=422 if wrong else 200,
        tab="home",
        step=step,
        volunteer=found,
        units={each: named(words, name) for each, name in names.items()},
        reasons=options(words, "roster.reason", DeclineReason),
        platforms=options(words, "roster.platform", Platform),
        today=clock.now().astimezone(clock.zone).date(),
        values=dict(values),
        errors=wrong or {},
        **common(request, who),
    )


# -- a unit ------------------------------------------------------------------------------------------------------------


@router.api_route("/units/{unit_id}/contacts", methods=PAGE)
async def contacts_form(request: Request, who: Operator, unit_id: str) -> Response:
    return await _contacts(request, who, unit_id, {})


@router.post("/units/{unit_id}/contacts")
async def contact_list(request: Request, who: Operator, unit_id: str) -> Response:
    """The list as a workbook, for the reason told; audited."""
    told = (await filled_in(request)).told

    async def work(connection: Connection) -> Any:
        fields = {"unit_id": unit_id, "team": told.get("team"), "reason": told.get("reason", "")}
        read = body(ContactListTold, fields)
        return await people.contact_list(connection, who, request.app.state.vault, unit_id, read.team, read.reason)

    try:
        rows = await in_transaction(request.app.state.pool, work)
    except (ValidationError, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code in ("forbidden", "not_found"):
            raise
        return await _contacts(request, who, unit_id, told, errors(problem, words_of(request)))
    response = uploads.workbook(ledger.contact_list(rows, people.HEADINGS), f"contacts-{unit_id}.xlsx")
    response.headers["Cache-Control"] = "no-store"
    return response


async def _contacts(
    request: Request,
    who: Principal,
    unit_id: str,
    values: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        found = await queries.unit(connection, unit_id)
    who.must_serve(found["county"])
    return render(
        request,
        "contacts.html",
        status=422 if wrong else 200,
        tab="home",
        unit=found,
        teams=options(words, "roster.team", Team),
        values=values,
        errors=wrong or {},
        **common(request, who),
    )


def _only(form: _Asked, *names: str) -> dict[str, Any]:
    return {name: form.told.get(name) for name in names}


def _id(told: str | None) -> UUID:
    try:
        return UUID(told or "")
    except ValueError:
        raise Refusal("not_found") from None
