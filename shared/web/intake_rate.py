"""How fast a producer may report by HTTP: a bucket of tokens, one token a report, shared by all of a service's APIs."""

from math import ceil

from shared.postgres import Connection

SECONDS = 10
"""What the rate gives in so many seconds may come at once."""


async def wait_before(connection: Connection, producer: str, reports: int, rate: float) -> int:
    """Takes ``reports`` tokens from the producer's bucket, to which ``rate`` come back a second. Returns 0; or, with no
    token taken, the whole seconds after which there are some again.

    Whoever has a token left may go into debt for a batch and waits afterwards: so a batch of any size passes.
    """
    taken = await connection.fetchval(
        """insert into intake_bucket as b (producer, tokens, at) values ($1, $3::float8 * $4 - $2, clock_timestamp())
           on conflict (producer) do update
           set tokens = least($3 * $4, b.tokens + extract(epoch from clock_timestamp() - b.at) * $3) - $2,
               at = clock_timestamp()
           where b.tokens + extract(epoch from clock_timestamp() - b.at) * $3 > 0
           returning true""",
        producer,
        float(reports),
        rate,
        float(SECONDS),
    )
    if taken:
        return 0
    debt = await connection.fetchval(
        "select -tokens - extract(epoch from clock_timestamp() - at) * $2::float8 from intake_bucket where producer = $1",
        producer,
        rate,
    )
    return max(1, ceil((debt or 0.0) / rate))
