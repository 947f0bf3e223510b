"""Whole, contract-valid CloudEvents as plain dicts: ids, sequences, keys, subjects and times filled by the rules."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

A_DAY = timedelta(days=1)
A_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Shape:
    """What the contracts say of one type: its key field, its subject, and its own time field (None: it has none)."""

    key: str
    kind: str
    named_by: str
    own_time: str | None = None
    undoes: bool = False


SHAPES: dict[str, Shape] = {
    "roster.unit_defined": Shape("unit_id", "unit", "unit_id"),
    "roster.quota_set": Shape("unit_id", "unit", "unit_id"),
    "roster.volunteer_nominated": Shape("volunteer_id", "volunteer", "volunteer_id"),
    "roster.volunteer_registered": Shape("volunteer_id", "volunteer", "volunteer_id", "registered_on"),
    "roster.volunteer_declined": Shape("volunteer_id", "volunteer", "volunteer_id"),
    "roster.volunteer_transferred": Shape("volunteer_id", "volunteer", "volunteer_id", "effective_on"),
    "roster.volunteer_left": Shape("volunteer_id", "volunteer", "volunteer_id", "left_on"),
    "roster.account_disclosed": Shape("volunteer_id", "account", "account_id", "disclosed_at"),
    "roster.account_withdrawn": Shape("volunteer_id", "account", "account_id", "withdrawn_at"),
    "training.session_held": Shape("session_id", "session", "session_id", "starts_at"),
    "training.session_cancelled": Shape("session_id", "session", "session_id", undoes=True),
    "training.attendance_recorded": Shape("volunteer_id", "attendance", "attendance_id", "held_on"),
    "training.attendance_voided": Shape("volunteer_id", "attendance", "attendance_id", undoes=True),
    "opinion.tip_reported": Shape("tip_id", "tip", "tip_id", "reported_at"),
    "opinion.tip_triaged": Shape("tip_id", "tip", "tip_id", "triaged_at"),
    "opinion.tip_resolved": Shape("tip_id", "tip", "tip_id", "resolved_at"),
    "opinion.tip_voided": Shape("tip_id", "tip", "tip_id", undoes=True),
    "opinion.correction_opened": Shape("case_id", "case", "case_id", "opened_at"),
    "opinion.correction_closed": Shape("case_id", "case", "case_id", "closed_at"),
    "campaign.column_opened": Shape("column_id", "column", "column_id", "opened_on"),
    "campaign.post_published": Shape("post_id", "post", "post_id", "published_at"),
    "campaign.post_withdrawn": Shape("post_id", "post", "post_id", undoes=True),
    "campaign.repost_logged": Shape("volunteer_id", "repost", "repost_id", "shared_at"),
    "campaign.repost_voided": Shape("volunteer_id", "repost", "repost_id", undoes=True),
}


def uuid7(moment: datetime, *salt: object) -> str:
    """A UUIDv7: the moment in milliseconds, the rest from a hash of the salt (the same salt gives the same id)."""
    bits = int.from_bytes(hashlib.sha256(repr(salt).encode()).digest()[:10], "big")
    number = (int(moment.timestamp() * 1000) & (2**48 - 1)) << 80 | bits
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def encode(event: dict[str, Any]) -> bytes:
    """The record's value: structured CloudEvents JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def type_of(event: dict[str, Any]) -> str:
    """`campaign.repost_logged` of an event."""
    return event["type"].removeprefix("qingsheng.").rsplit(".", 1)[0]


def service_of(event: dict[str, Any]) -> str:
    """`campaign` of an event."""
    return event["source"].rsplit("/", 1)[-1]


def version_of(kind: str, data: dict[str, Any]) -> tuple[str, str]:
    """Service and key: what `sequence` and `recordedtime` rise by."""
    return kind.split(".")[0], data[SHAPES[kind].key]


class EventLog:
    """Events in the order in which each service recorded them for a key.

    Within a key of a service `sequence` rises, unless a call says otherwise, and `recordedtime` never goes back. No
    event is recorded after `now`, and no `time` lies more than 24 hours after its `recordedtime`.
    """

    def __init__(self, now: datetime, zone: ZoneInfo, name: object = 0) -> None:
        self.now = now.astimezone(UTC)
        self.zone = zone
        self.name = name
        self.events: list[dict[str, Any]] = []
        # By service and key: a volunteer has a version in each service.
        self._last: dict[tuple[str, str], tuple[int, datetime]] = {}
        self._ids = 0

    def new_id(self, moment: datetime | None = None) -> str:
        self._ids += 1
        return uuid7(moment or self.now, self.name, self._ids)

    def noon(self, day: date) -> datetime:
        return datetime.combine(day, time(12), tzinfo=self.zone).astimezone(UTC)

    def written(self, moment: datetime, style: int) -> str:
        """RFC 3339 in one of three spellings: local offset, Z, another offset."""
        if style == 1:
            return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if style == 2:
            return moment.astimezone(timezone(timedelta(hours=-3, minutes=-30))).isoformat()
        return moment.astimezone(self.zone).isoformat()

    def last_sequence(self, kind: str, data: dict[str, Any]) -> int:
        """The highest sequence so far of the thing that such an event would be about, 0 where it has none."""
        return self._last.get(version_of(kind, data), (0, self.now))[0]

    def tell(
        self,
        kind: str,
        data: dict[str, Any],
        county: str,
        *,
        happened: datetime | date | None = None,
        recorded: datetime | None = None,
        sequence: int | None = None,
        step: int = 1,
        style: int = 0,
    ) -> dict[str, Any]:
        """Adds one event and gives it.

        `happened`: the own time (a date for types dated by day), or when it was undone; not for types without own
        time, which happen when they are recorded. `recorded`: when it should be recorded, as near as the rules allow.
        `sequence`: instead of the next one, which lies `step` above the last.
        """
        shape = SHAPES[kind]
        version = version_of(kind, data)
        last_sequence, last_recorded = self._last.get(version, (0, datetime(2000, 1, 1, tzinfo=UTC)))

        moment: datetime | None = None
        if isinstance(happened, datetime):
            moment = happened.astimezone(UTC)
        elif happened is not None:
            moment = self.noon(happened)
        recorded = (recorded or moment or self.now).astimezone(UTC)
        earliest = last_recorded if moment is None else max(last_recorded, moment - A_DAY)
        recorded = min(max(recorded, earliest), self.now)
        assert moment is None or moment <= recorded + A_DAY, "happens too late for this log's now"

        text = self.written(moment or recorded, style)
        if shape.own_time is not None:
            assert happened is not None, f"{kind} needs its own time"
            day = isinstance(happened, date) and not isinstance(happened, datetime)
            data = {**data, shape.own_time: happened.isoformat() if day else text}
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.new_id(recorded),
            "source": f"/qingsheng/{version[0]}",
            "type": f"qingsheng.{kind}.v1",
            "subject": f"{shape.kind}/{data[shape.named_by]}",
            "time": text,
            "recordedtime": self.written(recorded, style),
            "sequence": str(last_sequence + step if sequence is None else sequence),
            "datacontenttype": "application/json",
            "county": county,
            "partitionkey": data[shape.key],
            "data": data,
        }
        self._last[version] = (max(last_sequence, int(event["sequence"])), recorded)
        self.events.append(event)
        return event
