"""Tips that other systems report, and the door they come through."""

from collections.abc import Sequence
from typing import Any

from services.opinion import commands
from shared.clock import Clock
from shared.contracts.intake import TipReported
from shared.contracts.requests import Request
from shared.delivery.intake import Door, Outcome, in_data
from shared.delivery.references import called
from shared.postgres import Connection
from shared.settings import Settings


def create_door(settings: Settings) -> Door:
    clock = Clock(settings.zone, settings.story_mode)
    return Door("opinion", {TipReported.TYPE: take_tips}, clock, settings.secret_key.get_secret_value())


async def take_tips(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    data: list[Any] = [request.data for request in requests]
    relayed = {at: told.relayed_by for at, told in enumerate(data) if told.relayed_by is not None}
    found = await called(connection, [(requests[at], "volunteer", told) for at, told in relayed.items()])
    relaying = dict(zip(relayed, found, strict=True))
    tips = [
        commands.NewTip(
            told.channel,
            told.kind,
            told.topic,
            told.unit_id,
            told.text,
            relaying[at].id if at in relaying else None,
            told.reported_at,
        )
        for at, told in enumerate(data)
    ]
    outcomes = await commands.report_tips(connection, clock, tips)
    return [
        in_data(relaying[at].instead(outcome) if at in relaying else outcome) for at, outcome in enumerate(outcomes)
    ]
