"""CloudEvents 1.0 envelope of our own events."""

from datetime import UTC, date, datetime, time
from typing import Any, ClassVar, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ConfigDict

NOON = time(12)


class EventData(BaseModel):
    """The ``data`` of an event type. Unknown fields are ignored: later versions may add some.

    ``TYPE``: the CloudEvents type. ``KEY``: the field that gives ``partitionkey``. ``SUBJECT``: kind and field of the
    subject. ``TIME``: the fact's own time field, None where the data has none. ``UNDOES``: whether it undoes a fact.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    TYPE: ClassVar[str]
    SERVICE: ClassVar[str]
    KEY: ClassVar[str]
    SUBJECT: ClassVar[tuple[str, str]]
    TIME: ClassVar[str | None] = None
    UNDOES: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.SERVICE = cls.TYPE.split(".")[1]

    def own_time(self, zone: ZoneInfo) -> datetime | None:
        """The fact's own time; a date stands for its local noon."""
        if self.TIME is None:
            return None
        told: datetime | date = getattr(self, self.TIME)
        return told if isinstance(told, datetime) else datetime.combine(told, NOON, zone)


class Event(msgspec.Struct, frozen=True):
    """A whole event. ``county`` is a six-digit code; ``sequence`` counts from 1 within ``partitionkey``."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    recordedtime: datetime
    sequence: int
    county: str
    partitionkey: str
    data: EventData
    traceparent: str | None = None

    @classmethod
    def of(
        cls,
        data: EventData,
        *,
        id: UUID,
        time: datetime,
        recordedtime: datetime,
        sequence: int,
        county: str,
        traceparent: str | None = None,
    ) -> Self:
        """The event that tells ``data``; source, type, subject and key follow from its type."""
        kind, field = data.SUBJECT
        return cls(
            id=id,
            source=f"/qingsheng/{data.SERVICE}",
            type=data.TYPE,
            subject=f"{kind}/{getattr(data, field)}",
            time=time,
            recordedtime=recordedtime,
            sequence=sequence,
            county=county,
            partitionkey=str(getattr(data, data.KEY)),
            data=data,
            traceparent=traceparent,
        )

    def to_json(self) -> bytes:
        """Structured mode, UTF-8; optional fields that are None are left out."""
        told: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(self.id),
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": rfc3339(self.time),
            "recordedtime": rfc3339(self.recordedtime),
            "sequence": str(self.sequence),
            "datacontenttype": "application/json",
            "county": self.county,
            "partitionkey": self.partitionkey,
        }
        if self.traceparent is not None:
            told["traceparent"] = self.traceparent
        told["data"] = msgspec.Raw(self.data.__pydantic_serializer__.to_json(self.data, exclude_defaults=True))
        return msgspec.json.encode(told)


def rfc3339(moment: datetime) -> str:
    """UTC with ``Z``, microseconds where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
