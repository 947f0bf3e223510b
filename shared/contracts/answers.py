"""Answers to reports: one each, the same whenever it is given again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from pydantic import BaseModel, ConfigDict

from shared.contracts.envelope import rfc3339
from shared.contracts.refusals import Refusal

ACCEPTED = "qingsheng.intake.accepted.v1"
REJECTED = "qingsheng.intake.rejected.v1"


class AcceptedData(BaseModel):
    """``event_ids``: the events it led to; ``subjects``: what they speak of, e.g. ``repost/0198…``."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    request_id: str
    request_source: str
    event_ids: list[UUID]
    subjects: list[str]


class Message(BaseModel):
    model_config = ConfigDict(frozen=True)
    zh: str
    en: str


class RejectedData(BaseModel):
    """``pointer``: JSON pointer to what is wrong; ``message``: what to do."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    request_id: str
    request_source: str
    code: str
    pointer: str | None = None
    message: Message


ANSWER_TYPES: dict[str, type[BaseModel]] = {ACCEPTED: AcceptedData, REJECTED: RejectedData}


def accepted(
    id: str, source: str, service: str, event_ids: Sequence[UUID], subjects: Sequence[str], at: datetime
) -> bytes:
    """The answer (a structured CloudEvent) to the report ``id`` of ``source`` that ``service`` took at ``at``."""
    # As AcceptedData says, written without it: there are as many as reports.
    data = {"request_id": id, "request_source": source, "event_ids": [*map(str, event_ids)], "subjects": [*subjects]}
    return _event(answer_id(source, id), ACCEPTED, id, service, data, at)


def rejected(id: str, source: str, service: str, refusal: Refusal, at: datetime) -> bytes:
    return _event(answer_id(source, id), REJECTED, id, service, _rejection(id, source, refusal), at)


def id_reused(id: str, source: str, digest: bytes, service: str, at: datetime) -> bytes:
    """The answer beside the first one, to other content under a used id."""
    answer = uuid5(NAMESPACE_URL, f"{source} {id} {digest.hex()}")
    return _event(answer, REJECTED, id, service, _rejection(id, source, Refusal("id_reused", pointer="/id")), at)


def answer_id(source: str, id: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"{source} {id}")


def _rejection(id: str, source: str, refusal: Refusal) -> dict[str, Any]:
    message = Message(**refusal.message)
    return RejectedData(
        request_id=id, request_source=source, code=refusal.code, pointer=refusal.pointer, message=message
    ).model_dump(mode="json", exclude_none=True)


def _event(answer: UUID, type_name: str, request_id: str, service: str, data: dict[str, Any], at: datetime) -> bytes:
    moment = rfc3339(at)
    told: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(answer),
        "source": f"/qingsheng/{service}",
        "type": type_name,
        "subject": f"request/{request_id}",
        "time": moment,
        "recordedtime": moment,
        "datacontenttype": "application/json",
        "partitionkey": request_id,
        "data": data,
    }
    return msgspec.json.encode(told)
