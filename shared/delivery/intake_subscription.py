"""The Kafka side of the front door: every registered producer's intake topic of one service."""

from collections.abc import Sequence

from shared.contracts.decoding import Broken
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Unreadable, parse
from shared.contracts.topics import intake_pattern
from shared.delivery.dead_letters import Record
from shared.delivery.intake import Arrival, Door
from shared.delivery.subscription import Read, Subscription
from shared.postgres import Connection

MAX_RECORDS = 1_000
"""Reports a transaction: each holds row locks and answers, so smaller than a batch of events."""


def intake_subscription(service: str, door: Door) -> Subscription[Arrival]:
    """What cannot be read at all goes to dead letters, sealed; all else is answered."""

    def decode(record: Record) -> Arrival:
        producer = record.topic.rsplit(".", 1)[-1]
        try:
            return Arrival(producer, parse(record.value, record.headers))
        except Refusal as refusal:
            return Arrival(producer, refusal)
        except Unreadable as unreadable:
            raise Broken(unreadable.reason, str(unreadable)) from None

    async def apply(connection: Connection, reads: Sequence[Read[Arrival]]) -> None:
        await door.take(connection, [read.content for read in reads])

    return Subscription(
        topic=intake_pattern(service),
        decode=decode,
        apply=apply,
        is_pattern=True,
        sealed=True,
        examine=door.examine,
        max_records=MAX_RECORDS,
    )
