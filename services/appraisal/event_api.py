"""One event, whole, as it stands in its topic: the end of every way down from a score."""
# pyright: reportMissingTypeStubs=false

import asyncio
import json
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from fastapi import APIRouter, Request

from services.appraisal import period_storage, reports
from shared.access.guard import Reader
from shared.contracts.refusals import Refusal
from shared.delivery.broker import connection_options
from shared.settings import Settings
from shared.web.reads import reading

router = APIRouter(prefix="/api/v1", tags=["reports"])
PATIENCE = 5.0
"""Seconds until the broker counts as away."""
_AT_ONCE = asyncio.Semaphore(4)
"""Each look is a connection to the broker of its own."""


@router.get("/events/{event_id}")
async def event(request: Request, who: Reader, event_id: UUID) -> dict[str, Any]:
    """``{topic, partition, offset, event}``: the event that was taken in under this id, read anew from where it stands.
    404 for one that is not known, 503 while the broker is away."""
    settings: Settings = request.app.state.settings
    async with reading(request) as connection:
        place = await period_storage.place_of(connection, event_id)
    if place is None or place.offset is None or place.partition is None:
        raise Refusal("not_found", pointer="path:event_id")
    topic = reports.topic_of(place.kind)
    async with _AT_ONCE, asyncio.timeout(PATIENCE):
        value = await _read(settings, TopicPartition(settings.topic_prefix + topic, place.partition), place.offset)
    told = _event(value)
    if str(told.get("id", "")).lower() != str(event_id):
        raise Refusal("not_found", pointer="path:event_id")  # another log than the one it was taken in from
    return {"topic": topic, "partition": place.partition, "offset": place.offset, "event": told}


async def _read(settings: Settings, partition: TopicPartition, offset: int) -> bytes | None:
    """The value at this place, None where nothing stands. Raises KafkaError or TimeoutError while the broker is away."""
    consumer: Any = AIOKafkaConsumer(
        **connection_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=100,
        request_timeout_ms=int(PATIENCE * 1000),
    )
    try:
        await consumer.start()
        consumer.assign([partition])
        ends = await consumer.end_offsets([partition])
        beginnings = await consumer.beginning_offsets([partition])
        if not beginnings[partition] <= offset < ends[partition]:
            return None
        consumer.seek(partition, offset)
        record = await consumer.getone(partition)
        return record.value if record.offset == offset else None
    finally:
        await consumer.stop()


def _event(value: bytes | None) -> dict[str, Any]:
    """What stands at the place; nothing of it was changed, for only what was valid was taken in."""
    try:
        told = json.loads(value or b"")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
