"""Tips that other systems report, and the door they come through."""

from collections.abc import Sequence
from typing import Any

from services.opinion import commands
from services.opinion.screening import screen, screened
from shared.clock import Clock
from shared.contracts.intake import TipReported
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.delivery.intake import Door, Outcome, in_data, refusal_in_data
from shared.delivery.references import Called, called, unheard_of
from shared.postgres import Connection
from shared.settings import Settings


def create_door(settings: Settings) -> Door:
    clock = Clock(settings.zone, settings.story_mode)
    secret = settings.secret_key.get_secret_value()
    return Door(
        "opinion",
        {TipReported.TYPE: take_tips},
        clock,
        secret,
        {TipReported.TYPE: judge_tip},
        {TipReported.TYPE: examine_tip},
    )


async def take_tips(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    data: list[Any] = [request.data for request in requests]
    relayed = {at: told.relayed_by for at, told in enumerate(data) if told.relayed_by is not None}
    found = await called(connection, [(requests[at], "volunteer", told) for at, told in relayed.items()])
    relaying = dict(zip(relayed, found, strict=True))
    tips = [_tip(request, relaying.get(at)) for at, request in enumerate(requests)]
    outcomes = await commands.report_tips(connection, clock, tips)
    return [
        in_data(relaying[at].instead(outcome) if at in relaying else outcome) for at, outcome in enumerate(outcomes)
    ]


async def examine_tip(request: Request) -> Refusal | None:
    """Charter C4."""
    data: Any = request.data
    return await screened(data.text, "/data/text")


def judge_tip(request: Request, clock: Clock) -> Refusal | None:
    """What is refused whatever units and volunteers there are."""
    data: Any = request.data
    relaying = None if data.relayed_by is None else unheard_of(request, "volunteer", data.relayed_by)
    if refusal := screen(data.text, "/data/text"):
        return refusal
    if refusal := commands.flaw_of(_tip(request, relaying), clock.now()):
        return refusal_in_data(refusal)
    return Refusal("unknown_volunteer", pointer="/data/relayed_by") if relaying and relaying.never else None


def _tip(request: Request, relaying: Called | None) -> commands.NewTip:
    data: Any = request.data
    relayed_by = relaying.id if relaying else None
    return commands.NewTip(data.channel, data.kind, data.topic, data.unit_id, data.text, relayed_by, data.reported_at)
