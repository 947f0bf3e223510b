"""How often the public form is taken from one address: a bucket of tokens each, found by a keyed hash of the address."""

from shared.access.attempts import place
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.security import keyed_hash

CAPACITY = 10
"""Reports that may follow each other; a text sent again after it was refused is one too."""
PER_HOUR = 6
"""Tokens that come back."""
RETRY_AFTER = 3600 // PER_HOUR
"""Seconds until there is one again."""


async def take_token(connection: Connection, secret: str, address: str) -> None:
    """Raises ``rate_limited`` when the bucket of this address is empty."""
    taken = await connection.fetchval(
        """insert into form_bucket as b (key, tokens, at) values ($1, $2::float8 - 1, now())
           on conflict (key) do update
           set tokens = least($2, b.tokens + extract(epoch from now() - b.at) * $3 / 3600) - 1, at = now()
           where least($2, b.tokens + extract(epoch from now() - b.at) * $3 / 3600) >= 1
           returning true""",
        keyed_hash(secret, "opinion form", place(address)),
        CAPACITY,
        PER_HOUR,
    )
    if not taken:
        raise Refusal("rate_limited")


async def forget_full_buckets(connection: Connection) -> None:
    """The job: a bucket that is full again says nothing any more."""
    await connection.execute(
        "delete from form_bucket where at < now() - make_interval(hours => $1)", CAPACITY // PER_HOUR + 1
    )
