"""Tips that other systems report, and the door they come through."""

from collections.abc import Sequence
from typing import Any

from services.opinion import commands
from shared.clock import Clock
from shared.contracts.intake import TipReported
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.delivery.intake import Door, Outcome, in_data, own_id
from shared.postgres import Connection
from shared.settings import Settings


def create_door(settings: Settings) -> Door:
    clock = Clock(settings.zone, settings.story_mode)
    return Door("opinion", {TipReported.TYPE: take_tips}, clock, settings.secret_key.get_secret_value())


async def take_tips(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    outcomes: dict[int, Outcome] = {}
    tips: dict[int, commands.NewTip] = {}
    for index, request in enumerate(requests):
        data: Any = request.data
        relayed_by = None if data.relayed_by is None else own_id(data.relayed_by)
        if data.relayed_by is not None and relayed_by is None:
            outcomes[index] = Refusal("unknown_volunteer", pointer="/data/relayed_by")
        else:
            tips[index] = commands.NewTip(
                data.channel, data.kind, data.topic, data.unit_id, data.text, relayed_by, data.reported_at
            )
    decided = await commands.report_tips(connection, clock, list(tips.values()))
    outcomes |= zip(tips, map(in_data, decided), strict=True)
    return [outcomes[index] for index in range(len(requests))]
