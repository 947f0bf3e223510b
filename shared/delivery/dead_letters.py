"""Dead letters: records that could not be applied, kept as they were, and the bound on their share of a topic."""
# pyright: reportMissingTypeStubs=false

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord

from shared.postgres import Connection
from shared.security import Sealer

Record = ConsumerRecord[Any, Any]


@dataclass(frozen=True, slots=True)
class Dead:
    """A record and why it could not be applied. ``detail`` never quotes the record's content."""

    record: Record
    reason: str
    detail: str


class Bound:
    """The invalid share among the last ``window`` records of a topic; passed when above ``share``."""

    def __init__(self, window: int, share: float) -> None:
        self._window = window
        self._limit = window * share
        self._recent: deque[bool] = deque(maxlen=window)
        self._invalid = 0

    def passed_after(self, invalid: Sequence[bool]) -> int | None:
        """Takes note of the records, in order. Returns how many of them may be applied when the bound is passed by one
        of them (that one included), else None; what lies behind it is not taken note of."""
        for index, bad in enumerate(invalid):
            if len(self._recent) == self._window and self._recent[0]:
                self._invalid -= 1
            self._recent.append(bad)
            if bad:
                self._invalid += 1
                if len(self._recent) == self._window and self._invalid > self._limit:
                    return index + 1
        return None

    def took_valid(self, count: int) -> None:
        """The common case: valid records push others out of the window, and a window full of valid ones stays so."""
        if self._invalid or len(self._recent) < self._window:
            self.passed_after([False] * min(count, self._window))

    def passed_by(self, records: Sequence[Record], dead: Sequence[Dead]) -> int | None:
        """Takes note of a batch. Returns how many of its records may be applied when the bound is passed within it."""
        if not dead:
            self.took_valid(len(records))
            return None
        bad = {(letter.record.partition, letter.record.offset) for letter in dead}
        return self.passed_after([(record.partition, record.offset) in bad for record in records])

    def clear(self) -> None:
        self._recent.clear()
        self._invalid = 0


async def store(connection: Connection, dead: Sequence[Dead], sealer: Sealer | None) -> None:
    """Writes the dead letters; with a sealer their bytes are encrypted. A second telling of one record is ignored."""

    def kept(content: bytes | None) -> bytes | None:
        return content if content is None or sealer is None else sealer.seal(content)

    await connection.executemany(
        """insert into dead_letter (topic, "partition", "offset", key, value, headers, sealed, reason, detail)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing""",
        [
            (
                letter.record.topic,
                letter.record.partition,
                letter.record.offset,
                kept(letter.record.key),
                kept(letter.record.value),
                _headers(letter.record) if sealer is None else [],
                sealer is not None,
                letter.reason,
                letter.detail.replace("\x00", "\\0")[:1000],
            )
            for letter in dead
        ],
    )


def _headers(record: Any) -> list[list[str | None]]:
    """Headers as text; bytes that are not UTF-8 are shown escaped, so that nothing odd in them can fail the write."""
    return [
        [_text(str(name).encode("utf-8", "surrogatepass")), None if value is None else _text(value)]
        for name, value in record.headers or ()
    ]


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace").replace("\x00", "\\0")


async def erase_old(connection: Connection) -> int:
    """Erases the sealed bytes of records that arrived more than 30 days ago. Returns how many."""
    status = await connection.execute(
        """update dead_letter set key = null, value = null
           where sealed and value is not null and arrived_at < now() - interval '30 days'"""
    )
    return int(status.split()[-1])
