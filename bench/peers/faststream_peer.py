"""FastStream: a handler for each message, one transaction of asyncpg, then the message is acknowledged."""

from datetime import datetime
from typing import Any

import asyncpg
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.security import SASLScram512

from bench.peers.told import DATABASE_URL, KAFKA, KAFKA_PASSWORD, KAFKA_USER, TOPIC

broker = KafkaBroker(KAFKA, security=SASLScram512(KAFKA_USER, KAFKA_PASSWORD, use_ssl=False), logger=None)
app = FastStream(broker, logger=None)
pool: Any = None


@app.on_startup
async def connect() -> None:
    global pool
    pool = await asyncpg.create_pool(DATABASE_URL, min_size=1, max_size=4)


@broker.subscriber(TOPIC, group_id="faststream", auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR)
async def take(event: dict[str, Any], message: KafkaMessage) -> None:
    data, raw = event["data"], message.raw_message
    async with pool.acquire() as connection, connection.transaction():
        fresh = await connection.fetchrow(
            """insert into peer.fact
                   (id, subject, volunteer, time, recordedtime, sequence, "offset", day, "partition", kind, flag, county)
               values ($1, $2, $3, $4, $5, $6, $7, ($4::timestamptz at time zone 'Asia/Shanghai')::date, $8, 14, 0, $9)
               on conflict (id) do nothing returning date_trunc('month', day)::date as month""",
            event["id"],
            data["repost_id"],
            data["volunteer_id"],
            datetime.fromisoformat(event["time"]),
            datetime.fromisoformat(event["recordedtime"]),
            int(event["sequence"]),
            raw.offset,
            raw.partition,
            event["county"],
        )
        if fresh is None:
            return
        n = await connection.fetchval(
            """insert into peer.person_count as p (volunteer, start, grain, county, n) values ($1, $2, 12, $3, 1)
               on conflict (volunteer, start, grain, county) do update set n = p.n + 1 returning n""",
            data["volunteer_id"],
            fresh["month"],
            event["county"],
        )
        if n <= 10:
            await connection.execute(
                """insert into peer.tally as t (measure, county, day, bucket, n) values (12, $1, $2, $3, 1)
                   on conflict (measure, county, day, bucket) do update set n = t.n + 1""",
                event["county"],
                fresh["month"],
                n,
            )


if __name__ == "__main__":
    import asyncio

    asyncio.run(app.run())
