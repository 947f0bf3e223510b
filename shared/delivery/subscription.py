"""What a service reads of a topic, and what it does with it."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from shared.delivery.dead_letters import Record
from shared.postgres import Connection

Content = TypeVar("Content")
Block = TypeVar("Block")
MAX_RECORDS = 10_000


class Read(NamedTuple, Generic[Content]):
    """A decoded record and the place it was read from. ``topic`` is the full name, with the deployment's prefix."""

    content: Content
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Bulk(Generic[Content, Block]):
    """A quicker way for the records of which there are most, beside the ordinary one, which stays the measure of it.

    ``take`` reads those that it can, as one block, and leaves the others in their order, good or bad. ``apply`` works
    within the batch's transaction on a block and what was read of the others. ``join`` makes one of several blocks of one
    topic. ``recorded`` tells by partition when the latest of a block was recorded. Where a block cannot be applied, its
    records are read again and go the ordinary way.
    """

    take: Callable[[Sequence[Record]], tuple[Block | None, Sequence[Record]]]
    apply: Callable[[Connection, Block, Sequence[Read[Content]]], Awaitable[None]]
    join: Callable[[Sequence[Block]], Block]
    recorded: Callable[[Block], Mapping[int, datetime]]


@dataclass(frozen=True)
class Subscription(Generic[Content]):
    """What a service reads and what it does with it.

    ``decode`` gives the content, None for a record that is not needed, or raises Broken. ``apply`` works within the
    batch's transaction. ``sealed``: bytes of dead letters are encrypted. ``recorded`` tells when a content was recorded.
    ``examine`` does, before the batch's transaction, what may take long with one content, and lets others go on meanwhile.
    Where there is one, a batch of a topic ends after ``SHARE``, and the other topics have their turn.
    ``only_projects``: nothing but rebuildable state is written. Then a commit need not wait for the disk: should
    PostgreSQL crash, effects and offset are lost together, and the records are read again.
    """

    topic: str
    decode: Callable[[Record], Content | None]
    apply: Callable[[Connection, Sequence[Read[Content]]], Awaitable[None]]
    is_pattern: bool = False
    sealed: bool = False
    only_projects: bool = False
    recorded: Callable[[Content], datetime] | None = None
    bulk: Bulk[Content, Any] | None = None
    examine: Callable[[Content], Awaitable[Content]] | None = None
    max_records: int = MAX_RECORDS

    def reads(self, topic: str, prefix: str) -> bool:
        """Whether a topic, by its full name, is one of this subscription's."""
        if self.is_pattern:
            return re.fullmatch(re.escape(prefix) + self.topic, topic) is not None
        return topic == prefix + self.topic
